import type { Command } from 'commander';
import type { CommandRow } from '../command.ts';
export const runCommand: CommandRow = {
  name: 'run',
  register(program: Command): void {
    program.command('run');
  },
};
