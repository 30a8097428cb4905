/** The loopback device, the only one that /proc/net/dev has. Mirrors: net/core/net-sysfs.c. */
import { directory } from '../procfs/entry.ts';
import { constant, link, type Row } from './rows.ts';

/** As every machine has it. Pretend: nothing ever goes over it. */
const LOOPBACK: Readonly<Record<string, string | number>> = {
  addr_len: 6,
  address: '00:00:00:00:00:00',
  broadcast: '00:00:00:00:00:00',
  carrier: 1,
  flags: '0x9',
  ifindex: 1,
  iflink: 1,
  mtu: 65_536,
  operstate: 'unknown',
  tx_queue_len: 1000,
  type: 772,
};
const STATISTICS = ['bytes', 'dropped', 'errors', 'packets'].flatMap((what) => [`rx_${what}`, `tx_${what}`]);

export const netDevices: Row = directory('net', [
  directory('lo', [
    ...Object.entries(LOOPBACK).map(([name, text]) => constant(name, text)),
    directory(
      'statistics',
      STATISTICS.map((name) => constant(name, 0)),
    ),
    link('subsystem', '../../../../class/net'),
  ]),
]);

export const netLinks: readonly Row[] = [link('lo', '../../devices/virtual/net/lo')];
