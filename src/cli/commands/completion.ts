import type { Command } from 'commander';
import { suggestion } from '../../util/suggest.ts';
import { CliError, type CommandRow, EXIT_USAGE } from '../command.ts';
import { SHELLS } from '../manual/completion.ts';
import { print } from '../output.ts';

const HELP = `
Examples:
  source <(reclaimfs completion bash)        in ~/.bashrc
  source <(reclaimfs completion zsh)         in ~/.zshrc, after compinit
  reclaimfs completion fish | source         in ~/.config/fish/config.fish

The same files lie in the package, in completions/.`;

export const completionCommand: CommandRow = {
  name: 'completion',
  register(program: Command): void {
    program
      .command('completion <shell>')
      .description(`what a shell completes (${SHELLS.join(', ')})`)
      .addHelpText('after', HELP)
      .action(async (name: string) => {
        const shell = SHELLS.find((known) => known === name);
        if (shell === undefined)
          throw new CliError(`there is no completion for ${name} (${suggestion(name, SHELLS)})`, EXIT_USAGE);
        // Asks for every command, this one included.
        const { shellCompletion } = await import('../manual/files.ts');
        print(shellCompletion(shell));
      });
  },
};
