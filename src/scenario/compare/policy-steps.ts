/** Steps that put a machine under a policy, impose values, and say how long a scenario goes on. */
import { imposeOn, imposeProblem, unknownKey } from '../impose.ts';
import type { MachineStep } from '../step.ts';
import { installPolicy, POLICY_NAMES, parsePolicy, policyHint } from './policies.ts';
import { LMKD_PROPERTIES } from './task-managers/lmkd.ts';
import type { Properties } from './task-managers/properties.ts';
import { SENPAI_PROPERTIES } from './task-managers/senpai.ts';

export const DAEMON_PROPERTIES: Properties = { ...LMKD_PROPERTIES, ...SENPAI_PROPERTIES };

const MORE_KEYS = ['policy', ...Object.keys(DAEMON_PROPERTIES)];

/** Why a value cannot be imposed, whether key or value is wrong, and what would be right; undefined: it can. */
export function settingProblem(
  key: string,
  value: string,
): { readonly wrong: 'key' | 'value'; readonly reason: string; readonly hint?: string } | undefined {
  const unknown = unknownKey(key, MORE_KEYS);
  if (unknown !== undefined) return { wrong: 'key', ...unknown };
  if (key === 'policy')
    return parsePolicy(value) === undefined
      ? { wrong: 'value', reason: `policy "${value}" is not known`, hint: policyHint(value) }
      : undefined;
  const property = DAEMON_PROPERTIES[key];
  const isNone = property !== undefined && property.read(value) === undefined;
  const reason = isNone
    ? `"${value}" is no value of ${key}`
    : property === undefined
      ? imposeProblem(key, value)
      : undefined;
  return reason === undefined ? undefined : { wrong: 'value', reason };
}

export const policySteps: readonly MachineStep[] = [
  {
    word: 'policy',
    usage: `policy ${POLICY_NAMES.join('|')}`,
    about: `what is done about too little memory from now on, also as KILLER/RECLAIMER: lmkd/switch+pressure/volatile; not heeded where a policy is imposed (compare)`,
    parse(args) {
      const word = args.next('policy');
      const policy = parsePolicy(word.text);
      if (policy === undefined) throw args.fail(`policy "${word.text}" is not known`, word, policyHint(word.text));
      return ({ machine }) => {
        if (!machine.imposed.has('policy')) installPolicy(machine, policy);
        return undefined;
      };
    },
  },
  {
    word: 'impose',
    usage: 'impose KEY VALUE',
    about: 'a value that counts over what the scenario says later: vm.swappiness 60, app.heap x1.25, policy lmk',
    parse(args) {
      const key = args.next('key');
      const value = args.next('value');
      const problem = settingProblem(key.text, value.text);
      if (problem !== undefined) throw args.fail(problem.reason, problem.wrong === 'key' ? key : value, problem.hint);
      return ({ machine }) => {
        if (key.text === 'policy' || DAEMON_PROPERTIES[key.text] !== undefined)
          machine.imposed.set(key.text, value.text);
        else imposeOn(machine, key.text, value.text);
        if (key.text === 'policy') installPolicy(machine, parsePolicy(value.text)!);
        return undefined;
      };
    },
  },
  {
    word: 'warm',
    usage: 'warm TIME',
    about:
      'compare: policies begin, and are watched, only so long after the last step, all from one and the same machine; elsewhere it does nothing',
    parse(args) {
      args.time('time');
      return () => undefined;
    },
  },
  {
    word: 'duration',
    usage: 'duration TIME',
    about: 'how long play and compare let the scenario go on after its last step; on a mount it just goes on',
    parse(args) {
      args.time('time');
      return () => undefined;
    },
  },
];
