/** The state of `reclaimfs top`: what was read last, what is selected, what has happened; keys change it. No terminal here. */

import { type ProcessRow, type Reading, Source } from '../../ui/proc/source.ts';
import { type Cell, cellsOf, readSpace, type Space } from '../../ui/proc/space.ts';
import { act } from './actions.ts';

/** Looks and events that are remembered. */
const MOST_KEPT = 500;

/** All that a frame shows. */
export interface View {
  readonly root: string;
  readonly isMount: boolean;
  readonly reading: Reading;
  /** MemAvailable in kB and PSI some avg10, a look each, the newest last. */
  readonly available: readonly number[];
  readonly pressure: readonly number[];
  readonly selected: ProcessRow | undefined;
  /** Undefined: no process, or its files may not be read. */
  readonly space: Space | undefined;
  readonly cells: readonly Cell[];
  readonly cursor: number;
  readonly events: readonly string[];
  /** What came of the last key. */
  readonly message: string;
}

export class Viewer {
  readonly #source: Source;
  #reading: Reading | undefined;
  #selectedPid: number | undefined;
  #space: Space | undefined;
  #nrCells: number;
  #cursor = 0;
  #message = '';
  readonly #available: number[] = [];
  readonly #pressure: number[] = [];
  readonly #events: string[] = [];
  /** Looks and keys one after the other. */
  #last: Promise<unknown> = Promise.resolve();

  /** `nrCells`: of the bar of the address space. */
  constructor(root: string, nrCells: number) {
    this.#source = new Source(root);
    this.#nrCells = nrCells;
  }

  get isMount(): boolean {
    return this.#source.isMount;
  }

  set nrCells(wanted: number) {
    this.#nrCells = wanted;
  }

  /** Reads everything again; the events that are new. Errors: those of a mount that has gone. */
  refresh(): Promise<string[]> {
    return this.#inTurn(async () => {
      const reading = await this.#look();
      keep(this.#available, [reading.meminfo.get('MemAvailable') ?? 0]);
      keep(this.#pressure, [reading.pressure?.some ?? 0]);
      const events = await this.#source.newEvents();
      keep(this.#events, events);
      return events;
    });
  }

  /** `up`, `down`, `left`, `right`, or the letter of an action; false: no such key. */
  press(key: string): Promise<boolean> {
    return this.#inTurn(async () => {
      if (key === 'up' || key === 'down') await this.#select(key === 'up' ? -1 : 1);
      else if (key === 'left' || key === 'right')
        this.#cursor = this.#clamped(this.#cursor + (key === 'left' ? -1 : 1));
      else if (this.isMount) {
        const { selected, cells, cursor } = this.view();
        const target = selected && { ...selected, range: cells[cursor] };
        const message = await act(this.#source, key, target);
        if (message === undefined) return false;
        this.#message = message;
        await this.#look();
      } else return false;
      return true;
    });
  }

  /** Only after the first refresh. */
  view(): View {
    const reading = this.#reading!;
    const cells = this.#space === undefined ? [] : cellsOf(this.#space, this.#nrCells);
    return {
      root: this.#source.root,
      isMount: this.isMount,
      reading,
      available: this.#available,
      pressure: this.#pressure,
      selected: reading.processes.find(({ pid }) => pid === this.#selectedPid),
      space: this.#space,
      cells,
      cursor: Math.max(0, Math.min(this.#cursor, cells.length - 1)),
      events: this.#events,
      message: this.#message,
    };
  }

  close(): Promise<void> {
    return this.#source.close();
  }

  async #look(): Promise<Reading> {
    const reading = await this.#source.read();
    this.#reading = reading;
    if (!reading.processes.some(({ pid }) => pid === this.#selectedPid)) this.#selectedPid = reading.processes[0]?.pid;
    await this.#lookInto(this.#selectedPid);
    return reading;
  }

  async #lookInto(pid: number | undefined): Promise<void> {
    this.#space = pid === undefined ? undefined : await readSpace(this.#source, pid).catch(() => undefined);
    this.#cursor = this.#clamped(this.#cursor);
  }

  async #select(by: number): Promise<void> {
    const { processes } = this.#reading!;
    const at = processes.findIndex(({ pid }) => pid === this.#selectedPid) + by;
    const wanted = processes[Math.max(0, Math.min(at, processes.length - 1))]?.pid;
    if (wanted === this.#selectedPid) return;
    this.#selectedPid = wanted;
    this.#cursor = 0;
    await this.#lookInto(wanted);
  }

  #clamped(cursor: number): number {
    const nrCells = this.#space === undefined ? 0 : cellsOf(this.#space, this.#nrCells).length;
    return Math.max(0, Math.min(cursor, nrCells - 1));
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work, work);
    this.#last = turn.catch(() => {});
    return turn;
  }
}

function keep<T>(kept: T[], added: readonly T[]): void {
  kept.push(...added.slice(-MOST_KEPT));
  kept.splice(0, kept.length - MOST_KEPT);
}
