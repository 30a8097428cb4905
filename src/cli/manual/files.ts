/** Everything that follows from the commands: manual pages and completions, by the name of its file. */
import { EVENT_TYPES } from '../../machine/event-types.ts';
import { BUILT_IN_NAMES } from '../../scenario/built-in.ts';
import { stepReference } from '../../scenario/language/reference.ts';
import { createProgram } from '../program.ts';
import { packageVersion } from '../version.ts';
import { commandText } from './commands.ts';
import { completionOf, type Names, SHELLS, type Shell } from './completion.ts';
import { manPage, pageName } from './man.ts';
import { commandsMarkdown } from './markdown.ts';

/** The words that arguments of these names take. */
function names(commands: readonly string[]): Names {
  return {
    'file|name': BUILT_IN_NAMES,
    scenario: BUILT_IN_NAMES,
    name: BUILT_IN_NAMES,
    shell: SHELLS,
    types: Object.keys(EVENT_TYPES),
    topic: [...commands, 'language'],
    step: stepReference().map(({ word }) => word),
  };
}

export function shellCompletion(shell: Shell): string {
  const program = commandText(createProgram());
  return completionOf(shell, program, names(program.commands.map(({ path }) => path)));
}

export function manualFiles(): Record<string, string> {
  const program = commandText(createProgram());
  const pages = [program, ...program.commands];
  const all = pages.map(pageName);
  return {
    ...Object.fromEntries(pages.map((page) => [`man/${pageName(page)}.1`, manPage(page, packageVersion(), all)])),
    'docs/commands.md': commandsMarkdown(createProgram()),
    'completions/reclaimfs.bash': shellCompletion('bash'),
    'completions/_reclaimfs': shellCompletion('zsh'),
    'completions/reclaimfs.fish': shellCompletion('fish'),
  };
}
