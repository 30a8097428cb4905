/** The step that puts a machine under a policy, and the one that says how long a scenario goes on. */
import type { MachineStep } from '../step.ts';
import { POLICIES, policyNamed } from './policies.ts';

export const policySteps: readonly MachineStep[] = [
  {
    word: 'policy',
    usage: `policy ${POLICIES.map(({ name }) => name).join('|')}`,
    about: 'what is done about too little memory from now on',
    parse(args) {
      const name = args.choice(
        'policy',
        POLICIES.map((policy) => policy.name),
      );
      return ({ machine }) => {
        policyNamed(name)!.install(machine);
        return undefined;
      };
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
