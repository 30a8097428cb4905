/**
 * What happens on a machine as a trace: counters of the machine and of each process, events, kills, openings of apps and
 * who reclaims when on a time line.
 */
import type { MachineEvent } from '../../machine/event-log.ts';
import type { Machine } from '../../machine/machine.ts';
import type { Task } from '../../machine/task.ts';
import { utf8Of } from '../../util/bytes.ts';
import { eventPacket, firstPacket, type Track, trackPacket } from './packets.ts';

const PAGE = 4096;
/** Counters are looked at no more often, in virtual microseconds. */
export const SAMPLE_US = 100_000;

const MACHINE_COUNTERS: readonly [name: string, unit: 'bytes' | 'count', of: (machine: Machine) => number][] = [
  ['MemFree', 'bytes', ({ mem }) => mem.nrFree * PAGE],
  ['Cached', 'bytes', ({ mem }) => mem.nrFilePages * PAGE],
  ['Shmem', 'bytes', ({ mem }) => mem.nrShmem * PAGE],
  ['swap used', 'bytes', ({ mem }) => (mem.swap?.nrUsed ?? 0) * PAGE],
  ['PSI memory some avg10 %', 'count', ({ psi }) => psi.groups.memory.some.averages[0]! / 2048],
  ['PSI memory full avg10 %', 'count', ({ psi }) => psi.groups.memory.full.averages[0]! / 2048],
  ['PSI io some avg10 %', 'count', ({ psi }) => psi.groups.io.some.averages[0]! / 2048],
  ['pgmajfault', 'count', ({ mem }) => mem.events.pgmajfault],
  ['pswpin', 'count', ({ mem }) => mem.events.pswpin],
  ['pswpout', 'count', ({ mem }) => mem.events.pswpout],
];

const TASK_COUNTERS: readonly [name: string, of: (mm: NonNullable<Task['mm']>) => number][] = [
  ['RssAnon', ({ rssAnon }) => rssAnon * PAGE],
  ['RssFile', ({ rssFile }) => rssFile * PAGE],
  ['RssShmem', ({ rssShmem }) => rssShmem * PAGE],
  ['VmSwap', ({ swapents }) => swapents * PAGE],
];

/** Whose reclaim is shown as slices: CPU time or waiting so far, in microseconds. */
const RECLAIMERS: readonly [name: string, usedUs: (machine: Machine) => number][] = [
  ['kswapd', ({ pressure }) => pressure.kswapd.cpuUs],
  ['direct reclaim', ({ pressure }) => pressure.directUs],
  ['task managers', ({ daemons }) => daemons.cpuUs],
];

const MACHINE_TRACK = 1;

/** Watches machines, one after the other, and gives `sink` the bytes of the trace as they come. */
export class PerfettoTrace {
  readonly #sink: (bytes: Uint8Array) => void;
  #machine: Machine | undefined;
  /** Where a machine has gone back in time, the trace goes on where it was. */
  #shiftUs = 0;
  #lastUs = 0;
  #nextTrack = 2;
  /** Tracks by process (its number among all ever made) and what they are for. */
  readonly #tracks = new Map<string, number>();
  readonly #values = new Map<number, number>();
  readonly #reclaiming = RECLAIMERS.map(() => ({ usedUs: 0, busy: false }));
  #sampledUs = 0;

  constructor(sink: (bytes: Uint8Array) => void) {
    this.#sink = sink;
    sink(firstPacket());
    sink(trackPacket({ uuid: MACHINE_TRACK, name: 'machine', pid: 0 }));
  }

  /** From now on it is this machine. */
  watch(machine: Machine): void {
    this.#machine = machine;
    this.#shiftUs = Math.max(0, this.#lastUs - machine.nowUs);
    machine.events.onTrace = (event) => {
      if (this.#machine === machine) this.#event(event);
    };
    machine.onTime = () => {
      if (this.#machine === machine && machine.nowUs + this.#shiftUs >= this.#sampledUs + SAMPLE_US)
        this.#sample(machine);
    };
    for (const [i, [, usedUs]] of RECLAIMERS.entries()) this.#reclaiming[i]!.usedUs = usedUs(machine);
    this.#sample(machine);
  }

  /** The last look at the counters. */
  end(): void {
    if (this.#machine !== undefined) this.#sample(this.#machine);
  }

  #timeUs(machineUs: number): number {
    const us = machineUs + this.#shiftUs;
    this.#lastUs = Math.max(this.#lastUs, us);
    return us;
  }

  #sample(machine: Machine): void {
    const atUs = this.#timeUs(machine.nowUs);
    for (const [name, unit, of] of MACHINE_COUNTERS)
      this.#count(atUs, this.#track(`machine ${name}`, { name, parent: MACHINE_TRACK, unit }), of(machine));
    for (const i of RECLAIMERS.keys()) this.#reclaim(machine, i);
    this.#sampledUs = atUs;
    for (const task of machine.tasks.values()) {
      const { mm } = task;
      if (mm === null) continue;
      const parent = this.#processTrack(task);
      for (const [name, of] of TASK_COUNTERS)
        this.#count(atUs, this.#track(`${task.serial} ${name}`, { name, parent, unit: 'bytes' }), of(mm));
    }
  }

  /** A slice reaches from the look before the first that finds work done to the last that does. */
  #reclaim(machine: Machine, i: number): void {
    const [name, usedUs] = RECLAIMERS[i]!;
    const was = this.#reclaiming[i]!;
    const busy = usedUs(machine) > was.usedUs;
    was.usedUs = usedUs(machine);
    if (busy === was.busy) return;
    was.busy = busy;
    const track = this.#track(name, { name, parent: MACHINE_TRACK });
    if (busy) this.#sink(eventPacket(this.#sampledUs, { track, type: 'begin', name: 'reclaim', category: 'reclaim' }));
    else this.#sink(eventPacket(this.#sampledUs, { track, type: 'end' }));
  }

  /** A counter holds its value until the next. */
  #count(atUs: number, track: number, value: number): void {
    if (this.#values.get(track) === value) return;
    this.#values.set(track, value);
    this.#sink(eventPacket(atUs, { track, type: 'counter', value }));
  }

  #event({ type, time, ...members }: MachineEvent): void {
    const machine = this.#machine!;
    const task = machine.tasks.get(Number(members['pid']));
    const track = task === undefined ? MACHINE_TRACK : this.#processTrack(task);
    const atUs = this.#timeUs(time * 1e6);
    const told = Object.fromEntries(
      Object.entries(members).map(([key, value]) => [key, typeof value === 'string' ? utf8Of(value) : value]),
    );
    const category = type.includes('kill') || type === 'signal' ? 'kill' : type;
    const { ms } = members;
    if (typeof ms !== 'number') {
      this.#sink(eventPacket(atUs, { track, type: 'instant', name: type, category, members: told }));
      return;
    }
    // It took its time, and is told of when it is over. Slices of one track do not overlap.
    const own = this.#track(`openings ${track}`, { name: 'openings', parent: track });
    const name = `${type} ${utf8Of(String(members['app'] ?? ''))}`.trim();
    this.#sink(
      eventPacket(Math.max(0, atUs - ms * 1000), { track: own, type: 'begin', name, category, members: told }),
    );
    this.#sink(eventPacket(atUs, { track: own, type: 'end' }));
  }

  #processTrack(task: Task): number {
    return this.#track(`process ${task.serial}`, { name: utf8Of(task.comm), pid: task.pid });
  }

  #track(key: string, track: Omit<Track, 'uuid'>): number {
    let uuid = this.#tracks.get(key);
    if (uuid === undefined) {
      uuid = this.#nextTrack++;
      this.#tracks.set(key, uuid);
      this.#sink(trackPacket({ uuid, ...track }));
    }
    return uuid;
  }
}
