/** The commands as a page of the manual: their help, word for word. */
import type { Command } from 'commander';
import { helpOf } from './commands.ts';

export function commandsMarkdown(program: Command): string {
  const sections = program.commands.flatMap((command) => [
    `## ${command.name()}`,
    '',
    '```text',
    helpOf(command).trim(),
    '```',
    '',
    ...command.commands.flatMap((one) => ['```text', helpOf(one).trim(), '```', '']),
  ]);
  return [
    '# Commands',
    '',
    '<!-- Written by npm run generate. -->',
    '',
    '```text',
    helpOf(program).trim(),
    '```',
    '',
    ...sections,
  ].join('\n');
}
