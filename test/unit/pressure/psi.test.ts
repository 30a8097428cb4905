import { describe, expect, it } from 'vitest';
import { Machine } from '../../../src/machine/machine.ts';
import { parseTrigger } from '../../../src/machine/psi-triggers.ts';
import { PSI_PERIOD_US, PsiGroup } from '../../../src/mm/reclaim/psi.ts';
import { KernelError } from '../../../src/util/errors.ts';

describe('averages', () => {
  it('move as the kernel computes them: one full period', () => {
    const group = new PsiGroup(0);
    group.setShares(0, 1, 0);
    // 100 % × 2048 = 204800; (204800 × (2048 - 1677) + 2047) / 2048 = 37100 → 18.11; 6700+… → 3.27; 1400+… → 0.68
    expect(group.textAt(PSI_PERIOD_US)).toBe(
      'some avg10=18.11 avg60=3.27 avg300=0.68 total=2004000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n',
    );
  });

  it('decay to nothing when nobody waits', () => {
    const group = new PsiGroup(0);
    group.setShares(0, 1, 1);
    group.setShares(1_000_000, 0, 0);
    expect(group.textAt(PSI_PERIOD_US)).toContain('some avg10=8.87');
    group.settle(10 * 60 * 1_000_000 * 10);
    expect(group.textAt(10 * 60 * 1_000_000 * 10)).toBe(
      'some avg10=0.00 avg60=0.00 avg300=0.00 total=1000000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=1000000\n',
    );
    expect(group.nextUs).toBe(Number.POSITIVE_INFINITY);
  });

  it('do not depend on how often somebody looks', () => {
    const often = new PsiGroup(0);
    const seldom = new PsiGroup(0);
    for (const group of [often, seldom]) group.setShares(0, 0.37, 0.11);
    for (let t = 0; t <= 20_000_000; t += 7_777) often.settle(t);
    const text = often.textAt(20_000_000);
    expect(seldom.textAt(20_000_000)).toBe(text);
    expect(often.textAt(20_000_000)).toBe(text);
  });
});

describe('stalls', () => {
  it('hold a task up from now on, one after the other', () => {
    const machine = new Machine();
    const task = machine.createProcess({ name: 'A' });
    machine.psi.stall('memory', task, 300_000);
    machine.psi.stall('memory', task, 200_000);
    machine.advance(machine.nowUs + 1_000_000);
    expect(machine.psi.text('memory')).toMatch(/some .* total=500000\nfull .* total=500000\n/);
  });

  it('are not full while somebody else runs', () => {
    const machine = new Machine();
    const task = machine.createProcess({ name: 'A' });
    const other = machine.createProcess({ name: 'B' });
    machine.setLoad(other.leader, 0.75, 0, 0);
    machine.psi.stall('io', task, 400_000);
    machine.advance(machine.nowUs + 1_000_000);
    expect(machine.psi.text('io')).toMatch(/some .* total=400000\nfull .* total=100000\n/);
  });
});

describe('triggers', () => {
  it.each([
    ['some 150000 1000000', true],
    ['full 1 500000', true],
    ['some 150000 400000', false],
    ['some 150000 10000001', false],
    ['some 0 1000000', false],
    ['some 1000001 1000000', false],
    ['most 1 1000000', false],
    ['some 150000', false],
  ])('%s', (text, valid) => {
    if (valid) expect(parseTrigger(text, true)).toBeTruthy();
    else expect(() => parseTrigger(text, true)).toThrow(KernelError);
  });

  it('without privilege take windows of whole periods', () => {
    expect(() => parseTrigger('some 150000 1000000', false)).toThrow(KernelError);
    expect(parseTrigger('some 150000 2000000', false).windowUs).toBe(2_000_000);
  });

  it('fire once the threshold is crossed, and at most once in a window', () => {
    const machine = new Machine();
    const task = machine.createProcess({ name: 'A' });
    let fired = 0;
    const trigger = machine.psi.triggers.register('memory', 'some 150000 1000000');
    trigger.onEvent = () => fired++;
    machine.advance(5_000_000);
    expect(machine.psi.triggers.poll(trigger)).toBe(false);
    machine.psi.stall('memory', task, 150_000);
    machine.advance(5_100_000);
    expect(fired).toBe(0);
    machine.advance(5_200_000);
    expect(fired).toBe(1);
    expect(machine.psi.triggers.poll(trigger)).toBe(true);
    expect(machine.psi.triggers.poll(trigger)).toBe(false);
    machine.advance(9_000_000);
    expect(fired).toBe(1);
  });
});
