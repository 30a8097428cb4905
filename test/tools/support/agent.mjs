/**
 * Runs inside `reclaimfs run`, where the tree is /proc: takes commands as JSON lines on stdin, runs them side by side, and
 * writes what came of each as a JSON line on stdout. Ends with its stdin.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const running = new Set();

function answer(id, outcome) {
  process.stdout.write(`${JSON.stringify({ id, ...outcome })}\n`);
}

function run({ id, argv, timeoutMs, env }) {
  const child = spawn(argv[0], argv.slice(1), {
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, so that whatever it started ends with it.
    detached: true,
    env: { ...process.env, ...env },
  });
  running.add(child);
  const output = { stdout: [], stderr: [] };
  for (const name of ['stdout', 'stderr']) child[name].on('data', (data) => output[name].push(data));
  const kill = () => {
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  };
  const timer = setTimeout(kill, timeoutMs);
  const done = (status) => {
    clearTimeout(timer);
    running.delete(child);
    const text = (name) => Buffer.concat(output[name]).toString('latin1');
    answer(id, { stdout: text('stdout'), stderr: text('stderr'), status });
  };
  child.once('error', (error) => done(error.code ?? 'failed'));
  child.once('close', (code, signal) => done(code ?? signal));
}

createInterface({ input: process.stdin })
  .on('line', (line) => run(JSON.parse(line)))
  .on('close', () => process.exit(0));
answer(0, { stdout: '', stderr: '', status: 0 });
