import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { shellStatus } from '../../server/run/run-record.ts';
import { CliError, type CommandRow } from '../command.ts';

const HELP = `
Examples:
  sudo reclaimfs demo
  sudo npx reclaimfs demo

Captures this machine, mounts the copy, and tells the story of
/proc/PID/reclaim on it; every claim that it makes is checked. Needs root.
Leaves nothing behind.`;

export const demoCommand: CommandRow = {
  name: 'demo',
  register(program: Command): void {
    program
      .command('demo')
      .description('what this is about, told on a copy of this machine')
      .addHelpText('after', HELP)
      .action(demo);
  },
};

async function demo(): Promise<void> {
  const script = fileURLToPath(new URL('../../../scripts/demo', import.meta.url));
  const child = spawn('sh', [script], { stdio: 'inherit' });
  process.exitCode = await new Promise<number>((settle, fail) => {
    child.once('error', (error) => fail(new CliError(`sh cannot be run: ${error.message}`)));
    child.once('exit', (code, signal) => settle(shellStatus(code, signal)));
  });
}
