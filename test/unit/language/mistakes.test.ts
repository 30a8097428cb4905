/** Mistakes that were once accepted in silence: each has a place, a reason, and what was probably meant. */
import { expect, test } from 'vitest';
import { createMachine } from '../../../src/library/machine.ts';
import type { ScenarioError } from '../../../src/scenario/scenario-error.ts';
import { Session } from '../../../src/scenario/session.ts';
import { closest } from '../../../src/util/suggest.ts';

const BEFORE = 'object LIBC file 1M\napp mail heap=1M\nproc game\ngame mmap heap size=1M anon\n';

function mistake(line: string): string {
  try {
    createMachine(`${BEFORE}${line}\n`, { file: 's' });
  } catch (error) {
    const { line: number, column, reason, hint } = error as ScenarioError;
    expect(number).toBe(5);
    return `${column}: ${reason} (${hint})`;
  }
  return 'accepted';
}

test.each([
  ['sysctl vm.swapiness 60', '8: there is no setting vm.swapiness (did you mean vm.swappiness?)'],
  ['game mmap lib obj=LIBD size=1M', '15: there is no object named LIBD (did you mean LIBC?)'],
  ['cache LIBK load', '7: there is no object named LIBK (did you mean LIBC?)'],
  ['user apps= turns=1', '6: there are no apps to open (make apps with: app NAME heap=SIZE)'],
  ['user apps=mail,maul turns=1', '6: there is no app maul (did you mean mail?)'],
  ['snap', '5: label is missing (usage: snap LABEL)'],
  [
    'game touch heap 0 2M read',
    '1: EINVAL: heap is 1048576 bytes long: 0 + 2097152 is beyond its end (game touch heap 0 2M read)',
  ],
  ['game touch hepa 0 1M read', '12: game has no mapping named hepa (did you mean heap?)'],
  ['gmae touch heap 0 1M read', '1: there is no process gmae (did you mean game?)'],
  [
    'game tuoch heap 0 1M read',
    '6: "tuoch" is no step of a process, nor "game" one of the machine (did you mean touch?)',
  ],
  ['objetc A file 1M', '1: "objetc" is no step (did you mean object?)'],
  ['game mmap b sz=1M anon', '13: "sz=1M" is not expected here (did you mean size=?)'],
  ['game mmap b size=1M anon privat', '26: "privat" is not expected here (did you mean private?)'],
  ['game mmap c size=1M anno', '21: "anno" is not expected here (did you mean anon?)'],
  ['game madvise heap 0 4K wilneed', '24: advice "wilneed" is not known (did you mean willneed?)'],
  ['proc b pdi=5', '8: "pdi=5" is not expected here (did you mean pid=?)'],
  ['game munmap heap 5 4096', '1: the call fails with EINVAL (if it is meant to: expect=EINVAL)'],
  ['game touch heap 0 1M write expect=ENOMEN', '28: "ENOMEN" is no error (did you mean ENOMEM?)'],
  ['game touch heap 0 1M write expect=ENOMEM', '28: ENOMEM was expected, but it succeeds ()'],
])('%s', (line, expected) => {
  expect(mistake(line)).toBe(expected);
});

test('what is meant to fail may', () => {
  expect(mistake('game munmap heap 5 4096 expect=EINVAL')).toBe('accepted');
  expect(mistake('game munmap heap 0 64K\ngame touch heap 0 64K read expect=signal')).toBe('accepted');
  const machine = createMachine(`${BEFORE}game munmap heap 5 4096 expect=EINVAL`);
  expect(() => createMachine(machine.state())).not.toThrow();
});

test('a mapping of an object takes what is left of it', () => {
  const machine = createMachine('object LIBC file 1M\nproc a pid=7\na mmap lib obj=LIBC off=256K');
  expect(machine.read('/proc/7/smaps')).toContain('Size:                768 kB');
});

test('a comm that is too long is cut off, with a warning', () => {
  const session = new Session();
  session.setUp(
    'proc a comm=com.example.game\nproc b comm=fits\nproc k kthread comm=kworker/u4:1-events_unbound\na comm com.example.mail',
    's',
  );
  expect(session.warnings).toEqual([
    's:1: warning: column 8: comm "com.example.game" is cut off after 15 bytes',
    's:4: warning: column 8: comm "com.example.mail" is cut off after 15 bytes',
  ]);
});

test('a suggestion is near, or none', () => {
  expect(closest('swapiness', ['swappiness', 'page-cluster'])).toBe('swappiness');
  expect(closest('xyz', ['swappiness', 'adj'])).toBeUndefined();
  expect(closest('a', ['b'])).toBe('b');
});

test.each([
  ['game load user=25', '18: system= is missing (usage: NAME load user=PERCENT system=PERCENT [switches=N])'],
  ['game mmap b size=1M init=64K', 'growsdown is missing'],
  ['game mmap b size=1M off=4K', ': obj= is missing (usage'],
  ['lmk off minfree=1', '9: minfree= does not go together with off'],
  ['game mmap b size=1M size=2M anon', '21: size= is there twice (leave one of them out)'],
  ['game fork 77', '11: "77" is no name (begin with a letter)'],
  ['note', '5: text is missing (usage: note TEXT)'],
  ['polic reclaim', '1: "polic" is no step (did you mean policy?)'],
  ['policy lmkd/swich', '8: policy "lmkd/swich" is not known (did you mean lmkd/switch?)'],
  ['impose app.haep x2', '8: there is no setting app.haep (did you mean app.heap?)'],
  ['impose app.mial.heap x2', '8: there is no app mial (did you mean mail?)'],
  ['game kill TREM', '11: there is no signal TREM (did you mean TERM?)'],
  ['unlink LIBD', '8: there is no object named LIBD (did you mean LIBC?)'],
  ['proc game', '6: EEXIST: there is a process named game (proc game)'],
  ['machine ram=1G', '1: machine says what the machine is, and it is there by now'],
  ['cgroup rmdir /aps', '14: there is no control group /aps (make it with: cgroup mkdir /aps)'],
  [
    'cgroup write /cgroup.subtre_control "+memory"',
    '14: / has no file cgroup.subtre_control (did you mean cgroup.subtree_control?)',
  ],
])('%s', (line, expected) => {
  expect(mistake(line)).toContain(expected);
});

test('what is understood, but probably not meant, is a warning', () => {
  const session = new Session();
  session.setUp(
    `app mail heap=4M grow=1M write=0.3
proc a
a mmap anon size=1M
cgroup mkdir /apps
proc b cgroup=/aps`,
    's',
  );
  expect(session.warnings).toEqual([
    's:1: warning: column 26: write "0.3" is taken for 0.3 %: for that say 0.3%, for a share 30%',
    's:1: warning: column 18: grow "1M" is taken for 1M/s: say /s or /min',
    's:3: warning: column 8: "anon" is taken for the name of the mapping, not for the word anon of the step',
    's:5: warning: column 8: there is no control group /aps: it counts as the root (did you mean /apps?)',
  ]);
});
