import type { TransportHooks } from '../fuse/types.ts';
import type { Job } from '../util/job.ts';
import type { FileSystem, OpenFile } from '../vfs/types.ts';
import type { Mailbox } from './mailbox.ts';
import type { SessionHost } from './session-host.ts';

const O_ACCMODE = 3;

/** To the supervisor of `run`: the processes with an address space, whenever they have changed. */
export interface ProcessReport {
  readonly kind: 'processes';
  readonly processes: readonly SimulatedProcess[];
}

export interface SimulatedProcess {
  readonly pid: number;
  /** Tells two holders of one pid apart. */
  readonly serial: number;
  readonly uid: number;
  readonly gid: number;
  readonly comm: string;
  readonly stopped: boolean;
}

/** From the supervisor: it is there and wants a first report. */
export interface ReportRequest {
  readonly kind: 'report';
}

/** From the supervisor: a signal that has hit a placeholder. */
export interface SignalReport {
  readonly kind: 'signal';
  readonly pid: number;
  readonly signal: string;
}

/** Keeps the supervisor informed after every operation that has changed the machine, and takes its signals. */
export function reportProcesses(
  fs: FileSystem,
  host: SessionHost,
  hooks: TransportHooks,
  mailbox: Mailbox,
): FileSystem {
  let listening = false;
  let seen = -1;
  let last = '';
  const report = (): void => {
    if (!listening || host.changes === seen) return;
    seen = host.changes;
    const processes = listProcesses(host);
    const summary = JSON.stringify(processes);
    if (summary === last) return;
    last = summary;
    const message: ProcessReport = { kind: 'processes', processes };
    hooks.send(message);
  };
  const heartbeat = fs.heartbeat.bind(fs);
  const open = fs.open.bind(fs);
  const getattr = fs.getattr.bind(fs);
  fs.heartbeat = () => {
    heartbeat();
    report();
  };
  function* kill(pid: number, signal: string): Job<void> {
    // It may have ended while other work was under way.
    if (host.machine.tasks.has(pid)) yield* host.apply(`${pid} kill ${signal}`, 'placeholder');
  }
  const reporting = new WeakSet<OpenFile>();
  fs.open = (ino, flags, caller) => {
    const file = open(ino, flags, caller);
    report();
    if (typeof file === 'number' || (flags & O_ACCMODE) === 0 || reporting.has(file)) return file;
    const write = file.write.bind(file);
    file.write = (data, offset, writer) => {
      const taken = write(data, offset, writer);
      report();
      return taken;
    };
    reporting.add(file);
    return file;
  };
  fs.getattr = (ino, out) => {
    const status = getattr(ino, out);
    report();
    return status;
  };
  mailbox.on<ReportRequest>('report', () => {
    host.advanceToNow();
    listening = true;
    report();
  });
  mailbox.on<SignalReport>('signal', ({ pid, signal }) => {
    host.advanceToNow();
    if (host.machine.tasks.has(pid)) host.run(() => kill(pid, signal));
    // A kernel thread outlives it, and needs another placeholder.
    seen = -1;
    last = '';
    report();
  });
  return fs;
}

function listProcesses({ machine }: SessionHost): SimulatedProcess[] {
  return [...machine.tasks.values()]
    .filter((task) => !task.isZombie)
    .map(({ pid, serial, ids, comm, leader }) => ({
      pid,
      serial,
      uid: ids.euid,
      gid: ids.egid,
      comm,
      stopped: leader.state === 'T' || leader.state === 't',
    }));
}
