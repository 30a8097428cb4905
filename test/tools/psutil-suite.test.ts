import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Inside, MACHINE, skipTools } from './support/inside.ts';

/** What cannot succeed on a simulated /proc, and why. */
const CANNOT: Readonly<Record<string, string>> = {
  'TestSystemNetIfAddrs.test_ips': 'interfaces come from getifaddrs(3), which is netlink',
  'TestNetAPIs.test_net_if_addrs': 'interfaces come from getifaddrs(3), which is netlink',
  'TestSystemNetIfStats.test_against_ifconfig': 'interfaces come from ioctl(2)',
  'TestProcessAgainstStatus.test_num_ctx_switches': 'to read a file of FUSE is itself a context switch or two',
  'TestDiskAPIs.test_disk_partitions': 'looks at every mount of the host, and some may be broken',
  // They compare with free(1) and with utmp, and fail on the genuine /proc of Debian 12 as well.
  'TestSystemVirtualMemory.test_used': 'psutil 5.9 and procps 4 define used memory differently',
  'TestMiscAPIs.test_users': 'nobody is logged in',
};

/** psutil's own suites, as Debian ships them. The machine has as many CPUs as this one: status of real processes says which they may use. */
describe.skipIf(skipTools)("psutil's own tests", () => {
  let inside: Inside;
  beforeAll(async () => {
    const scenario = readFileSync(MACHINE, 'utf8').replace(/ cpus=\d+/, ` cpus=${cpus().length}`);
    inside = await Inside.start({ scenario });
  });
  afterAll(() => inside.stop());

  test.concurrent.each([
    ['test_linux', 100],
    ['test_system', 40],
  ] as const)('%s', async (suite, least) => {
    const { stdout } = await inside.sh(
      `cd /tmp; CI_TESTING=1 timeout 100 /usr/bin/python3 -m unittest psutil.tests.${suite} 2>&1`,
      { timeoutMs: 110_000 },
    );
    expect(Number(/^Ran (\d+) tests/m.exec(stdout)?.[1]), stdout.slice(-500)).toBeGreaterThanOrEqual(least);
    const failed = failures(stdout).filter((name) => !(name in CANNOT));
    // What the genuine /proc of this machine fails as well says nothing about ours (findmnt where the root is a bind mount).
    const genuine = failed.length === 0 ? [] : failures(genuineOutput(suite, failed));
    expect(
      failed.filter((name) => !genuine.includes(name)),
      stdout.slice(-3000),
    ).toEqual([]);
  });
});

function failures(output: string): string[] {
  return [...output.matchAll(/^(?:ERROR|FAIL): psutil\.tests\.\w+\.(\S+)/gm)].map(([, name]) => name!);
}

/** What some tests of a suite print on the genuine /proc. */
function genuineOutput(suite: string, tests: readonly string[]): string {
  const names = tests.map((name) => `psutil.tests.${suite}.${name}`).join(' ');
  const script = `cd /tmp; CI_TESTING=1 timeout 60 /usr/bin/python3 -m unittest ${names} 2>&1; true`;
  return execFileSync('sh', ['-c', script], { encoding: 'utf8' });
}
