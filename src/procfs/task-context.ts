/** From a process in an inode number to the process that it still is, or is no more. */
import type { Task, Thread } from '../machine/task.ts';
import type { SystemContext, TaskContext } from './entry.ts';

/** A context whose members are looked up each time they are asked for, as files that stay open need it. */
export function currentContext(ctx: TaskContext): () => TaskContext | undefined {
  const { serial, pid } = ctx.task;
  const { host, settings, tree, sub } = ctx;
  const { tid } = ctx.thread;
  return () => {
    const task = host.machine.tasks.get(pid);
    if (task === undefined || task.serial !== serial) return undefined;
    const thread = threadOf(task, tid) ?? task.leader;
    return { host, settings, tree, machine: host.machine, task, thread, sub };
  };
}

export function threadOf(task: Task, tid: number): Thread | undefined {
  const { threads } = task;
  if (threads[0]!.tid === tid) return threads[0];
  return threads.find((thread) => thread.tid === tid);
}

/** The processes by serial number, as far as somebody has looked at them; found again by a search where they are not known. */
export class TaskIndex {
  #pidOf = new Map<number, number>();

  /** The process itself, as the machine has it now. */
  find({ machine }: SystemContext, serial: number): Task | undefined {
    const pid = this.#pidOf.get(serial);
    if (pid !== undefined) {
      const task = machine.tasks.get(pid);
      if (task?.serial === serial) return task;
      this.#pidOf.delete(serial);
    }
    for (const task of machine.tasks.values()) {
      if (task.serial !== serial) continue;
      this.note(task);
      return task;
    }
    return undefined;
  }

  note(task: Task): void {
    this.#pidOf.set(task.serial, task.pid);
  }

  forget(task: Task): void {
    this.#pidOf.delete(task.serial);
  }
}
