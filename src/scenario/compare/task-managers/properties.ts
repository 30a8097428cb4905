/** Settings of daemons: by name, what they are where nothing is said, and how they are read. */
import type { Machine } from '../../../machine/machine.ts';

export interface Property {
  readonly otherwise: string;
  /** Undefined: that is no value. */
  read(text: string): number | undefined;
}

export type Properties = Readonly<Record<string, Property>>;

/** Android's way to write yes and no, as 1 and 0. */
export function readFlag(text: string): number | undefined {
  if (['true', '1', 'y', 'yes', 'on'].includes(text)) return 1;
  return ['false', '0', 'n', 'no', 'off'].includes(text) ? 0 : undefined;
}

/** A whole number within bounds. */
export function readNumber(min: number, max: number): (text: string) => number | undefined {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    return value >= min && value <= max ? value : undefined;
  };
}

/** The value in force: imposed on the machine, or the default. */
export function propertyOf(machine: Machine, properties: Properties, name: string): number {
  const property = properties[name]!;
  return property.read(machine.imposed.get(name) ?? property.otherwise)!;
}
