/**
 * Values that count over what a scenario says, given beside it: `compare --set KEY=VALUE`, or the step `impose KEY VALUE`.
 * They are kept with the machine (`imposed`) and asked for by the steps that they touch; the scenario's text stays as it is.
 * `x1.25` is that many times what the scenario, or the default, says.
 */
import type { Machine } from '../machine/machine.ts';
import type { StorageSettings } from '../machine/storage.ts';
import { SYSCTLS, setSysctl, sysctlOf } from '../machine/sysctl.ts';
import type { AppSpec } from '../machine/workload/app.ts';
import { USER_ORDERS, type UserOptions, type UserOrder } from '../machine/workload/user.ts';
import { closest, suggestion } from '../util/suggest.ts';
import { parseGrowth, parseRate, parseShare, parseSpan } from './quantities.ts';
import { parseSize, parseTime } from './words.ts';

type Values = ReadonlyMap<string, string>;
type Reader = (text: string) => number | undefined;

const PAGE = 4096;
const pagesOf: Reader = (text) => {
  const bytes = parseSize(text);
  return bytes === undefined ? undefined : Math.ceil(bytes / PAGE);
};
const wholeNumber: Reader = (text) => (/^\d+$/.test(text) ? Number(text) : undefined);

/** Keys of `app`: what they change, and how they are written. */
const APP_KEYS: Readonly<Record<string, { readonly fields: readonly (keyof AppSpec)[]; readonly read: Reader }>> = {
  heap: { fields: ['heapPages'], read: pagesOf },
  code: { fields: ['codePages'], read: pagesOf },
  cache: { fields: ['cachePages'], read: pagesOf },
  ws: { fields: ['workingSetPages'], read: pagesOf },
  rate: { fields: ['ratePerSecond'], read: parseRate },
  write: { fields: ['writeShare'], read: parseShare },
  grow: { fields: ['growPagesPerSecond'], read: parseGrowth },
  /** All sizes together; makes sense as a factor only. */
  size: { fields: ['heapPages', 'codePages', 'cachePages', 'workingSetPages'], read: () => undefined },
};
const APP_KEY = /^app\.(?:([A-Za-z_][\w.-]*)\.)?(\w+)$/;

const STORAGE_TIMES = [
  'writeUs',
  'readUs',
  'zramWriteUs',
  'zramReadUs',
] as const satisfies readonly (keyof StorageSettings)[];
const USER_KEYS = ['turns', 'use', 'gap', 'order'];

/** Every key that can be imposed, that of an app as for all apps. */
const IMPOSED_KEYS: readonly string[] = [
  ...SYSCTLS.map(({ name }) => name),
  ...[...STORAGE_TIMES, 'times'].map((key) => `storage.${key}`),
  ...Object.keys(APP_KEYS).map((key) => `app.${key}`),
  ...USER_KEYS.map((key) => `user.${key}`),
];

/** Why nothing can be imposed under this key, and what may have been meant; undefined: something can. `more`: keys besides. */
export function unknownKey(key: string, more: readonly string[] = []): { reason: string; hint: string } | undefined {
  const known = [...IMPOSED_KEYS, ...more];
  const [, app, appKey = ''] = APP_KEY.exec(key) ?? [];
  const plain = app === undefined ? key : `app.${appKey}`;
  if (known.includes(plain)) return undefined;
  const meant = closest(plain, known);
  const whole = app === undefined ? meant : meant?.replace(/^app\./, `app.${app}.`);
  const kinds = `a sysctl (vm.…), storage.…, app.KEY, app.NAME.KEY, user.KEY, ${more.join(', ')}`;
  return { reason: `there is no setting ${key}`, hint: whole === undefined ? kinds : `did you mean ${whole}?` };
}

/** The app that a key is about alone: of `app.mail.heap` mail. */
export function appOfKey(key: string): string | undefined {
  return APP_KEY.exec(key)?.[1];
}

/** The factor of `x1.25`; undefined where it is none. */
export function factorOf(text: string): number | undefined {
  const factor = Number(/^x(\d+(?:\.\d+)?)$/.exec(text)?.[1]);
  return factor > 0 ? factor : undefined;
}

/** Why a value cannot be imposed, in words; undefined: it can. Precondition: the key is known. */
export function imposeProblem(key: string, value: string): string | undefined {
  const factor = factorOf(value);
  const takes = (read: Reader, what: string) =>
    factor !== undefined || read(value) !== undefined ? undefined : `"${value}" is no ${what} (or a factor: x1.25)`;
  const sysctl = sysctlOf(key);
  if (sysctl !== undefined) {
    const number = wholeNumber(value);
    if (factor !== undefined || (number !== undefined && number >= sysctl.min && number <= sysctl.max))
      return undefined;
    return `${key} takes a number from ${sysctl.min} to ${sysctl.max}`;
  }
  const storage = /^storage\.(\w+)$/.exec(key)?.[1];
  if (storage === 'times') return factor === undefined ? 'storage.times takes a factor: x1.25' : undefined;
  if (STORAGE_TIMES.some((name) => name === storage)) return takes(wholeNumber, 'number of microseconds');
  const appKey = APP_KEYS[APP_KEY.exec(key)?.[2] ?? ''];
  if (appKey !== undefined) return takes(appKey.read, 'value of that key');
  switch (key) {
    case 'user.turns':
      return takes(wholeNumber, 'number');
    case 'user.gap':
      return takes(parseTime, 'time');
    case 'user.use':
      return factor !== undefined || parseSpan(value) !== undefined ? undefined : `"${value}" is no span: 5s..15s`;
    case 'user.order':
      return USER_ORDERS.some((order) => order === value)
        ? undefined
        : `"${value}" is no order (${suggestion(value, USER_ORDERS)})`;
  }
  return undefined;
}

/** Notes a value, and puts it into force where that can be done now. Precondition: no imposeProblem. */
export function imposeOn(machine: Machine, key: string, value: string): void {
  machine.imposed.set(key, value);
  machine.generation++;
  const sysctl = sysctlOf(key);
  if (sysctl !== undefined)
    setSysctl(machine, key, String(Math.round(scaled(value, sysctl.get(machine), wholeNumber))));
  const { settings } = machine.storage;
  for (const name of STORAGE_TIMES)
    if (key === 'storage.times' || key === `storage.${name}`)
      settings[name] = scaled(value, settings[name], wholeNumber);
}

function scaled(text: string, own: number, read: Reader): number {
  const factor = factorOf(text);
  return factor === undefined ? (read(text) ?? own) : own * factor;
}

/** An app as its step says, with what has been imposed on all apps, then on this one. */
export function imposeOnApp(imposed: Values, spec: AppSpec): AppSpec {
  const changed: Record<string, unknown> = { ...spec };
  for (const scope of ['app', `app.${spec.name}`])
    for (const [key, { fields, read }] of Object.entries(APP_KEYS)) {
      const text = imposed.get(`${scope}.${key}`);
      if (text === undefined) continue;
      for (const field of fields) {
        const value = scaled(text, Number(changed[field]), read);
        changed[field] = field.endsWith('Pages') ? Math.round(value) : value;
      }
    }
  const result = changed as unknown as AppSpec;
  const heapPages = Math.max(1, result.heapPages);
  return {
    ...result,
    heapPages,
    workingSetPages: Math.min(result.workingSetPages, heapPages),
    writeShare: Math.min(1, result.writeShare),
  };
}

/** A user as the step says, with what has been imposed. */
export function imposeOnUser(imposed: Values, options: UserOptions): UserOptions {
  const read = (key: string, own: number, reader: Reader) => Math.round(scaled(imposed.get(key) ?? 'x1', own, reader));
  const use = imposed.get('user.use') ?? 'x1';
  const [useMinUs, useMaxUs] =
    parseSpan(use) ?? [options.useMinUs, options.useMaxUs].map((us) => Math.round(us * (factorOf(use) ?? 1)));
  return {
    ...options,
    turns: Math.max(1, read('user.turns', options.turns, wholeNumber)),
    gapUs: read('user.gap', options.gapUs, parseTime),
    useMinUs: useMinUs!,
    useMaxUs: useMaxUs!,
    order: (imposed.get('user.order') as UserOrder | undefined) ?? options.order,
  };
}
