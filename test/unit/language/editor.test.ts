/** The folder for Visual Studio Code: in step with the tables, and its grammar understands every scenario that is here. */
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import oniguruma from 'vscode-oniguruma';
import textmate from 'vscode-textmate';
import { BUILT_IN_NAMES, builtInScenario } from '../../../src/scenario/built-in.ts';
import { editorFiles } from '../../../src/scenario/language/editor.ts';
import { stepReference } from '../../../src/scenario/language/reference.ts';
import { ScenarioError } from '../../../src/scenario/scenario-error.ts';
import { Session } from '../../../src/scenario/session.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const read = (name: string): string => readFileSync(join(ROOT, name), 'utf8');
/** The JSON of the folder, and its README. */
const FILES = editorFiles((JSON.parse(read('package.json')) as { version: string }).version);
const GRAMMAR = 'editors/vscode/syntaxes/scenario.tmLanguage.json';

test.each(Object.entries(FILES))('%s', (name, text) => {
  expect(read(name), 'npm run generate').toBe(text);
});

let grammar: textmate.IGrammar;
beforeAll(async () => {
  const wasm = createRequire(import.meta.url).resolve('vscode-oniguruma/release/onig.wasm');
  await oniguruma.loadWASM(readFileSync(wasm));
  const registry = new textmate.Registry({
    onigLib: Promise.resolve({
      createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
      createOnigString: (text) => new oniguruma.OnigString(text),
    }),
    loadGrammar: () => Promise.resolve(textmate.parseRawGrammar(FILES[GRAMMAR]!, 'scenario.json')),
  });
  grammar = (await registry.loadGrammar('source.reclaimfs-scenario'))!;
});

/** The pieces of a line with the name that each was given, the language's own left out. */
function named(line: string): [text: string, name: string][] {
  const { tokens } = grammar.tokenizeLine(line, textmate.INITIAL);
  return tokens
    .map(({ startIndex, endIndex, scopes }): [string, string] => [
      line.slice(startIndex, endIndex),
      scopes.slice(1).at(-1)?.replace('.reclaimfs-scenario', '') ?? '',
    ])
    .filter(([text]) => text.trim() !== '');
}

test('the words of a line', () => {
  expect(named('game mmap heap size=1.5M anon at=0x2000 name="[a \\x41]" expect=ENOMEM # why')).toEqual([
    ['game', 'entity.name.function'],
    ['mmap', 'keyword.other'],
    [' heap ', ''],
    ['size', 'variable.parameter'],
    ['=', 'keyword.operator.assignment'],
    ['1.5M', 'constant.numeric'],
    ['anon', 'constant.language'],
    ['at', 'variable.parameter'],
    ['=', 'keyword.operator.assignment'],
    ['0x2000', 'constant.numeric'],
    ['name', 'variable.parameter'],
    ['=', 'keyword.operator.assignment'],
    ['"', 'string.quoted.double'],
    ['[a ', 'string.quoted.double'],
    ['\\x41', 'constant.character.escape'],
    [']', 'string.quoted.double'],
    ['"', 'string.quoted.double'],
    ['expect', 'variable.parameter'],
    ['=', 'keyword.operator.assignment'],
    ['ENOMEM', 'support.constant'],
    ['# why', 'comment.line.number-sign'],
  ]);
  expect(named('objetc A file 1M')).toEqual([['objetc A file 1M', 'invalid.illegal']]);
  expect(named('title What is = "not" read')).toEqual([
    ['title', 'keyword.control'],
    ['What is = "not" read', 'string.unquoted'],
  ]);
});

const scenarios = [
  ...BUILT_IN_NAMES.map((name) => [name, builtInScenario(name)!] as const),
  ...['test/oracle/scenarios', 'test/oracle/extended/scenarios', 'test/oracle/own'].flatMap((folder) =>
    readdirSync(join(ROOT, folder))
      .filter((name) => name.endsWith('.scn'))
      .map((name) => [name, read(`${folder}/${name}`)] as const),
  ),
];

test.each(scenarios)('%s: every line has its step, every key is one', (_name, text) => {
  for (const line of text.split('\n')) {
    if (/^\s*(#|$)/.test(line)) continue;
    const pieces = named(line);
    expect(pieces[0]![1], line).toMatch(/^(keyword\.control|entity\.name\.function)$/);
    for (const [piece, name] of pieces) if (/^[a-z]+=/.test(piece.trim())) expect(name, line).toMatch(/string|comment/);
  }
});

test('completion offers every step', () => {
  const snippets = Object.values(JSON.parse(FILES['editors/vscode/snippets/scenario.json']!) as object);
  const offered = new Set(snippets.map(({ prefix }: { prefix: string }) => prefix));
  expect([...offered].sort()).toEqual([...new Set(stepReference().map(({ word }) => word))].sort());
});

test('errors and warnings are found where they are', () => {
  const { contributes } = JSON.parse(FILES['editors/vscode/package.json']!) as {
    contributes: { problemMatchers: { pattern: { regexp: string } }[] };
  };
  const [errors, warnings] = contributes.problemMatchers.map(({ pattern }) => new RegExp(pattern.regexp));
  const session = new Session();
  let message = '';
  try {
    session.setUp('proc a\na tuoch heap 0 1M read\n', 'my scenarios/a.scn');
  } catch (error) {
    if (error instanceof ScenarioError) message = error.message;
  }
  expect(errors!.exec(message)?.slice(1, 4)).toEqual(['my scenarios/a.scn', '2', '3']);
  session.setUp('proc a comm=com.example.game\n', 'a.scn');
  expect(warnings!.exec(session.warnings[0]!)?.slice(1, 4)).toEqual(['a.scn', '1', '8']);
});
