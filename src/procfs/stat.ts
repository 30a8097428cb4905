/** /proc/stat, uptime, loadavg, interrupts, softirqs: what the CPUs did. Mirrors: fs/proc/stat.c, uptime.c, loadavg.c. */
import type { Machine } from '../machine/machine.ts';
import { machineTimes, share } from './cpu-time.ts';
import type { SystemContext } from './entry.ts';
import type { TextBuffer } from './text.ts';

/** Pretend: lines of interrupts that stat counts behind the total. */
const NR_IRQS = 32;
/** Pretend: a timer interrupt comes ten times a second on each CPU, when there is nothing else to do. */
const TIMER_HZ = 10;

export function showStat(out: TextBuffer, { machine }: SystemContext): void {
  const { cpus, bootTimeMs } = machine.options;
  const times = machineTimes(machine);
  out.text('cpu  ');
  cpuLine(out, times.user, times.system, times.idle);
  for (let cpu = 0; cpu < cpus; cpu++) {
    out.text('cpu').dec(cpu).byte(0x20);
    cpuLine(out, share(times.user, cpus, cpu), share(times.system, cpus, cpu), share(times.idle, cpus, cpu));
  }
  out
    .text('intr ')
    .dec(timerInterrupts(machine) * cpus)
    .text(' 0'.repeat(NR_IRQS))
    .newline();
  out.text('ctxt ').dec(times.switches).newline();
  out
    .text('btime ')
    .dec(Math.floor(bootTimeMs / 1000))
    .newline();
  out.text('processes ').dec(machine.forks).newline();
  out.text('procs_running ').dec(Math.max(1, times.running)).newline();
  out.text('procs_blocked ').dec(times.blocked).newline();
  const perKind = SOFTIRQS.map((name) => softirqs(machine, name) * cpus);
  out.text('softirq ').dec(perKind.reduce((sum, n) => sum + n, 0));
  for (const n of perKind) out.byte(0x20).dec(n);
  out.newline();
}

/** user nice system idle iowait irq softirq steal guest guest_nice. Pretend: no time but user, system and idle. */
function cpuLine(out: TextBuffer, user: number, system: number, idle: number): void {
  out.dec(user).text(' 0 ').dec(system).byte(0x20).dec(idle).text(' 0 0 0 0 0 0').newline();
}

function timerInterrupts(machine: Machine): number {
  return Math.floor((machine.nowUs / 1e6) * TIMER_HZ);
}

/** Seconds since boot, and seconds that the CPUs were idle, summed. */
export function showUptime(out: TextBuffer, { machine }: SystemContext): void {
  hundredths(out, Math.floor(machine.nowUs / 10_000));
  out.byte(0x20);
  hundredths(out, machineTimes(machine).idle);
  out.newline();
}

function hundredths(out: TextBuffer, value: number): void {
  const rest = value % 100;
  out
    .dec(Math.floor(value / 100))
    .text(rest < 10 ? '.0' : '.')
    .dec(rest);
}

/** Mirrors: loadavg_proc_show. */
export function showLoadavg(out: TextBuffer, { machine }: SystemContext): void {
  for (const average of machine.loadAverage.hundredths) {
    hundredths(out, average);
    out.byte(0x20);
  }
  const { running } = machineTimes(machine);
  out.dec(Math.max(1, running)).byte(0x2f).dec(machine.byTid.size).byte(0x20).dec(machine.lastPid).newline();
}

const SOFTIRQS = [
  'HI',
  'TIMER',
  'NET_TX',
  'NET_RX',
  'BLOCK',
  'IRQ_POLL',
  'TASKLET',
  'SCHED',
  'HRTIMER',
  'RCU',
] as const;

/** Pretend: of one CPU. */
function softirqs(machine: Machine, name: (typeof SOFTIRQS)[number]): number {
  return name === 'TIMER' || name === 'SCHED' || name === 'RCU' ? timerInterrupts(machine) : 0;
}

export function showSoftirqs(out: TextBuffer, { machine }: SystemContext): void {
  const { cpus } = machine.options;
  out.text(' '.repeat(20));
  for (let cpu = 0; cpu < cpus; cpu++) out.text(`CPU${cpu}`.padEnd(11));
  out.newline();
  for (const name of SOFTIRQS) {
    out.text(`${name.padStart(12)}:`);
    for (let cpu = 0; cpu < cpus; cpu++) out.byte(0x20).dec(softirqs(machine, name), 10);
    out.newline();
  }
}

/** Pretend: one serial line, and the timers. */
const INTERRUPTS: readonly (readonly [name: string, timer: boolean, about: string])[] = [
  [' 4', false, '  IO-APIC   4-edge      ttyS0'],
  ['NMI', false, '   Non-maskable interrupts'],
  ['LOC', true, '   Local timer interrupts'],
  ['SPU', false, '   Spurious interrupts'],
  ['PMI', false, '   Performance monitoring interrupts'],
  ['IWI', false, '   IRQ work interrupts'],
  ['RTR', false, '   APIC ICR read retries'],
  ['RES', false, '   Rescheduling interrupts'],
  ['CAL', false, '   Function call interrupts'],
  ['TLB', false, '   TLB shootdowns'],
];

export function showInterrupts(out: TextBuffer, { machine }: SystemContext): void {
  const { cpus } = machine.options;
  out.text(' '.repeat(11));
  for (let cpu = 0; cpu < cpus; cpu++) out.text(`CPU${cpu}`.padEnd(11));
  out.newline();
  for (const [name, timer, about] of INTERRUPTS) {
    out.text(`${name.padStart(3)}:`);
    for (let cpu = 0; cpu < cpus; cpu++) out.byte(0x20).dec(timer ? timerInterrupts(machine) : 0, 10);
    out.text(about).newline();
  }
  out.text('ERR:          0\nMIS:          0\n');
}
