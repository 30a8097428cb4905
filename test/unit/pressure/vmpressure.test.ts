import { describe, expect, it } from 'vitest';
import { pressureLevel, pressurePercent, VmPressure } from '../../../src/mm/reclaim/vmpressure.ts';

describe('vmpressure', () => {
  it.each([
    // scale = s + r; p = scale - r × scale / s; percent = p × 100 / scale, all in whole numbers
    [512, 512, 0, 'low'],
    [512, 600, 0, 'low'],
    [512, 256, 50, 'low'],
    [512, 206, 59, 'low'],
    [512, 205, 59, 'low'],
    [512, 204, 60, 'medium'],
    [512, 26, 94, 'medium'],
    [512, 25, 95, 'critical'],
    [512, 0, 100, 'critical'],
  ] as const)('%i looked at, %i freed: %i percent', (scanned, reclaimed, percent, level) => {
    expect(pressurePercent(scanned, reclaimed)).toBe(percent);
    expect(pressureLevel(scanned, reclaimed)).toBe(level);
  });

  it('adds up a window of 512 pages and starts again', () => {
    const pressure = new VmPressure();
    const seen: string[] = [];
    pressure.listener = { onWindow: (level, percent) => seen.push(`${level} ${percent}`) };
    for (let i = 0; i < 15; i++) pressure.note(32, 32);
    expect(seen).toEqual([]);
    pressure.note(32, 0);
    expect(seen).toEqual(['low 6']);
    pressure.note(0, 1000);
    pressure.note(512, 0);
    expect(seen).toEqual(['low 6', 'critical 100']);
  });

  it('is critical when the priority falls to 3', () => {
    const pressure = new VmPressure();
    const seen: string[] = [];
    pressure.listener = { onWindow: (level) => seen.push(level) };
    for (const priority of [12, 8, 4]) pressure.notePriority(priority);
    expect(seen).toEqual([]);
    pressure.notePriority(3);
    expect(seen).toEqual(['critical']);
  });
});
