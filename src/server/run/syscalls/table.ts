/** Which call is answered by what. */

import type { CallName } from '../../../util/system-calls.ts';
import * as files from './calls-files.ts';
import * as klog from './calls-log.ts';
import * as machine from './calls-machine.ts';
import * as memory from './calls-memory.ts';
import * as processes from './calls-process.ts';
import type { Handler } from './context.ts';

export const HANDLERS: Readonly<Record<CallName, Handler>> = {
  sysinfo: machine.sysinfo,
  uname: machine.uname,
  statfs: machine.statfs,
  fstatfs: machine.fstatfs,
  sched_getaffinity: machine.schedGetaffinity,
  sched_setaffinity: machine.schedSetaffinity,
  syslog: klog.syslog,
  kill: processes.kill,
  tkill: processes.tkill,
  tgkill: processes.tgkill,
  rt_sigqueueinfo: processes.rtSigqueueinfo,
  rt_tgsigqueueinfo: processes.rtTgsigqueueinfo,
  pidfd_open: processes.pidfdOpen,
  pidfd_send_signal: processes.pidfdSendSignal,
  pidfd_getfd: processes.pidfdGetfd,
  getpriority: processes.getpriority,
  setpriority: processes.setpriority,
  sched_getparam: processes.schedGetparam,
  sched_setparam: processes.schedSetparam,
  sched_getscheduler: processes.schedGetscheduler,
  sched_setscheduler: processes.schedSetscheduler,
  sched_getattr: processes.schedGetattr,
  sched_setattr: processes.schedSetattr,
  prlimit64: processes.prlimit64,
  ioprio_get: processes.ioprioGet,
  ioprio_set: processes.ioprioSet,
  getpgid: processes.getpgid,
  getsid: processes.getsid,
  kcmp: processes.kcmp,
  process_vm_readv: memory.processVmReadv,
  process_vm_writev: memory.processVmWritev,
  process_madvise: memory.processMadvise,
  process_mrelease: memory.processMrelease,
  cachestat: files.cachestat,
  fadvise64: files.fadvise64,
  mincore: files.mincore,
};
