/** The command's own processes in the machine's control groups. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Inside, skipTools } from './support/inside.ts';

const SCENARIO = `machine ram=512M cpus=2
proc init pid=1 ppid=0 comm=init
proc game pid=1234 ppid=1 uid=1000 comm=game
cgroup write /cgroup.subtree_control "+memory +pids"
cgroup mkdir /apps
cgroup mkdir /other
`;
const CG = '/sys/fs/cgroup';

describe.skipIf(skipTools).each(['direct', 'fuse-native'] as const)('own processes in groups over %s', (transport) => {
  let inside: Inside;
  beforeAll(async () => {
    inside = await Inside.start({ scenario: SCENARIO, transport });
  }, 90_000);
  afterAll(async () => {
    await inside.check();
    await inside.stop();
  });

  test('a shell that writes its number is in the group, and what it starts afterwards', async () => {
    const script = `sh -c 'echo $$ > ${CG}/apps/cgroup.procs; sleep 63.5 & cat /proc/$!/cgroup /proc/self/cgroup
      grep -cx -e $$ -e $! ${CG}/apps/cgroup.procs; cat ${CG}/apps/pids.current ${CG}/apps/cgroup.events; kill $!'`;
    const text = await inside.text(script);
    // The shell, sleep, and cat that asks.
    expect(text).toBe('0::/apps\n0::/apps\n2\n3\npopulated 1\nfrozen 0\n');
  });

  test('a daemon stays in the group when its parents have ended, and moves on alone', async () => {
    const script = `sh -c 'echo $$ > ${CG}/apps/cgroup.procs; (setsid sh -c "sleep 64.5 & sleep 65.5" >/dev/null 2>&1 &)'
      until pgrep -fx 'sleep 65.5' >/dev/null; do sleep 0.1; done
      daemon=$(pgrep -fx 'sleep 64.5'); cat /proc/$daemon/cgroup
      echo $daemon > ${CG}/other/cgroup.procs; cat /proc/$daemon/cgroup; cat /proc/$(pgrep -fx 'sleep 65.5')/cgroup
      rmdir ${CG}/other 2>&1 | grep -o 'Device or resource busy'
      echo $daemon > ${CG}/cgroup.procs; cat /proc/$daemon/cgroup; grep -cx $daemon ${CG}/cgroup.procs
      rmdir ${CG}/other && mkdir ${CG}/other
      kill $daemon $(pgrep -fx 'sleep 65.5')`;
    expect(await inside.text(script)).toBe('0::/apps\n0::/other\n0::/apps\nDevice or resource busy\n0::/\n1\n');
  });

  test('cgroup.kill ends what is in the group and below it', async () => {
    const script = `mkdir ${CG}/apps/below; sleep 66.5 & a=$!; sleep 67.5 & b=$!
      echo $a > ${CG}/apps/cgroup.procs; echo $b > ${CG}/apps/below/cgroup.procs
      echo 1 > ${CG}/apps/cgroup.kill; wait $a; echo $?; wait $b; echo $?
      cat ${CG}/apps/cgroup.events; rmdir ${CG}/apps/below`;
    expect(await inside.text(script)).toBe('137\n137\npopulated 0\nfrozen 0\n');
  });

  test('a group that hands memory down takes none, and one with processes hands none down', async () => {
    const script = `mkdir ${CG}/slice; sleep 68.5 & a=$!; exec 2>&1
      echo $a > ${CG}/slice/cgroup.procs; echo +memory > ${CG}/slice/cgroup.subtree_control || echo refused
      echo $a > ${CG}/cgroup.procs; echo +memory > ${CG}/slice/cgroup.subtree_control
      echo $a > ${CG}/slice/cgroup.procs || echo refused; kill $a; rmdir ${CG}/slice`;
    expect((await inside.text(script)).match(/busy|refused/g)).toEqual(['busy', 'refused', 'busy', 'refused']);
  });

  test('limits say nothing of it, numbers that nobody has are ESRCH', async () => {
    const script = `sh -c 'grep locks /proc/self/limits | grep -v memory > /tmp/locks.$$; echo $$ > ${CG}/apps/cgroup.procs
      grep locks /proc/self/limits | grep -v memory | cmp - /tmp/locks.$$ && echo same; rm /tmp/locks.$$'
      echo 4000000 > ${CG}/apps/cgroup.procs || echo none`;
    const { stdout, stderr } = await inside.sh(script);
    expect(stdout).toBe('same\nnone\n');
    expect(stderr).toContain('No such process');
  });

  test.skipIf(transport === 'fuse-native')('0 is whoever writes', async () => {
    expect(await inside.text(`sh -c 'echo 0 > ${CG}/apps/cgroup.procs; cat /proc/$$/cgroup'`)).toBe('0::/apps\n');
  });
});
