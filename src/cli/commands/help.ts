import type { Command } from 'commander';
import { stepReference } from '../../scenario/language/reference.ts';
import { languageText, stepText } from '../../scenario/language/text.ts';
import { suggestion } from '../../util/suggest.ts';
import { CliError, type CommandRow, EXIT_USAGE } from '../command.ts';
import { print } from '../output.ts';

const HELP = `
Examples:
  reclaimfs help mount             as reclaimfs mount --help
  reclaimfs help language          every step, value, setting, event and file
  reclaimfs help language touch    one step in full`;

export const helpCommand: CommandRow = {
  name: 'help',
  register(program: Command): void {
    program.helpCommand(false);
    program
      .command('help [topic] [step]')
      .description('help on a command, or on the step language (help language)')
      .addHelpText('after', HELP)
      .action((topic: string | undefined, step: string | undefined) => {
        if (topic === 'language') print(languageHelp(step));
        else if (topic === undefined) program.outputHelp();
        else commandNamed(program, topic).outputHelp();
      });
  },
};

function languageHelp(step: string | undefined): string {
  if (step === undefined) return languageText();
  const text = stepText(step);
  if (text !== undefined) return text;
  const known = stepReference().map(({ word }) => word);
  throw new CliError(
    `there is no step ${step} (${suggestion(step, known)}): see "reclaimfs help language"`,
    EXIT_USAGE,
  );
}

function commandNamed(program: Command, name: string): Command {
  const command = program.commands.find((one) => one.name() === name || one.aliases().includes(name));
  if (command !== undefined) return command;
  const known = [...program.commands.map((one) => one.name()), 'language'];
  throw new CliError(`there is no command ${name} (${suggestion(name, known)}): see "reclaimfs --help"`, EXIT_USAGE);
}
