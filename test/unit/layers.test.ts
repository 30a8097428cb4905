/** Imports run downward only: see CONTRIBUTING.md, "The way through the house". */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, test } from 'vitest';

const SRC = new URL('../../src', import.meta.url).pathname;

/** For each room, the rooms that it may import from besides itself. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  util: [],
  mm: ['util'],
  machine: ['util', 'mm'],
  scenario: ['util', 'mm', 'machine'],
  vfs: ['util'],
  procfs: ['util', 'mm', 'machine', 'scenario', 'vfs'],
  sysfs: ['util', 'mm', 'machine', 'scenario', 'vfs', 'procfs'],
  fuse: ['util', 'vfs'],
  server: ['util', 'mm', 'machine', 'scenario', 'vfs', 'procfs', 'sysfs', 'fuse'],
  library: ['util', 'mm', 'machine', 'scenario', 'vfs', 'procfs', 'fuse', 'server'],
  testing: ['machine', 'scenario', 'library'],
  ui: ['util', 'machine', 'scenario', 'fuse', 'server'],
  cli: ['util', 'mm', 'machine', 'scenario', 'vfs', 'procfs', 'fuse', 'server', 'library', 'ui', '.'],
};

function* sources(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* sources(path);
    else if (/\.tsx?$/.test(entry.name)) yield path;
  }
}

/** Every import of a file: [specifier, room it leads to or undefined]. */
function importsOf(file: string): { specifier: string; room: string | undefined }[] {
  const text = readFileSync(file, 'utf8');
  return [...text.matchAll(/(?:^|\n)\s*(?:import|export)[^'"]*?from\s+'([^']+)'|import\('([^']+)'\)/g)].map((match) => {
    const specifier = match[1] ?? match[2]!;
    if (!specifier.startsWith('.')) return { specifier, room: undefined };
    const target = relative(SRC, join(dirname(file), specifier));
    return { specifier, room: target.includes('/') ? target.split('/')[0] : '.' };
  });
}

for (const [room, allowed] of Object.entries(MAY_IMPORT)) {
  test(`src/${room} imports only from ${[room, ...allowed].join(', ')}`, () => {
    const wrong: string[] = [];
    for (const file of sources(join(SRC, room))) {
      for (const { specifier, room: target } of importsOf(file)) {
        if (target !== undefined && target !== room && !allowed.includes(target)) {
          wrong.push(`${relative(SRC, file)}: ${specifier}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });
}

test('src/mm is pure: no module of Node, no time, no random numbers', () => {
  const wrong: string[] = [];
  for (const file of sources(join(SRC, 'mm'))) {
    const text = readFileSync(file, 'utf8');
    if (/from 'node:|Date\.now|performance\.|Math\.random|\bawait\b|Promise/.test(text))
      wrong.push(relative(SRC, file));
  }
  expect(wrong).toEqual([]);
});
