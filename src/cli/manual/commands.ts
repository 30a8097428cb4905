/** The commands of a program, as manual pages and completion want them: read from commander, so that nothing is written twice. */
import type { Argument, Command, Option } from 'commander';

export interface CommandText {
  /** `mount`; `compare merge` for a command of a command; '' for the program. */
  readonly path: string;
  readonly aliases: readonly string[];
  readonly description: string;
  readonly usage: string;
  readonly arguments: readonly Argument[];
  readonly options: readonly Option[];
  /** What stands below the options in --help: examples and remarks. */
  readonly after: string;
  readonly commands: readonly CommandText[];
}

export function commandText(command: Command, path = ''): CommandText {
  const help = command.createHelp();
  return {
    path,
    aliases: command.aliases(),
    description: command.description(),
    usage: help.commandUsage(command),
    arguments: command.registeredArguments,
    options: help.visibleOptions(command),
    after: helpOf(command).slice(command.helpInformation().length).trim(),
    commands: command.commands.map((one) => commandText(one, path === '' ? one.name() : `${path} ${one.name()}`)),
  };
}

/** All of --help, 80 columns wide whatever the terminal. */
export function helpOf(command: Command): string {
  const parts: string[] = [];
  const before = command.configureOutput();
  command.configureOutput({ ...before, writeOut: (text) => void parts.push(text), getOutHelpWidth: () => 80 });
  command.outputHelp();
  command.configureOutput(before);
  return parts.join('');
}

/** Every command, one below another, the program itself first. */
export function flat(command: CommandText): CommandText[] {
  return [command, ...command.commands.flatMap(flat)];
}

/** What an option takes: the word in <> or [], and what there is to choose from. */
export function takenBy(option: Option): { readonly word: string; readonly choices: readonly string[] } | undefined {
  const word = /[<[]([^>\]]+)[>\]]/.exec(option.flags)?.[1];
  return word === undefined ? undefined : { word, choices: option.argChoices ?? [] };
}

/** Whether a value or argument is a file or directory, by its word. */
export function isPath(word: string): boolean {
  return /file|path|mountpoint|directory|scenario/.test(word);
}
