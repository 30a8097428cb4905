/** A day of a phone from its log: every format, sizes from each source, nothing from what is no log. */
import { expect, test } from 'vitest';
import { createMachine } from '../../../src/library/machine.ts';
import { androidEvents } from '../../../src/scenario/logcat/android-events.ts';
import { logcatToScenario } from '../../../src/scenario/logcat/logcat.ts';

/** A short evening: launcher, mail, a game that pushes mail out, mail again. */
const EVENTS: readonly (readonly [ms: number, tag: string, message: string])[] = [
  [0, 'wm_set_resumed_activity', '[0,com.example.launcher/.Home,resumeTopActivityInnerLocked]'],
  [4000, 'am_proc_start', '[0,4567,10042,com.example.mail,next-top-activity,{com.example.mail/com.example.mail.Main}]'],
  [4200, 'wm_set_resumed_activity', '[0,com.example.mail/.Main,minimalResumeActivityLocked - onActivityStateChanged]'],
  [5000, 'am_proc_start', '[0,4600,10050,com.example.sync:push,service,{com.example.sync/.Push}]'],
  [9000, 'am_pss', '[4567,10042,com.example.mail,50331648,41943040,0,62914560,0,2,12]'],
  [20_200, 'wm_set_resumed_activity', '[0,com.example.game/.Level,minimalResumeActivityLocked]'],
  [24_000, 'am_kill', '[0,4567,com.example.mail,900,cached #17, too old,61440]'],
  [24_010, 'am_proc_died', '[0,4567,com.example.mail,900,16]'],
  [30_000, 'am_compact', '[4700,com.example.game,full,204800,51200,153600,1024,-1,-1,-1,1,5,0,0,900,16,1,1]'],
  [50_200, 'wm_set_resumed_activity', '[0,com.example.mail/.Main,minimalResumeActivityLocked]'],
  [
    51_000,
    'lowmemorykiller',
    "Kill 'com.example.game' (4700), uid 10099, oom_score_adj 700 to free 300000kB rss, 20000kB swap; reason: low watermark is breached",
  ],
  [60_200, 'am_proc_bound', '[0,4567,com.example.mail]'],
];
const START = Date.UTC(2024, 11, 31, 23, 59, 30);

const two = (n: number): string => String(n).padStart(2, '0');
function dated(ms: number): string {
  const at = new Date(START + ms);
  const time = `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())}.${String(at.getUTCMilliseconds()).padStart(3, '0')}`;
  return `${two(at.getUTCMonth() + 1)}-${two(at.getUTCDate())} ${time}`;
}
const FORMATS: Readonly<Record<string, (ms: number, tag: string, message: string) => string>> = {
  threadtime: (ms, tag, message) => `${dated(ms)}  1234  1250 I ${tag.padEnd(8)}: ${message}`,
  'with year': (ms, tag, message) =>
    `${new Date(START + ms).getUTCFullYear()}-${dated(ms)}  1234  1250 I ${tag}: ${message}`,
  'with zone and uid': (ms, tag, message) => `${dated(ms)} +0100  1000  1234  1250 I ${tag}: ${message}`,
  epoch: (ms, tag, message) => `      ${((START + ms) / 1000).toFixed(3)}  1234  1250 I ${tag}: ${message}`,
  time: (ms, tag, message) => `${dated(ms)} I/${tag}( 1234): ${message}`,
};
const logOf = (format: string): string =>
  `--------- beginning of events\n${EVENTS.map((event) => FORMATS[format]!(...event)).join('\n')}\n`;

const MEMINFO = `Applications Memory Usage (in Kilobytes):
Uptime: 123456 Realtime: 123456

Total RSS by process:
    250,000K: system (pid 1400)
    180,000K: com.example.launcher (pid 2100 / activities)
     90,000K: com.example.mail (pid 4567 / activities)

Total RSS by OOM adjustment:
    250,000K: System

 Total RAM: 1,953,125K (status normal)
      ZRAM:    20,000K physical used for    80,000K in swap ( 524,288K total swap)
`;

test.each(Object.keys(FORMATS))('%s: the same events, across the turn of the year', (format) => {
  const events = androidEvents(logOf(format));
  const firstMs = events[0]!.timeMs;
  expect(events.map(({ kind, process, timeMs }) => [Math.round(timeMs - firstMs), kind, process])).toEqual([
    [0, 'front', 'com.example.launcher'],
    [4000, 'start', 'com.example.mail'],
    [4200, 'front', 'com.example.mail'],
    [5000, 'start', 'com.example.sync:push'],
    [9000, 'size', 'com.example.mail'],
    [20_200, 'front', 'com.example.game'],
    [24_000, 'kill', 'com.example.mail'],
    [24_000, 'size', 'com.example.mail'],
    [24_010, 'died', 'com.example.mail'],
    [30_000, 'size', 'com.example.game'],
    [50_200, 'front', 'com.example.mail'],
    [51_000, 'kill', 'com.example.game'],
    [51_000, 'size', 'com.example.game'],
  ]);
});

test('the timeline, with sizes of the dump', () => {
  const { text, remarks } = logcatToScenario(logOf('threadtime'), { meminfo: MEMINFO, file: 'day.log' });
  expect(text.split('\n').filter((line) => !line.startsWith('#'))).toEqual([
    'title A day of a phone: day.log',
    'machine ram=1953125K swap=524288K swapkind=zram',
    'proc others adj=-1000',
    'others mmap heap size=250000K anon',
    'others touch heap 0 250000K write',
    'app com.example.launcher heap=180000K',
    'app com.example.mail heap=90000K',
    'app com.example.game heap=320000K',
    'com.example.launcher resume',
    'com.example.launcher use 4200ms',
    'tick 4200ms',
    'com.example.mail resume',
    'com.example.mail use 16000ms',
    'tick 16000ms',
    'com.example.game resume',
    'com.example.game use 30000ms',
    'tick 30000ms',
    'com.example.mail resume',
    'com.example.mail use 800ms',
    'tick 800ms',
    'duration 1s',
    '',
  ]);
  expect(text).toContain('# in the log, com.example.mail was killed here (am_kill: cached #17, too old)');
  expect(remarks).toEqual([
    'All memory of an app counts as its own anonymous memory; how it uses it is not in a log.',
    '1 processes that were started but never in front are left out (com.example.sync:push).',
  ]);
  const machine = createMachine(text);
  expect(machine.events.filter(({ type }) => type === 'launch').map((event) => Reflect.get(event, 'app'))).toEqual([
    'com.example.launcher',
    'com.example.mail',
    'com.example.game',
  ]);
});

test('what is not known is said, and a bug report has both', () => {
  const { remarks } = logcatToScenario(logOf('epoch'));
  expect(remarks.join('\n')).toMatch(/How much memory the phone has is not known/);
  expect(remarks.join('\n')).toMatch(/The size of 1 of 3 apps is not known: 313 MB each \(com\.example\.launcher\)/);
  const report = `------ EVENT LOG (logcat -b events) ------\n${logOf('threadtime')}\n------ MEMINFO (dumpsys meminfo) ------\n${MEMINFO}`;
  expect(logcatToScenario(report).text).toContain('machine ram=1953125K swap=524288K');
});

test('what is no log gives no scenario', () => {
  expect(() => logcatToScenario('')).toThrow(/there is no event of Android in it: give the output of "adb logcat/);
  expect(() => logcatToScenario('MemTotal: 1 kB\n'.repeat(1000))).toThrow(/there is no event/);
  expect(() => logcatToScenario(FORMATS['epoch']!(0, 'am_proc_start', '[0,1,2,a.b,service,{}]'))).toThrow(
    /no app comes to the front/,
  );
  expect(() => logcatToScenario('I/am_kill ( 12): [0,1,a.b,900,x]\n')).toThrow(/there is no event/);
});

test('names cannot become steps', () => {
  const evil = FORMATS['epoch']!(0, 'wm_set_resumed_activity', '[0,a b\u2028"tick 5s#x/.Main,x]');
  const kill = FORMATS['epoch']!(1, 'am_kill', '[0,1,x y,900,stop\u0085now\u001b[31m]');
  const { text } = logcatToScenario(`${evil}\n${kill}\n`);
  expect(text).toContain('\napp a.b.tick.5s.x heap=');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: none of these may be in it.
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u0085\u2028]/);
  expect(() => createMachine(text)).not.toThrow();
  const long = FORMATS['epoch']!(0, 'wm_set_resumed_activity', `[0,${'a'.repeat(100_000)}/.Main,x]`);
  expect(() => logcatToScenario(long)).toThrow(/there is no event/);
});
