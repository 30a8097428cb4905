/** What `reclaimfs help language [STEP]` prints, in 80 columns. */
import { COMMON_MEMBERS, EVENT_TYPES } from '../../machine/event-types.ts';
import { SYSCTLS } from '../../machine/sysctl.ts';
import { RECLAIMFS_FILES } from './files.ts';
import { aboutKey } from './keys.ts';
import { type StepReference, stepReference } from './reference.ts';
import { VALUE_KINDS } from './values.ts';

const COLUMNS = 80;

const HEADINGS = {
  machine: 'Steps of the machine',
  process: 'Steps of a process: NAME STEP …',
  app: 'Steps of an app: NAME STEP …',
} as const;

/** All steps, values, settings, events and files, one entry each. */
export function languageText(): string {
  const steps = stepReference();
  const lines = [
    ...wrap(
      `One step a line; # begins a comment; quotes hold spaces. Words in capital letters stand for values, brackets may be left out. Any step may end in expect=ERROR: ${aboutKey('', 'expect')}.`,
      0,
    ),
    'One step in full: reclaimfs help language STEP',
    '',
  ];
  for (const subject of Object.keys(HEADINGS) as (keyof typeof HEADINGS)[]) {
    lines.push(HEADINGS[subject]);
    for (const step of steps) if (step.subject === subject) lines.push(...entry(step.word, step.about));
    lines.push('');
  }
  lines.push('Values', ...Object.entries(VALUE_KINDS).flatMap(([name, { about }]) => entry(name, about)), '');
  lines.push('Settings (sysctl NAME VALUE)');
  for (const { name, min, max } of SYSCTLS) lines.push(...entry(name, `${min} to ${max}`));
  lines.push('', `Events (members of all: ${Object.keys(COMMON_MEMBERS).join(' ')})`);
  for (const [name, { about, members }] of Object.entries(EVENT_TYPES))
    lines.push(...entry(name, `${about}: ${Object.keys(members).join(' ')}`));
  lines.push('', 'Files of /proc/reclaimfs');
  for (const [name, about] of Object.entries(RECLAIMFS_FILES)) lines.push(...entry(name, about));
  return lines.join('\n');
}

/** One step in full; undefined: there is no such step. */
export function stepText(word: string): string | undefined {
  const found = stepReference().filter((step) => step.word === word);
  return found.length === 0 ? undefined : found.map(oneStep).join('\n\n');
}

function oneStep({ usage, about, keys, example }: StepReference): string {
  return [
    ...usage.split(/ \| (?=\S)/).flatMap((form) => wrap(form, 6, '', /(?<=\|)| /)),
    '',
    ...wrap(`${about}.`, 2, '  '),
    ...(keys.length > 0 ? [''] : []),
    ...keys.flatMap(({ key, value, required, about: aboutIt }) =>
      entry(`${key}=${value}`, `${aboutIt}${required ? ' (required)' : ''}`, 26),
    ),
    '',
    `Example: ${example}`,
  ].join('\n');
}

function entry(name: string, about: string, width = 20): string[] {
  const lines = wrap(about, width, ' '.repeat(width));
  if (name.length + 3 > width) return [`  ${name}`, ...lines];
  return [`  ${name}`.padEnd(width) + lines[0]!.slice(width), ...lines.slice(1)];
}

/** Breaks between words; lines behind the first are indented by `indent`, the first by `first`. */
function wrap(text: string, indent: number, first = ' '.repeat(indent), between: RegExp | string = ' '): string[] {
  const lines: string[] = [];
  let line = first;
  for (const word of text.split(between)) {
    if (line.length + word.length + 1 > COLUMNS && line.trim() !== '') {
      lines.push(line);
      line = ' '.repeat(indent);
    }
    line += line.trim() === '' || line.endsWith('|') ? word : ` ${word}`;
  }
  return [...lines, line];
}
