/** The `machine` line: what a scenario may begin with, and the line that gives a machine's options again. */
import { KERNEL_NAMES } from '../machine/kernels.ts';
import {
  CGROUP_VERSIONS,
  DEFAULT_RAM,
  DEFAULT_SWAP,
  type Machine,
  type MachineOptions,
  PSI_MODES,
} from '../machine/machine.ts';
import { PROFILE_NAMES } from '../machine/profiles.ts';
import type { DeviceOptions } from '../machine/storage.ts';
import { PAGE_KINDS } from '../mm/pages/page-kinds.ts';
import { LRU_KINDS } from '../mm/reclaim/choose-policy.ts';
import type { SwapKind } from '../mm/swap/swap.ts';
import { factorOf } from './impose.ts';
import { Args, MAX_ADDRESS, parseSize, quoteValue, splitWords, type Word } from './words.ts';

/** The line that a scenario may begin with: no step, for it says what the machine is before there is one. */
export const MACHINE_LINE = {
  word: 'machine',
  usage: `machine [ram=SIZE] [swap=SIZE] [swapkind=zram|disk] [profile=${PROFILE_NAMES.join('|')}] [kernel=${KERNEL_NAMES.join('|')}] [psi=${PSI_MODES.join('|')}] [cgroup=${CGROUP_VERSIONS.join('|')}] [lru=${LRU_KINDS.join('|')}] [seed=N] [cpus=N] [uptime=TIME] [boot=MS] [hostname=TEXT] [statflush=TIME] [readahead=SIZE|off] [diskread=TIME] [diskwrite=TIME] [zramread=TIME] [zramwrite=TIME] [queue=N] [swapname=PATH] [spare=SIZE] [content=${PAGE_KINDS.join('|')}]`,
  about: 'what the machine is; only as the first step of a scenario',
} as const;

/** Reads the `machine` line, if the first step is one, with other values in place; it is blanked, so that line numbers stay. */
export function takeMachineLine(
  text: string,
  file: string,
  imposed: Readonly<Record<string, string>> = {},
): { options: MachineOptions; rest: string } {
  const plain = text.replace(/^\xef\xbb\xbf/, '');
  const lines = plain.split('\n');
  const at = lines.findIndex((line) => !/^[ \t\v\f\r]*(#|$|title\b|note\b)/.test(line));
  const line = lines[at] ?? '';
  const found = /^[ \t\v\f\r]*machine([ \t\v\f\r]|$)/.test(line);
  const own = found ? splitWords(line, file, at + 1).slice(1) : [];
  const args = new Args(withImposed(own, imposed), file, at + 1, line, MACHINE_LINE.usage);
  const options = machineOptions(args);
  args.end();
  if (found) lines[at] = '';
  return { options, rest: found ? lines.join('\n') : plain };
}

/** The words of a `machine` line, with others in their place. */
function withImposed(own: readonly Word[], imposed: Readonly<Record<string, string>>): Word[] {
  const rest = own.filter(({ key }) => key === undefined || imposed[key] === undefined);
  const values = Object.entries(imposed).map(([key, text]) => {
    const word = own.find((other) => other.key === key);
    const value = scaledSize(text, word?.value ?? MACHINE_SIZES[key]);
    return { text: `${key}=${value}`, column: word?.column ?? 1, key, value };
  });
  return [...rest, ...values];
}

/** What a machine has where nothing is said, for values that are given as factors. */
const MACHINE_SIZES: Readonly<Record<string, string>> = { ram: String(DEFAULT_RAM), swap: String(DEFAULT_SWAP) };

/** `x1.25` of a size; anything else as it is. */
function scaledSize(text: string, own: string | undefined): string {
  const factor = factorOf(text);
  const bytes = own === undefined ? undefined : parseSize(own);
  return factor === undefined || bytes === undefined ? text : String(Math.round((bytes * factor) / 4096) * 4096);
}

const SWAP_KINDS = ['zram', 'disk'] as const satisfies readonly SwapKind[];

/** Least RAM, bytes; the most is what the machine can do. */
const MIN_RAM = 2 ** 20;
/** The end of the year 9999, milliseconds since the epoch. */
const MAX_BOOT_MS = 253_402_300_799_999;

/** The words of the `machine` line. */
export function machineOptions(args: Args): MachineOptions {
  const ramBytes = args.sizeKey('ram', MIN_RAM, MAX_ADDRESS);
  const swapBytes = args.sizeKey('swap');
  const swapKind = args.choiceKey('swapkind', SWAP_KINDS);
  const profile = args.choiceKey('profile', PROFILE_NAMES);
  const kernel = args.choiceKey('kernel', KERNEL_NAMES);
  const psi = args.choiceKey('psi', PSI_MODES);
  const cgroup = args.choiceKey('cgroup', CGROUP_VERSIONS);
  const lru = args.choiceKey('lru', LRU_KINDS);
  const seed = args.integerKey('seed', 0, Number.MAX_SAFE_INTEGER);
  const cpus = args.integerKey('cpus', 1, 1024);
  const uptime = args.key('uptime');
  const boot = args.integerKey('boot', 0, MAX_BOOT_MS);
  const hostname = args.key('hostname')?.value;
  const statFlush = args.key('statflush');
  const readaheadBytes = readaheadKey(args);
  const devices = deviceKeys(args);
  const swapName = args.key('swapname');
  if (swapName !== undefined && !/^\/[\x21-\x7e]{1,200}$/.test(swapName.value))
    throw args.fail(`swapname "${swapName.value}" is no path`, swapName, '/dev/block/zram0');
  const spareBytes = args.sizeKey('spare', 0, MAX_ADDRESS);
  const content = args.choiceKey('content', PAGE_KINDS);
  return {
    ...(ramBytes === undefined ? {} : { ramBytes }),
    ...(swapBytes === undefined ? {} : { swapBytes }),
    ...(swapKind === undefined ? {} : { swapKind }),
    ...(profile === undefined ? {} : { profile }),
    ...(kernel === undefined ? {} : { kernel }),
    ...(psi === undefined ? {} : { psi }),
    ...(cgroup === undefined ? {} : { cgroup }),
    ...(lru === undefined ? {} : { lru }),
    ...(seed === undefined ? {} : { seed }),
    ...(cpus === undefined ? {} : { cpus }),
    ...(uptime === undefined ? {} : { uptimeSeconds: args.time('uptime', uptime) / 1e6 }),
    ...(boot === undefined ? {} : { bootTimeMs: boot }),
    ...(hostname === undefined ? {} : { hostname }),
    devices,
    ...(swapName === undefined ? {} : { swapName: swapName.value }),
    ...(spareBytes === undefined ? {} : { spareBytes }),
    ...(content === undefined ? {} : { content }),
    ...(readaheadBytes === undefined ? {} : { readaheadBytes }),
    ...(statFlush === undefined ? {} : { statFlushUs: args.time('statflush', statFlush) }),
  };
}

/** The words for times of devices, with the option of each. */
const DEVICE_TIMES = [
  ['diskread', 'readUs'],
  ['diskwrite', 'writeUs'],
  ['zramread', 'zramReadUs'],
  ['zramwrite', 'zramWriteUs'],
] as const;
const LEAST_DEVICE_US = 1;
const MOST_DEVICE_US = 10_000_000;
/** Most requests that a device works on at once. */
const MOST_QUEUE = 1024;

/** `diskread=2ms queue=32`. */
function deviceKeys(args: Args): DeviceOptions {
  const devices: Record<string, number> = {};
  for (const [key, option] of DEVICE_TIMES) {
    const word = args.key(key);
    if (word === undefined) continue;
    const us = args.time(key, word);
    if (us < LEAST_DEVICE_US || us > MOST_DEVICE_US)
      throw args.fail(`${key} ${word.value} is not from 1us to 10s`, word);
    devices[option] = us;
  }
  const queueDepth = args.integerKey('queue', 1, MOST_QUEUE);
  return queueDepth === undefined ? devices : { ...devices, queueDepth };
}

/** Most that may be read ahead at once. */
const MOST_READAHEAD = 2 ** 30;

/** `readahead=128K`, `readahead=off`, in bytes. */
function readaheadKey(args: Args): number | undefined {
  const word = args.key('readahead');
  if (word === undefined) return undefined;
  if (word.value === 'off') return 0;
  const bytes = args.size('readahead', word);
  if (bytes % 4096 !== 0 || bytes > MOST_READAHEAD)
    throw args.fail(`readahead ${word.value} is not known`, word, 'off, or whole pages up to 1G: 128K');
  return bytes;
}

/** The `machine` line that gives these options. */
export function machineLine({ options }: Machine): string {
  const words = [
    `ram=${options.ramBytes}`,
    `swap=${options.swapBytes}`,
    `swapkind=${options.swapKind}`,
    `profile=${options.profile}`,
    `kernel=${options.kernel}`,
    `psi=${options.psi}`,
    ...(options.cgroup === 'v2' ? [] : [`cgroup=${options.cgroup}`]),
    ...(options.lru === 'lists' ? [] : [`lru=${options.lru}`]),
    `seed=${options.seed}`,
    `cpus=${options.cpus}`,
    `uptime=${Math.round(options.uptimeSeconds * 1e6)}us`,
    `boot=${options.bootTimeMs}`,
    `hostname=${quoteValue(options.hostname)}`,
    `statflush=${options.statFlushUs}us`,
    `readahead=${options.readaheadBytes === 0 ? 'off' : options.readaheadBytes}`,
    ...DEVICE_TIMES.flatMap(([key, option]) =>
      options.devices[option] === undefined ? [] : [`${key}=${options.devices[option]}us`],
    ),
    ...(options.devices.queueDepth === undefined ? [] : [`queue=${options.devices.queueDepth}`]),
    ...(options.swapName === '' ? [] : [`swapname=${quoteValue(options.swapName)}`]),
    ...(options.spareBytes === 0 ? [] : [`spare=${options.spareBytes}`]),
    ...(options.content === 'plain' ? [] : [`content=${options.content}`]),
  ];
  return `machine ${words.join(' ')}`;
}
