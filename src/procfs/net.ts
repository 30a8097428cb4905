/** /proc/net: well-formed and empty. Pretend: a loopback device that never carried anything. Mirrors: net/core/net-procfs.c. */
import { directory, type Entry, file, fixed, type SystemContext } from './entry.ts';
import { HEADINGS, NETSTAT, SNMP, SNMP6, XFRM } from './net-keys.ts';

/** Counters that are settings in truth. */
const SNMP_SETTINGS: Readonly<Record<string, number>> = {
  'Ip Forwarding': 2,
  'Ip DefaultTTL': 64,
  'Tcp RtoAlgorithm': 1,
  'Tcp RtoMin': 200,
  'Tcp RtoMax': 120_000,
  'Tcp MaxConn': -1,
};

/** Two lines a protocol: names, values. */
function counters(groups: readonly (readonly [string, readonly string[]])[]): string {
  return groups
    .map(([protocol, names]) => {
      const values = names.map((name) => SNMP_SETTINGS[`${protocol} ${name}`] ?? 0);
      return `${protocol}: ${names.join(' ')}\n${protocol}: ${values.join(' ')}\n`;
    })
    .join('');
}

const DEV =
  'Inter-|   Receive                                                |  Transmit\n' +
  ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n' +
  '    lo:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0\n';

const SOCKSTAT =
  'sockets: used 0\nTCP: inuse 0 orphan 0 tw 0 alloc 0 mem 0\nUDP: inuse 0 mem 0\nUDPLITE: inuse 0\nRAW: inuse 0\nFRAG: inuse 0 memory 0\n';

const PROTOCOLS =
  'protocol  size sockets  memory press maxhdr  slab module     cl co di ac io in de sh ss gs se re bi br ha uh gp em\n';

type Row = Entry<SystemContext>;

const rows: readonly Row[] = [
  ...['anycast6', 'dev_mcast', 'if_inet6', 'igmp6', 'ipv6_route'].map((name) => fixed(name, '')),
  ...HEADINGS.map(([name, heading, columns]) => fixed(name, `${heading.padEnd(columns)}\n`)),
  fixed('dev', DEV),
  fixed('fib_trie', 'Main:\nLocal:\n'),
  fixed('netstat', counters(NETSTAT)),
  fixed('protocols', PROTOCOLS),
  fixed('psched', '000003e8 00000040 000f4240 3b9aca00\n'),
  fixed('rt6_stats', '0000 0000 0000 0000 0000 0000 0000\n'),
  fixed('snmp', counters(SNMP)),
  fixed('snmp6', SNMP6.map((name) => `${name.padEnd(32)}\t0\n`).join('')),
  fixed('sockstat', SOCKSTAT),
  fixed('sockstat6', 'TCP6: inuse 0\nUDP6: inuse 0\nUDPLITE6: inuse 0\nRAW6: inuse 0\nFRAG6: inuse 0 memory 0\n'),
  file('softnet_stat', 0o444, (out, { machine }) => {
    for (let cpu = 0; cpu < machine.options.cpus; cpu++) {
      for (let column = 0; column < 12; column++) out.text('00000000 ');
      out.hex(cpu, 8).text(' 00000000 00000000').newline();
    }
  }),
  fixed('xfrm_stat', XFRM.map((name) => `${name.padEnd(24)}\t0\n`).join('')),
];

export const netEntry = directory(
  'net',
  [...rows].sort((a, b) => (a.name < b.name ? -1 : 1)),
);
