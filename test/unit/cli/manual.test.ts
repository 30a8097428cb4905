/** Help, manual pages and completion: all from the commands, and complete. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { commandText, flat, helpOf } from '../../../src/cli/manual/commands.ts';
import { manualFiles } from '../../../src/cli/manual/files.ts';
import { createProgram } from '../../../src/cli/program.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const read = (name: string): string => readFileSync(join(ROOT, name), 'utf8');
const program = commandText(createProgram());

describe.each(createProgram().commands.map((command) => [command.name(), command] as const))(
  'help %s',
  (_, command) => {
    const help = helpOf(command);

    test('fits into 80 columns and has an example', () => {
      expect(help.split('\n').filter((line) => line.length > 80)).toEqual([]);
      expect(help).toMatch(/^Examples?:\n {2}\S/m);
    });

    test('says what is taken where an option is not given', () => {
      for (const { long, defaultValue } of command.options)
        if (typeof defaultValue === 'string' || typeof defaultValue === 'number')
          expect(help.replace(/\s+/g, ' '), long).toContain(`default: ${JSON.stringify(defaultValue)}`);
    });
  },
);

test.each(Object.entries(manualFiles()))('%s is up to date', (name, text) => {
  expect(read(name), 'npm run generate').toBe(text);
});

test('there is a page for every command, installed by the package, and no other', () => {
  const pages = ['reclaimfs', ...program.commands.map(({ path }) => `reclaimfs-${path}`)].map((name) => `${name}.1`);
  expect(readdirSync(join(ROOT, 'man')).sort()).toEqual(pages.sort());
  const { man } = JSON.parse(read('package.json')) as { man: string[] };
  expect(man.map((path) => path.replace('./man/', '')).sort()).toEqual(pages);
});

test('every option stands in the manual and in what each shell completes', () => {
  const pages = program.commands.map(({ path }) => read(`man/reclaimfs-${path}.1`)).join('\n');
  for (const { path, options } of flat(program).slice(1)) {
    for (const { long, flags } of options) {
      expect(pages, path).toContain(`.B ${flags.replaceAll('-', '\\-')}`);
      expect(read('completions/reclaimfs.bash'), path).toContain(long);
      expect(read('completions/_reclaimfs'), path).toContain(`'${long}[`);
      expect(read('completions/reclaimfs.fish'), path).toContain(` -l ${long?.slice(2)} `);
    }
  }
});

test('no line of a page is taken for a request that is none', () => {
  const known = /^\.(\\"|TH|SH|SS|TP|B|BR|PP|nf|fi|br)( |$)/;
  for (const [name, text] of Object.entries(manualFiles()).filter(([file]) => file.startsWith('man/')))
    for (const line of text.split('\n'))
      if (/^['.]/.test(line) && !line.startsWith('.\\"')) expect(line, name).toMatch(known);
});

describe('bash completes', () => {
  const complete = (...words: string[]): string[] => {
    const script = `source '${join(ROOT, 'completions/reclaimfs.bash')}'
      COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _reclaimfs; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const output = execFileSync('bash', ['-c', script, 'bash', 'reclaimfs', ...words], { cwd: ROOT, encoding: 'utf8' });
    return output.split('\n').filter(Boolean);
  };

  test.each([
    [['mo'], ['mount']],
    [['mount', '--tr'], ['--transport']],
    [
      ['mount', '--transport', ''],
      ['auto', 'direct', 'fuse-native'],
    ],
    [['mount', '--scenario', 'phone'], ['phone-16-apps']],
    [['mount', 'READ'], ['README.md']],
    [['run', '--fail-on', 'oom-'], ['oom-kill']],
    [['run', '--events', 'x', '--', 'dirnam'], ['dirname']],
    [['scenario', 'sh'], ['show']],
    [['scenario', 'show', 'zig'], ['zigzag']],
    [['compare', 'merge', '--cs'], ['--csv']],
    [['compare', 'zig'], ['zigzag']],
    [['completion', 'f'], ['fish']],
    [['help', 'lang'], ['language']],
    [['help', 'language', 'clearr'], ['clearrefs']],
  ])('%j', (words, expected) => {
    expect([...new Set(complete(...words))]).toEqual(expected);
  });
});
