/** Where results come from: program, commit, date, command. Goes into everything that is written. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface Origin {
  readonly program: 'reclaimfs';
  readonly version: string;
  /** Of the source that the program runs from, with `+` when it has been changed since; "unknown" in an installed package. */
  readonly commit: string;
  /** When the comparison was begun: ISO 8601, UTC, to the second. SOURCE_DATE_EPOCH counts, where it is set. */
  readonly date: string;
  /** The command line, without what says where results go and which part of the runs is done. */
  readonly command: string;
}

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

export function originOf(command: string, now: Date): Origin {
  const epoch = process.env['SOURCE_DATE_EPOCH'];
  const date = epoch !== undefined && /^\d+$/.test(epoch) ? new Date(Number(epoch) * 1000) : now;
  const { version } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as { version: string };
  return {
    program: 'reclaimfs',
    version,
    commit: commitOf(ROOT),
    date: `${date.toISOString().slice(0, 19)}Z`,
    command,
  };
}

function commitOf(root: string): string {
  if (!existsSync(`${root}.git`)) return 'unknown';
  const git = (...args: string[]) => spawnSync('git', ['-C', root, ...args], { encoding: 'utf8', timeout: 10_000 });
  const commit = git('rev-parse', '--short=12', 'HEAD');
  if (commit.status !== 0) return 'unknown';
  return `${commit.stdout.trim()}${git('status', '--porcelain', '--untracked-files=no', 'src').stdout === '' ? '' : '+'}`;
}
