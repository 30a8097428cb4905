/** What the files of /proc/reclaimfs are for. */
export const RECLAIMFS_FILES: Readonly<Record<string, string>> = {
  check: 'runs the invariants of the memory: `ok`, or what is broken',
  clock: 'read: virtual time; write: `+5s`, `pause`, `run`, `speed 10`',
  control: 'write steps, all or none per write',
  'disk/': 'the simulated files as they are on the simulated disk',
  error: 'why the last step was rejected',
  events: 'JSON lines as they happen; a read waits, unless the file is opened with O_NONBLOCK',
  'events?now': 'the events that there are; a read ends',
  kmsg: 'the kernel’s log, a record a read as /dev/kmsg gives it; write `<6>text` to add to it',
  'lowmemorykiller/': 'the parameters of the low-memory killer',
  processes: 'memory of every process in one read, a JSON line each: the numbers of status and stat',
  settings: 'every setting in force',
  'snapshots/':
    'machines kept under names, a file each: `touch NAME` keeps, `echo restore > NAME` comes back, `rm` forgets',
  snapshot: 'the whole machine as bytes: give it to `mount --scenario`, faster than state',
  state: 'the whole machine as text: the steps that made it or, when they are more than 256 KiB, what it is',
  vmpressure: '`low`, `medium`, `critical`; a read waits; a level that is written is the least to be told of',
};
