/** Manual pages (section 1) from the commands: see man-pages(7). */
import type { Option } from 'commander';
import type { CommandText } from './commands.ts';

const NOT_RUN = 'Exit status: 0 done, 1 failed, 2 wrong usage.';

/** Name of a page without its section: `reclaimfs-mount`. */
export function pageName(command: CommandText): string {
  return ['reclaimfs', command.path].filter(Boolean).join('-');
}

/** A page; `version`: of the package. */
export function manPage(command: CommandText, version: string, others: readonly string[]): string {
  const name = pageName(command);
  return [
    `.\\" Written by npm run generate.`,
    `.TH ${quoted(name.toUpperCase())} 1 "" ${quoted(`reclaimfs ${version}`)} "User Commands"`,
    '.SH NAME',
    `${escaped(name)} \\- ${escaped(firstSmall(command.description))}`,
    '.SH SYNOPSIS',
    ...[command, ...command.commands.filter(() => command.path !== '')].map(synopsis).join('\n.br\n').split('\n'),
    ...(command.path === '' ? commandList(command) : []),
    '.SH OPTIONS',
    ...command.options.flatMap(option),
    ...command.commands.flatMap((one) => (command.path === '' ? [] : subcommand(one))),
    ...afterText(command.after),
    ...(/^Exit status/m.test(command.after) || /exit status/i.test(command.after)
      ? []
      : ['.SH EXIT STATUS', escaped(NOT_RUN)]),
    '.SH SEE ALSO',
    others
      .filter((other) => other !== name)
      .map((other) => `.BR ${other.replaceAll('-', '\\-')} (1)`)
      .join(',\n'),
    '',
  ].join('\n');
}

function synopsis({ usage }: CommandText): string {
  const [program = '', ...rest] = usage.split(' ');
  return `.B ${escaped(program)}\n${escaped(rest.join(' '))}`;
}

function commandList({ commands }: CommandText): string[] {
  return [
    '.SH COMMANDS',
    ...commands.flatMap(({ path, description }) => [
      '.TP',
      `.BR reclaimfs\\-${path} (1)`,
      `${escaped(firstLarge(description))}.`,
    ]),
  ];
}

function subcommand(command: CommandText): string[] {
  return [
    `.SS ${quoted(`reclaimfs ${command.path}`)}`,
    `${escaped(firstLarge(command.description))}.`,
    ...command.options.flatMap(option),
  ];
}

function option({ flags, description, argChoices, defaultValue }: Option): string[] {
  const more = [
    ...(argChoices === undefined ? [] : [`one of ${argChoices.join(', ')}`]),
    ...(typeof defaultValue === 'string' || typeof defaultValue === 'number' ? [`default: ${defaultValue}`] : []),
  ];
  return [
    '.TP',
    `.B ${escaped(flags)}`,
    `${escaped(firstLarge(description))}${more.map((text) => `; ${escaped(text)}`).join('')}.`,
  ];
}

/** Examples as they stand; what follows them as paragraphs. */
function afterText(text: string): string[] {
  const lines: string[] = [];
  let verbatim = false;
  for (const line of text.split('\n')) {
    if (/^Examples?:$/.test(line)) {
      lines.push('.SH EXAMPLES');
      continue;
    }
    const shown = line.startsWith('  ');
    if (shown !== verbatim) lines.push(shown ? '.nf' : '.fi');
    if (verbatim && !shown) lines.push('.SH NOTES');
    verbatim = shown;
    if (line !== '') lines.push(escaped(line));
    else if (!/^\.SH/.test(lines.at(-1) ?? '')) lines.push('.PP');
  }
  if (verbatim) lines.push('.fi');
  return lines.filter((line, i) => !(line === '.PP' && /^\.(SH|PP)/.test(lines[i + 1] ?? '.PP')));
}

function firstSmall(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1).replace(/\.$/, '');
}

function firstLarge(text: string): string {
  return (text.slice(0, 1).toUpperCase() + text.slice(1)).replace(/\.$/, '');
}

/** Text of a line: backslashes, hyphens that are to be typed, and what would be a request at its beginning. */
function escaped(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/, '\\&$1');
}

function quoted(text: string): string {
  return `"${text.replaceAll('"', '')}"`;
}
