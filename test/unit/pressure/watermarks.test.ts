import { describe, expect, it } from 'vitest';
import { Machine } from '../../../src/machine/machine.ts';
import { setSysctl } from '../../../src/machine/sysctl.ts';
import { computeWatermarks, defaultMinFreeKbytes } from '../../../src/mm/reclaim/watermarks.ts';

describe('watermarks', () => {
  it.each([
    // int_sqrt(2097152 kB × 16) = 5792; 5792/4 = 1448; 524288 × 10 / 10000 = 524
    [524_288, 5792, { min: 1448, low: 1972, high: 2496 }],
    // int_sqrt(65536 × 16) = 1024; 256; max(64, 16)
    [16_384, 1024, { min: 256, low: 320, high: 384 }],
    // The least is 128 kB: 32; max(8, 0)
    [256, 128, { min: 32, low: 40, high: 48 }],
    // 127 GiB: sqrt(133169152 × 16) = 46159; 11539; 33292288 × 10 / 10000 = 33292
    [33_292_288, 46_159, { min: 11_539, low: 44_831, high: 78_123 }],
  ])('of %i pages', (pages, kilobytes, marks) => {
    expect(defaultMinFreeKbytes(pages)).toBe(kilobytes);
    expect(computeWatermarks(pages, 0, 10)).toEqual(marks);
  });

  it('follow the settings', () => {
    const machine = new Machine({ ramBytes: 64 * 2 ** 20 });
    setSysctl(machine, 'vm.min_free_kbytes', '4096');
    setSysctl(machine, 'vm.watermark_scale_factor', '1000');
    expect(machine.mem.watermarks).toEqual({ min: 1024, low: 1024 + 1638, high: 1024 + 2 * 1638 });
    expect(machine.mem.lowFreePages).toBe(1024 + 1638);
  });
});
