/** The command `reclaimfs` as commander sees it, without its commands: each is loaded only where it is wanted. */
import { Command } from 'commander';
import type { CommandRow } from './command.ts';
import { packageVersion } from './version.ts';

const EXAMPLES = `
Examples:
  reclaimfs mount /tmp/proc                 a small machine, its /proc there
  echo anon > /tmp/proc/1234/reclaim        what a kernel with that file would do
  reclaimfs umount /tmp/proc
  reclaimfs run -- ps aux                   ps sees the simulated machine as /proc
  reclaimfs capture -o here.scn             the running machine as a scenario
  reclaimfs mount /tmp/proc --scenario here.scn

Exit status: 0 done, 1 failed, 2 wrong usage; run: that of the command.
DEBUG=reclaimfs:* shows what happens inside.`;

/** The program with some of its commands. */
export function programWith(rows: readonly CommandRow[]): Command {
  const program = new Command('reclaimfs')
    .description('A synthetic /proc whose simulated processes have the writable reclaim file of 2013.')
    .version(packageVersion())
    .showSuggestionAfterError(true)
    .addHelpText('after', EXAMPLES)
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(usageLine(text)) });
  program.enablePositionalOptions();
  for (const row of rows) row.register(program);
  return program;
}

/** commander's complaint in one line: `reclaimfs: unknown command 'moun' (did you mean mount?): see "reclaimfs --help"`. */
function usageLine(text: string): string {
  const complaint = text
    .trim()
    .replace(/^error: /, '')
    .replace(/\.?\n\(Did/, ' (did')
    .replace(/\s*\n\s*/g, ' ');
  return `reclaimfs: ${complaint}: see "reclaimfs --help"\n`;
}
