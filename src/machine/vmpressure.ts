/** Notifications of vmpressure: a log of levels and listeners, in place of the eventfds of the kernel. */
import { type PressureLevel, VmPressure, type WindowListener } from '../mm/reclaim/vmpressure.ts';
import type { Machine } from './machine.ts';

/** One notification. */
export interface PressureNote {
  /** Counts from 1. */
  readonly sequence: number;
  readonly level: PressureLevel;
  /** Share of what was looked at that could not be freed, in percent. */
  readonly percent: number;
  readonly timeUs: number;
}

/** Notifications that are kept. */
const KEPT = 1000;

/** Somebody who is told of every notification, in the middle of an allocation: may note things down, must not change memory. */
export interface PressureListener {
  onPressure(level: PressureLevel, percent: number): void;
}

export class PressureEvents implements WindowListener {
  private readonly machine: Machine;
  private readonly pressure = new VmPressure();
  readonly listeners: PressureListener[] = [];
  /** The latest notifications, oldest first. */
  readonly log: PressureNote[] = [];
  sequence = 0;
  readonly counts: Record<PressureLevel, number> = { low: 0, medium: 0, critical: 0 };

  constructor(machine: Machine) {
    this.machine = machine;
    this.pressure.listener = this;
  }

  note(scanned: number, reclaimed: number): void {
    this.pressure.note(scanned, reclaimed);
  }

  notePriority(priority: number): void {
    this.pressure.notePriority(priority);
  }

  onWindow(level: PressureLevel, percent: number): void {
    const note: PressureNote = { sequence: ++this.sequence, level, percent, timeUs: this.machine.nowUs };
    this.counts[level]++;
    this.log.push(note);
    if (this.log.length > 2 * KEPT) this.log.splice(0, KEPT);
    this.machine.log('vmpressure', { level, percent });
    for (const listener of this.listeners) listener.onPressure(level, percent);
  }
}
