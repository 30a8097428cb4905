// Reads a file again and again, as whoever watches does: MNT/PID/stat, for so many seconds. Prints {reads, p99Ms, worstMs}.
import { readFileSync } from 'node:fs';

const [path, seconds] = process.argv.slice(2);
const idle = new Int32Array(new SharedArrayBuffer(4));
const times = [];
const end = performance.now() + Number(seconds) * 1000;
while (performance.now() < end) {
  const begin = performance.now();
  readFileSync(path);
  times.push(performance.now() - begin);
  Atomics.wait(idle, 0, 0, 5);
}
times.sort((a, b) => a - b);
const p99Ms = times[Math.min(times.length - 1, Math.floor(times.length * 0.99))];
console.log(JSON.stringify({ reads: times.length, p99Ms, worstMs: times.at(-1) }));
