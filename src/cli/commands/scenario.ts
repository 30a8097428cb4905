import type { Command } from 'commander';
import { BUILT_IN_NAMES, builtInScenario } from '../../scenario/built-in.ts';
import { eachStep } from '../../scenario/parse.ts';
import { ScenarioError } from '../../scenario/scenario-error.ts';
import { Session } from '../../scenario/session.ts';
import { suggestion } from '../../util/suggest.ts';
import { CliError, type CommandRow, EXIT_FAILED } from '../command.ts';
import { readScenario } from '../machine-options.ts';
import { print } from '../output.ts';

const HELP = `
Examples:
  reclaimfs scenario list
  reclaimfs scenario show phone-16-apps > mine.scn
  reclaimfs scenario check mine.scn

check reads every line, then carries the scenario out as mount would: exit
status 1 when there is a mistake. All of them are printed if they are in how
lines are written, else the first.`;

export const scenarioCommand: CommandRow = {
  name: 'scenario',
  register(program: Command): void {
    const command = program
      .command('scenario')
      .description('scenarios that come with the program, and whether one of yours is right')
      .addHelpText('after', HELP);
    command.command('list').description('their names and titles').option('--json', 'one JSON array').action(list);
    command.command('show <name>').description('the text of one of them').action(show);
    command
      .command('check <file>')
      .description('whether a scenario is right (a file, - or a name)')
      .option('--json', 'one JSON object')
      .action(check);
  },
};

function list(flags: { readonly json?: boolean }): void {
  const rows = BUILT_IN_NAMES.map((name) => ({
    name,
    title: /^title (.*)$/m.exec(builtInScenario(name) ?? '')?.[1] ?? '',
  }));
  if (flags.json === true) print(JSON.stringify(rows, undefined, 1));
  else print(rows.map(({ name, title }) => `${name.padEnd(18)}${title}`).join('\n'));
}

function show(name: string): void {
  const text = builtInScenario(name);
  if (text === undefined) throw new CliError(`there is no scenario ${name} (${suggestion(name, BUILT_IN_NAMES)})`);
  print(text);
}

interface Problem {
  readonly line: number;
  readonly column: number;
  readonly reason: string;
  readonly hint: string;
}

async function check(file: string, flags: { readonly json?: boolean }): Promise<void> {
  const source = await readScenario(file);
  const { problems, warnings } = examine(source.text, source.file);
  if (flags.json === true) print(JSON.stringify({ file, ok: problems.length === 0, problems, warnings }, undefined, 1));
  else {
    const lines = problems.map((problem) => problem.message);
    print([...lines, ...warnings, ...(lines.length === 0 ? [`${file}: right`] : [])].join('\n'));
  }
  if (problems.length > 0) process.exitCode = EXIT_FAILED;
}

/** Every line that cannot be read, or else the first that cannot be carried out. */
function examine(text: string, file: string): { problems: (Problem & { message: string })[]; warnings: string[] } {
  const problems: (Problem & { message: string })[] = [];
  const attempt = (action: () => void): void => {
    try {
      action();
    } catch (error) {
      if (!(error instanceof ScenarioError)) throw error;
      const { line, column, reason, hint, message } = error;
      problems.push({ line, column, reason, hint, message });
    }
  };
  const lines = text.split('\n');
  lines.forEach((line, i) => {
    if (/^[ \t]*machine([ \t]|$)/.test(line)) return; // Read by setUp, which knows where it may stand.
    attempt(() => void [...eachStep(`${'\n'.repeat(i)}${line}`, file)]);
  });
  if (problems.length > 0) return { problems, warnings: [] };
  const session = new Session();
  attempt(() => session.setUp(text, file));
  return { problems, warnings: session.warnings };
}
