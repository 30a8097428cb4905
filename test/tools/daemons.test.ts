/** Daemons of Debian that guard control groups and pressure, unmodified: each acts on the right simulated process or group. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Inside, skipTools, until } from './support/inside.ts';

const MANAGER = join(import.meta.dirname, 'support/oom-manager.py');
const BUS = join(import.meta.dirname, 'support/bus.conf');
const DAEMON_MS = 120_000;

/** Two apps in groups of their own, most of the bigger one's memory in swap; both full. */
const APPS = `machine ram=256M swap=128M swapkind=zram cpus=2 uptime=1h seed=3
cgroup write /cgroup.subtree_control "+memory +pids"
cgroup mkdir /app.slice
cgroup write /app.slice/cgroup.subtree_control "+memory +pids"
cgroup mkdir /app.slice/game
cgroup mkdir /app.slice/mail
proc init pid=1 ppid=0 comm=init
proc game pid=1234 ppid=1 uid=1000 comm=game cgroup=/app.slice/game
game mmap heap size=120M anon private name=[heap]
game touch heap 0 120M write
game reclaim all
proc helper pid=1236 ppid=1234 uid=1000 comm=helper cgroup=/app.slice/game
helper mmap heap size=1M anon private name=[heap]
helper touch heap 0 1M write
proc mail pid=1235 ppid=1 uid=1000 comm=mail cgroup=/app.slice/mail
mail mmap heap size=215M anon private name=[heap]
mail touch heap 0 200M write
`;

/** Two processes of a user that have more than there is room for, so that each pushes the other out. */
const CROWD = `machine ram=128M swap=128M swapkind=zram cpus=2 uptime=1h seed=3
cgroup write /cgroup.subtree_control "+memory"
cgroup mkdir /user.slice
cgroup mkdir /user.slice/user-0.slice
proc init pid=1 ppid=0 comm=init
proc game pid=1234 ppid=1 uid=1000 comm=game adj=200 cgroup=/user.slice/user-0.slice
game mmap heap size=90M anon private name=[heap]
game touch heap 0 90M write
proc mail pid=1235 ppid=1 uid=1000 comm=mail cgroup=/user.slice/user-0.slice
mail mmap heap size=100M anon private name=[heap]
`;

describe.skipIf(skipTools)('daemons', () => {
  const machines: Inside[] = [];
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'reclaimfs-daemons-'));
  });
  afterAll(async () => {
    for (const inside of machines) {
      await inside.check();
      await inside.stop();
    }
    rmSync(directory, { recursive: true, force: true });
  });

  async function machine(scenario: string, ...options: readonly string[]): Promise<Inside> {
    const inside = await Inside.start({ scenario, options });
    machines.push(inside);
    return inside;
  }

  function fileOf(name: string, text: string): string {
    const path = join(directory, name);
    writeFileSync(path, text);
    return path;
  }

  const comms = async (inside: Inside): Promise<string> =>
    (await inside.text('pgrep -l "^(init|game|helper|mail)$"')).replace(/\d+ /g, '').trim().replaceAll('\n', ' ');
  const oomKills = async (inside: Inside): Promise<string> =>
    /oom_kill (\d+)/.exec(await inside.read('/proc/vmstat'))![1]!;
  /** The two take turns until something has happened. */
  const crowd = async (inside: Inside, happened: () => Promise<boolean>, what: string): Promise<void> =>
    until(
      async () => {
        await inside.sh(
          'printf "mail touch heap 0 90M write\\ngame touch heap 0 90M write\\n" > /proc/reclaimfs/control',
        );
        return happened();
      },
      what,
      60_000,
    );
  const says = async (inside: Inside, log: string, pattern: RegExp): Promise<boolean> =>
    pattern.test((await inside.sh(`cat ${log}`)).stdout);

  test('oomd kills the group that has grown, with all that is in it', async () => {
    const inside = await machine(APPS);
    const rule = { cgroup: 'app.slice/*', threshold: '10M', duration: '0' };
    const config = fileOf(
      'oomd.json',
      JSON.stringify({
        rulesets: [
          {
            name: 'too much swap',
            detectors: [['above', { name: 'memory_above', args: rule }]],
            actions: [{ name: 'kill_by_swap_usage', args: { cgroup: 'app.slice/*', threshold: '50%' } }],
          },
        ],
      }),
    );
    const kmsg = join(directory, 'oomd.kmsg');
    const oomd = inside.sh(`timeout -s INT 60 oomd --config ${config} --interval 1 --kmsg-override ${kmsg}`, {
      timeoutMs: DAEMON_MS,
    });
    await until(async () => (await comms(inside)) === 'init mail', 'end of the group', 50_000);
    await inside.text('pkill -INT -x oomd');
    expect((await oomd).stderr).toMatch(/Killed 2: /);
    expect(await inside.read(kmsg)).toMatch(/oomd kill: .* app\.slice\/game /);
    expect(await inside.read('/sys/fs/cgroup/app.slice/game/cgroup.events')).toContain('populated 0');
    expect(await oomKills(inside)).toBe('0');
  });

  test('oomd’s senpai takes memory that is not needed from its group, and from no other', async () => {
    const inside = await machine(APPS);
    const args = { cgroup: 'app.slice/mail', limit_min_bytes: '50M', interval: '2', io_pressure_pct: '99' };
    const config = fileOf(
      'senpai.json',
      JSON.stringify({
        rulesets: [
          {
            name: 'senpai',
            detectors: [['always', { name: 'continue', args: {} }]],
            actions: [{ name: 'senpai', args }],
          },
        ],
      }),
    );
    const used = async (name: string): Promise<number> =>
      Number(await inside.read(`/sys/fs/cgroup/app.slice/${name}/memory.current`));
    const [mail, game] = [await used('mail'), await used('game')];
    const oomd = inside.sh(`timeout -s INT 60 oomd --config ${config} --interval 1`, { timeoutMs: DAEMON_MS });
    await until(async () => (await used('mail')) < mail, 'less memory of mail', 50_000);
    expect(await used('game')).toBe(game);
    await inside.text('pkill -INT -x oomd');
    await oomd;
  });

  test('systemd-oomd kills the group that has most in swap', async () => {
    const inside = await machine(APPS, '--privileged');
    const script = `mount -t tmpfs tmpfs /run
/usr/bin/python3 ${MANAGER} /app.slice=ManagedOOMSwap & until [ -S /run/systemd/io.system.ManagedOOM ]; do sleep 0.1; done
SYSTEMD_LOG_LEVEL=debug SYSTEMD_LOG_TARGET=console timeout 60 /lib/systemd/systemd-oomd 2>&1`;
    const oomd = inside.sh(script, { timeoutMs: DAEMON_MS });
    await until(async () => (await comms(inside)) === 'init mail', 'end of the group', 50_000);
    await inside.text('pkill -TERM -x systemd-oomd');
    expect((await oomd).stdout).toMatch(/Killed \/app\.slice\/game due to memory used/);
    expect(await oomKills(inside)).toBe('0');
  });

  test('low-memory-monitor warns, and has the kernel end the process with the highest oom_score', async () => {
    const inside = await machine(CROWD, '--privileged');
    const log = join(directory, 'lmm.log');
    fileOf('low-memory-monitor.conf', '[Configuration]\nTriggerKernelOom=true\n');
    const script = `mount -t overlay overlay -o lowerdir=${directory}:/etc /etc
export DBUS_SYSTEM_BUS_ADDRESS=$(dbus-daemon --config-file=${BUS} --fork --print-address)
timeout 60 dbus-monitor --system "interface='org.freedesktop.LowMemoryMonitor'" > ${log} 2>&1 &
timeout 60 /usr/libexec/low-memory-monitor >> ${log} 2>&1; pkill -x dbus-daemon`;
    const monitor = inside.sh(script, { timeoutMs: DAEMON_MS, env: { G_MESSAGES_DEBUG: 'all' } });
    await crowd(inside, async () => (await comms(inside)) === 'init mail', 'end of the game');
    expect(await oomKills(inside)).toBe('1');
    await until(() => says(inside, log, /member=LowMemoryWarning\n +byte 255/), 'the warning');
    await inside.text('pkill -x low-memory-moni');
    await monitor;
  });

  test('psi-notify tells of the pressure of its user’s group', async () => {
    const inside = await machine(CROWD);
    const log = join(directory, 'psi.log');
    await inside.text(
      `mkdir -p ${directory}/.config; printf 'update 3\\nthreshold memory some avg10 1.00\\n' > ${directory}/.config/psi-notify`,
    );
    const script = `export DBUS_SESSION_BUS_ADDRESS=$(dbus-daemon --config-file=${BUS} --fork --print-address)
timeout 90 psi-notify > ${log} 2>&1; pkill -x dbus-daemon`;
    const notify = inside.sh(script, { timeoutMs: DAEMON_MS, env: { HOME: directory } });
    await until(() => says(inside, log, /pressures from the current user's/), 'the choice of the group');
    await crowd(inside, () => says(inside, log, /Memory alert: active/), 'an alert');
    await inside.text('pkill -x psi-notify');
    await notify;
  });
});
