/**
 * What the notifier asks the machine: a JSON object written to a hidden file of the tree, whose answer is then read from it.
 * By way of the mount, so that it takes its turn among all other requests, whatever the transport.
 */

import type { CgroupVersion } from '../../../machine/machine.ts';

export interface SysinfoAnswer {
  /** Seconds. */
  readonly uptime: number;
  /** Hundredths. */
  readonly loads: readonly number[];
  /** Bytes. */
  readonly totalRam: number;
  readonly freeRam: number;
  readonly sharedRam: number;
  readonly totalSwap: number;
  readonly freeSwap: number;
  readonly threads: number;
}

export interface MachineAnswer {
  readonly cpus: number;
  readonly hostname: string;
  readonly release: string;
  readonly cgroup: CgroupVersion;
  readonly version: string;
}

/** A process, found by the number of any of its threads. */
export interface TaskAnswer {
  readonly pid: number;
  /** Tells two holders of one number apart. */
  readonly serial: number;
  readonly zombie: boolean;
  readonly nice: number;
  /** None: all. */
  readonly cpus: readonly number[];
  readonly pgrp: number;
  readonly session: number;
}

/** `tid`: the thread that makes the call. Numbers in answers are what the call returns: -errno for an error. */
export type DeskRequest =
  | { readonly ask: 'sysinfo' }
  | { readonly ask: 'machine' }
  /** May the caller do more with the kernel's log than read it; `clear`: and does it. */
  | { readonly ask: 'syslog'; readonly tid: number; readonly clear: boolean }
  | { readonly ask: 'task'; readonly pid: number }
  | { readonly ask: 'signal'; readonly tid: number; readonly pid: number; readonly signal: number }
  | { readonly ask: 'signal-group'; readonly tid: number; readonly pgrp: number; readonly signal: number }
  | { readonly ask: 'nice'; readonly tid: number; readonly pid: number; readonly nice: number }
  | { readonly ask: 'affinity'; readonly tid: number; readonly pid: number; readonly cpus: readonly number[] }
  | {
      readonly ask: 'rlimit';
      readonly tid: number;
      readonly pid: number;
      readonly resource: number;
      /** As decimal numbers or `unlimited`; absent: only to be told. */
      readonly soft?: string;
      readonly hard?: string;
    }
  | { readonly ask: 'may'; readonly tid: number; readonly pid: number; readonly what: 'set' | 'attach' | 'read' }
  | {
      readonly ask: 'madvise';
      readonly tid: number;
      readonly pid: number;
      readonly advice: number;
      /** [address, bytes], in decimal. */
      readonly ranges: readonly (readonly [string, string])[];
    }
  | { readonly ask: 'time' }
  /** Go on to a moment, in virtual microseconds since boot (null: to the end), or to what may wake somebody. See RunClock. */
  | { readonly ask: 'advance'; readonly toUs: number | null; readonly watched: boolean }
  | { readonly ask: 'mrelease'; readonly tid: number; readonly pid: number }
  /** Of files by their path on the simulated disk; in pages, `last` included. */
  | {
      readonly ask: 'cachestat';
      readonly path: string;
      readonly first: number;
      readonly last: number;
      readonly flags: number;
    }
  | { readonly ask: 'incore'; readonly path: string; readonly first: number; readonly count: number }
  | {
      readonly ask: 'fadvise';
      readonly path: string;
      /** Bytes, in decimal. */
      readonly offset: string;
      readonly length: string;
      readonly advice: 'willneed' | 'dontneed';
    };

/** Microseconds: since boot, and from 1970 to boot; `busy`: the machine is at work for somebody who waits for it; `readers`: who wait for events. */
export interface TimeAnswer {
  readonly nowUs: number;
  readonly bootUs: number;
  readonly busy: boolean;
  readonly readers: number;
}

/** Where the machine has come to; `over`: at the end of the run. */
export interface AdvanceAnswer {
  readonly nowUs: number;
  readonly over: boolean;
}

export interface DeskAnswers {
  readonly time: TimeAnswer;
  readonly advance: AdvanceAnswer;
  readonly sysinfo: SysinfoAnswer;
  readonly machine: MachineAnswer;
  readonly syslog: number;
  readonly task: TaskAnswer | null;
  readonly signal: number;
  readonly 'signal-group': number;
  readonly nice: number;
  readonly affinity: number;
  readonly rlimit: number;
  readonly may: number;
  readonly madvise: number;
  readonly mrelease: number;
  /** Pages as in struct cachestat: nr_cache, nr_dirty, nr_writeback, nr_evicted, nr_recently_evicted. */
  readonly cachestat: readonly number[] | number;
  /** Bits, in base64. */
  readonly incore: string;
  readonly fadvise: number;
}
