/** What happened on the machine, for /proc/reclaimfs/events and tests. One object an event, oldest dropped first. */

/** An event: `type`, the virtual time in seconds, and its own members. */
export interface MachineEvent {
  readonly type: string;
  readonly time: number;
  readonly [member: string]: string | number | boolean | null;
}

const KEPT = 10_000;

export class EventLog {
  private events: MachineEvent[] = [];
  private dropped = 0;
  /** Who has asked for what happens now, as members for its events; set while somebody's request is carried out. */
  origin: (() => Readonly<Record<string, number>>) | undefined;
  /** Called after each event. */
  onEvent: ((event: MachineEvent) => void) | undefined;
  /** The same for a trace, beside whoever else listens. */
  onTrace: ((event: MachineEvent) => void) | undefined;

  add(happened: MachineEvent): void {
    const event = this.origin === undefined ? happened : { ...happened, ...this.origin() };
    this.events.push(event);
    if (this.events.length > 2 * KEPT) {
      this.dropped += KEPT;
      this.events = this.events.slice(KEPT);
    }
    this.onEvent?.(event);
    this.onTrace?.(event);
  }

  /** Number of events so far, dropped ones included: the position behind the last. */
  get end(): number {
    return this.dropped + this.events.length;
  }

  /** The first position that is still kept. */
  get start(): number {
    return this.dropped;
  }

  /** The events from a position on. */
  from(position: number): readonly MachineEvent[] {
    return this.events.slice(Math.max(0, position - this.dropped));
  }
}
