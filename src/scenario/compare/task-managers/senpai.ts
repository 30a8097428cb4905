/**
 * Proactive reclaim as Meta does it on its servers: every few seconds a small share of memory is given to memory.reclaim,
 * the less the nearer PSI is to a threshold, nothing beyond it. Follows: TMO (ASPLOS 2022), §3.3:
 * reclaim = memory × ratio × max(0, 1 − PSI_some / PSI_threshold). Here for the whole machine, by the root group.
 */
import { writeCgroupFile } from '../../../machine/cgroup-access.ts';
import type { Machine } from '../../../machine/machine.ts';
import { KernelError } from '../../../util/errors.ts';
import { finish } from '../../../util/job.ts';
import { parseTime } from '../../words.ts';
import { Daemon } from './daemon.ts';
import type { Properties } from './properties.ts';

/** The published settings. */
export const SENPAI_PROPERTIES: Properties = {
  'senpai.reclaim_ratio': {
    otherwise: '0.0005',
    read: (text) => (Number(text) > 0 && Number(text) <= 1 ? Number(text) : undefined),
  },
  'senpai.psi_threshold': {
    otherwise: '0.001',
    read: (text) => (Number(text) > 0 && Number(text) <= 1 ? Number(text) : undefined),
  },
  'senpai.interval': { otherwise: '6s', read: parseTime },
};

export class Senpai extends Daemon {
  private stalledUs = 0;

  constructor(machine: Machine) {
    super(machine, 'senpai');
    this.wakeAt(machine.nowUs + this.property(SENPAI_PROPERTIES, 'senpai.interval'));
  }

  protected work(nowUs: number): void {
    const { machine } = this;
    const { mem } = machine;
    const intervalUs = this.property(SENPAI_PROPERTIES, 'senpai.interval');
    this.wakeAt(nowUs + intervalUs);
    const stalledUs = machine.psi.groups.memory.totalAt('some', nowUs);
    const pressure = (stalledUs - this.stalledUs) / intervalUs;
    this.stalledUs = stalledUs;
    const allowed = Math.max(0, 1 - pressure / this.property(SENPAI_PROPERTIES, 'senpai.psi_threshold'));
    const used = mem.frames.total - mem.nrFree - mem.kernelPages;
    const pages = Math.floor(used * this.property(SENPAI_PROPERTIES, 'senpai.reclaim_ratio') * allowed);
    if (pages === 0) return;
    const stolen = mem.events.pgsteal_proactive;
    try {
      finish(writeCgroupFile(machine, machine.cgroups.at('/'), 'memory.reclaim', String(pages * 4096)));
    } catch (error) {
      // EAGAIN: less than was asked for. It has done what it could.
      if (!(error instanceof KernelError)) throw error;
    }
    this.charge(mem.events.pgsteal_proactive - stolen);
  }
}
