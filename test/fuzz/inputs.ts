/** What hostile or careless users might write: step lines from the tables' own usages, contents of files, configurations. */
import fc from 'fast-check';
import { APP_STEPS, MACHINE_STEPS, PROCESS_STEPS } from '../../src/scenario/parse.ts';

/** Small, but something of every kind. */
export const FUZZED = `machine ram=16M swap=4M cpus=2 uptime=100s seed=5
object LIB file 256K path=/lib/libc.so
object DATA file 64K path=/data/file.db
object SHM memfd 64K path=/dev/shm/s
cgroup write /cgroup.subtree_control +memory
cgroup mkdir /g
proc init pid=1 ppid=0 comm=init cmdline="/sbin/init splash"
proc kthreadd pid=2 ppid=0 kthread start=0s
proc game pid=42 uid=1000 comm="a) (b\\xff" cmdline="game --level 3" exe=/bin/game cgroup=/g
game mmap text size=128K obj=LIB private prot=rx
game mmap heap size=1M anon private name=[heap]
game mmap sh size=64K obj=SHM shared
game mmap db size=64K obj=DATA shared
game touch text 0 64K read
game touch heap 0 512K write
game touch sh 0 32K write
game touch db 0 32K write
game thread tid=43 comm=worker
game fork child pid=44
child touch heap 0 64K write
proc dead pid=60 uid=1000
dead exit zombie
app mail heap=256K
tick 1s
`;

const EDGES = [
  ...['', '0', '1', '2', '3', '7', '-1', '4095', '4096', '65536', '1000', '2147483647', '2147483648', '4294967295'],
  ...['4294967296', '9007199254740991', '9007199254740992', '18446744073709551615', '99999999999999999999'],
  ...['0x7fffffffffff', '0xffffffffffffffff', '0x1000', '1e21', 'NaN', 'Infinity', '1.5', '-0', '007', '0x', '+5'],
  ...[
    '4K',
    '12p',
    '64K',
    '1M',
    '16M',
    '1G',
    '1T',
    '128T',
    '8191P',
    '5s',
    '100ms',
    '99999999h',
    '0us',
    'max',
    '9'.repeat(300),
  ],
];
const NAMES = [
  ...[
    'game',
    'child',
    'init',
    'kthreadd',
    'dead',
    '42',
    '1',
    '43',
    'nobody',
    'x',
    'LIB',
    'DATA',
    'SHM',
    'heap',
    'text',
  ],
  ...[
    'sh',
    'db',
    'mail',
    'all',
    'anon',
    'file',
    '/g',
    '/g/h',
    '/',
    '..',
    '/lib',
    '/lib/libc.so',
    '/data/file.db',
    '/x',
  ],
  ...['""', '"a b"', '"\\xff\\0"', '"', 'a=b', '#', '\xff\xfe', '\x1b[2J', 'note', 'machine'],
];
const SIZES = ['0', '4096', '8192', '1p', '3p', '16K', '64K', '100K', '1M', '17', '2M', '4M'];
const TIMES = ['0', '1us', '10ms', '1s', '7s', '1m'];

export const edge = fc.constantFrom(...EDGES);
const name = fc.constantFrom(...NAMES);
const size = fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...SIZES) }, { weight: 1, arbitrary: edge });
const time = fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...TIMES) }, { weight: 1, arbitrary: edge });
const number = fc.oneof(
  { weight: 4, arbitrary: fc.nat({ max: 100 }).map(String) },
  { weight: 2, arbitrary: edge },
  { weight: 1, arbitrary: fc.integer().map(String) },
);
/** Bytes as a byte string. */
export const bytes = fc.uint8Array({ maxLength: 24 }).map((data) => Buffer.from(data).toString('latin1'));

/** What a word of a usage stands for. */
function placeholder(word: string): fc.Arbitrary<string> {
  if (/^(SIZE|OFF|LEN|NEWLEN|ADDR)$/.test(word)) return size;
  if (/^TIME$/.test(word)) return time;
  if (/^(N|UID|PID|MS|NS|KB|PERCENT|LEVEL)$/.test(word) || /^\d/.test(word)) return number;
  if (/^[A-Z]/.test(word) || word.startsWith('"'))
    return fc.oneof({ weight: 9, arbitrary: name }, { weight: 1, arbitrary: edge });
  const choices = word.split('|');
  return fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...choices) }, { weight: 1, arbitrary: edge });
}

function usageLine(usage: string): fc.Arbitrary<string> {
  const parts: fc.Arbitrary<string>[] = [];
  let depth = 0;
  for (const raw of usage.split(' ')) {
    depth += raw.split('[').length - 1;
    const part = raw.replace(/[[\]]/g, '');
    const optional = depth > 0;
    depth -= raw.split(']').length - 1;
    if (part === '' || part === '|') continue;
    const [, key = '', value = part] = /^([a-z]+=)?(.*)$/.exec(part) ?? [];
    const text = placeholder(value).map((chosen) => `${key}${chosen}`);
    parts.push(optional ? fc.oneof(text, fc.constant('')) : text);
  }
  return fc.tuple(...parts).map((words) => words.filter((word) => word !== '').join(' '));
}

const ROWS = [...MACHINE_STEPS.values(), ...PROCESS_STEPS.values(), ...APP_STEPS.values()];
const lines = fc.oneof(...ROWS.flatMap(({ usage }) => usage.split(' | ').map((alternative) => usageLine(alternative))));

/** A line of the step language, mostly of the right shape. */
export const stepLine: fc.Arbitrary<string> = fc.oneof(
  { weight: 12, arbitrary: lines },
  {
    weight: 2,
    arbitrary: fc
      .tuple(lines, fc.nat({ max: 60 }), bytes)
      .map(([line, at, put]) => line.slice(0, at) + put + line.slice(at + 1)),
  },
  { weight: 1, arbitrary: bytes },
);

/** What is written to a file. */
export const content: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: edge },
  {
    weight: 2,
    arbitrary: fc.tuple(edge, fc.constantFrom(' ', '\n', '\t', ',', '\0'), edge).map((parts) => parts.join('')),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      'all',
      'anon',
      'file',
      'anon\n',
      '0 16E',
      '1',
      '5 0 4096',
      'some 500000 1000000',
      'pause',
      '+1s',
      'speed 3',
      '+memory',
      '-memory',
      '42',
      '1M swappiness=200',
      'low',
      'critical',
      'Y',
    ),
  },
  { weight: 2, arbitrary: bytes },
  { weight: 1, arbitrary: fc.integer({ min: -(2 ** 31), max: 2 ** 33 }).map(String) },
  { weight: 1, arbitrary: fc.array(stepLine, { minLength: 1, maxLength: 4 }).map((steps) => steps.join('\n')) },
);
