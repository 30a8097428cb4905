/** What the words in capital letters of usages stand for, with an example of each. */
export interface ValueKind {
  readonly about: string;
  readonly sample: string;
}

const SIZE = 'bytes, or with p (pages) K M G T: 12p, 64K, 1.5M, 0x1000';

export const VALUE_KINDS: Readonly<Record<string, ValueKind>> = {
  ADDR: { about: 'an address in bytes: 0x200000000000', sample: '0x200000000000' },
  BYTES: { about: 'bytes, in quotes; \\n \\t \\0 \\" \\\\ and \\xNN inside', sample: '"milk\\n"' },
  COMMANDS: {
    about: 'of lru_gen: + or -, group, node, sequence number, more if wanted; semicolons between',
    sample: '"+ 1 0 3"',
  },
  CHILD: { about: 'the name of a new process', sample: 'child' },
  CPULIST: { about: 'numbers of processors and ranges of them: 0-3,5', sample: '0' },
  FILE: { about: 'the name of an object that is a file', sample: 'LIBC' },
  HARDLIMIT: { about: 'a number, or unlimited', sample: 'unlimited' },
  KB: { about: 'a number of kB', sample: '2048' },
  KEY: { about: 'a setting: app.heap, user.turns, machine.ram', sample: 'app.heap' },
  LABEL: { about: 'text up to the end of the line', sample: 'after' },
  LEN: { about: `a length: ${SIZE}; rounded up to pages`, sample: '64K' },
  LIMIT: { about: 'a number, or unlimited', sample: '1024' },
  MAPPING: { about: 'the name that mmap (or brk, mremap to=) gave to a mapping', sample: 'heap' },
  MS: { about: 'milliseconds', sample: '1700000000000' },
  N: { about: 'a whole number, decimal or 0x…', sample: '1' },
  NAME: { about: 'a name; of a process also its pid', sample: 'game' },
  NEWLEN: { about: `the new length: ${SIZE}`, sample: '32K' },
  NEWMAPPING: { about: 'the name of a new mapping', sample: 'moved' },
  NEWPATH: { about: 'a path', sample: '/files/other' },
  NS: { about: 'nanoseconds', sample: '50000' },
  OBJECT: { about: 'the name of an object', sample: 'LIBC' },
  OFF: { about: `an offset from the beginning of the mapping or object: ${SIZE}`, sample: '0' },
  OTHER: { about: 'the name or pid of another process', sample: 'other' },
  PATH: { about: 'a path', sample: '/apps' },
  PERCENT: { about: 'a number from 0 to 100', sample: '25' },
  PID: { about: 'a process number', sample: '4000' },
  RESOURCE: {
    about: 'cpu fsize data stack core rss nproc nofile memlock as locks sigpending msgqueue nice rtprio or rttime',
    sample: 'nofile',
  },
  RUNS: { about: 'runs of pages: a number and a letter, 12a3-f', sample: '4a' },
  SIGNAL: { about: 'a signal, by number or name: 9, KILL, SIGTERM', sample: 'TERM' },
  SIZE: { about: SIZE, sample: '1M' },
  TEXT: { about: 'text; with spaces in quotes', sample: 'anon' },
  TIME: { about: 'seconds, or with us ms s m h: 200ms, 5s, 1.5', sample: '5s' },
  UID: { about: 'a user number', sample: '10042' },
  VALUE: { about: 'what is written, up to the end of the line', sample: '60' },
};
