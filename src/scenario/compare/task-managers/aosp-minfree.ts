/**
 * The table of the low-memory killer as Android's activity manager writes it. Mirrors: ProcessList.updateOomLevels, for
 * 32 bits: between a low and a high table by how far memory lies between 350 and 700 MB. The other way to get there, a
 * display of more than 800 × 480 points, is left out: there is no display here.
 */
import type { Machine } from '../../../machine/machine.ts';

const ADJ: readonly number[] = [0, 100, 200, 300, 900, 906];
const LOW_KB: readonly number[] = [12_288, 18_432, 24_576, 36_864, 43_008, 49_152];
const HIGH_KB: readonly number[] = [73_728, 92_160, 110_592, 129_024, 147_456, 184_320];
const SCALE_FROM_MB = 350;
const SCALE_OVER_MB = 350;

/** Marks in kB for a machine of so many MB. */
export function aospMinfreeKb(ramMb: number): number[] {
  const scale = Math.min(1, Math.max(0, (ramMb - SCALE_FROM_MB) / SCALE_OVER_MB));
  return LOW_KB.map((low, i) => Math.trunc(low + (HIGH_KB[i]! - low) * scale));
}

/** Switches the low-memory killer on with that table. */
export function configureLmk(machine: Machine): void {
  const ramMb = Math.floor(machine.options.ramBytes / 1024 ** 2);
  machine.lmk.configure({ adj: ADJ, minfree: aospMinfreeKb(ramMb).map((kb) => Math.floor(kb / 4)) });
}
