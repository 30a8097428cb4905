import type { Command } from 'commander';
import { type CommandRow, EXIT_DONE, EXIT_FAILED } from '../command.ts';
import { diagnose, type Finding } from '../diagnosis.ts';
import { print } from '../output.ts';

const HELP = `
Example:
  reclaimfs doctor

Exit status 1 when something that every mount needs does not work.`;

export const doctorCommand: CommandRow = {
  name: 'doctor',
  register(program: Command): void {
    program
      .command('doctor')
      .description('what works here, what does not, and what to do')
      .option('--json', 'one JSON array')
      .addHelpText('after', HELP)
      .action((flags: { readonly json?: boolean }) => {
        const findings = diagnose();
        print(flags.json === true ? JSON.stringify(findings, undefined, 1) : findings.map(toLines).join('\n'));
        process.exitCode = findings.some(({ state }) => state === 'fail') ? EXIT_FAILED : EXIT_DONE;
      });
  },
};

function toLines({ check, state, found, advice }: Finding): string {
  const line = `${state.padEnd(5)}${check.padEnd(42)}${found}`;
  return advice === '' ? line : `${line}\n${' '.repeat(5)}→ ${advice}`;
}
