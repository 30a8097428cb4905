/** Traces, decoded by protobufjs with what perfetto publishes of its format. */
import { join } from 'node:path';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { playScenario } from '../../../src/scenario/play.ts';

interface Packet {
  readonly timestamp?: number;
  readonly trustedPacketSequenceId: number;
  readonly sequenceFlags?: number;
  readonly trackDescriptor?: {
    readonly uuid: number;
    readonly name?: string;
    readonly parentUuid?: number;
    readonly process?: { readonly pid: number; readonly processName: string };
    readonly counter?: { readonly unit: string };
  };
  readonly trackEvent?: {
    readonly type: string;
    readonly trackUuid: number;
    readonly name?: string;
    readonly categories?: readonly string[];
    readonly counterValue?: number;
    readonly doubleCounterValue?: number;
    readonly debugAnnotations?: readonly Readonly<Record<string, unknown>>[];
  };
}

const proto = protobuf.loadSync(join(import.meta.dirname, 'perfetto-trace.proto'));

function traceOf(scenario: string, steps: readonly string[] = []) {
  const chunks: Uint8Array[] = [];
  const { session } = playScenario(scenario, 'test', { trace: (bytes) => void chunks.push(bytes) });
  for (const step of steps) session.apply(step);
  const Trace = proto.lookupType('perfetto.protos.Trace');
  const decoded = Trace.toObject(Trace.decode(Buffer.concat(chunks)), { longs: Number, enums: String });
  const packets = decoded['packet'] as readonly Packet[];
  const tracks = packets.flatMap(({ trackDescriptor }) => trackDescriptor ?? []);
  const events = packets.flatMap(({ timestamp, trackEvent }) => (trackEvent ? { at: timestamp!, ...trackEvent } : []));
  const trackOf = (name: string, pid?: number) => {
    const parent = pid === undefined ? undefined : tracks.find(({ process }) => process?.pid === pid)?.uuid;
    return tracks.find((track) => track.name === name && (pid === undefined || track.parentUuid === parent))!.uuid;
  };
  const valuesOf = (track: number) =>
    events
      .filter(({ trackUuid, type }) => trackUuid === track && type === 'TYPE_COUNTER')
      .map(({ counterValue, doubleCounterValue }) => counterValue ?? doubleCounterValue ?? 0);
  return { session, packets, tracks, events, trackOf, valuesOf };
}

describe('a trace', () => {
  it('has counters that end at what the files say', () => {
    const { session, trackOf, valuesOf, tracks, packets } = traceOf(`machine ram=64M swap=64M
proc game pid=50 comm=game
game mmap heap size=16M anon
game touch heap 0 8M write
tick 1s
game reclaim anon
tick 1s
game touch heap 0 1M read
tick 1s`);
    const mm = session.machine.tasks.get(50)!.mm!;
    expect(valuesOf(trackOf('RssAnon', 50))).toEqual([8 << 20, 0, 1 << 20]);
    expect(valuesOf(trackOf('VmSwap', 50)).at(-1)).toBe(mm.swapents * 4096);
    expect(valuesOf(trackOf('MemFree')).at(-1)).toBe(session.machine.mem.nrFree * 4096);
    expect(tracks.find(({ process }) => process?.pid === 50)?.process?.processName).toBe('game');
    expect(tracks.find(({ name }) => name === 'RssAnon')?.counter?.unit).toBe('UNIT_SIZE_BYTES');
    expect(packets[0]).toMatchObject({ trustedPacketSequenceId: 1, sequenceFlags: 1 });
  });

  it('has a sample every 100 ms, and none where nothing has changed', () => {
    const { events, trackOf } = traceOf(`machine ram=64M
proc game pid=50
game mmap heap size=16M anon
game grow heap rate=1M/s
tick 2s
game kill STOP
tick 2s`);
    const own = events.filter(({ trackUuid }) => trackUuid === trackOf('RssAnon', 50)).map(({ at }) => at / 1e6);
    expect(own.length).toBeGreaterThan(15);
    expect(own.slice(1).map((at, i) => Math.round(at - own[i]!))).toEqual(own.slice(1).map(() => 100));
    expect(own.at(-1)).toBeLessThan(2200);
  });

  it('shows kills, openings and the work of kswapd', () => {
    const { events, trackOf } = traceOf(`machine ram=96M swap=16M
lmk on minfree=1024,2048,8192 adj=0,1,6
app mail heap=24M
app game heap=40M
app news heap=30M
mail launch
tick 5s
game launch
tick 5s
news launch
tick 10s`);
    const kill = events.find(({ categories }) => categories?.[0] === 'kill');
    expect(kill).toMatchObject({ type: 'TYPE_INSTANT', name: expect.stringMatching(/kill/) });
    expect(kill!.debugAnnotations!.map(({ name }) => name)).toContain('pid');
    const begun = events.findIndex(({ name }) => name === 'launch game');
    expect(events[begun]!.type).toBe('TYPE_SLICE_BEGIN');
    const end = events.find(
      ({ type, trackUuid }) => type === 'TYPE_SLICE_END' && trackUuid === events[begun]!.trackUuid,
    );
    const ms = events[begun]!.debugAnnotations!.find(({ name }) => name === 'ms') as Record<string, number>;
    expect((end!.at - events[begun]!.at) / 1e6).toBeCloseTo(ms['doubleValue'] ?? ms['intValue']!, 0);
    const kswapd = events.filter(({ trackUuid }) => trackUuid === trackOf('kswapd'));
    expect(kswapd.map(({ type }) => type).slice(0, 2)).toEqual(['TYPE_SLICE_BEGIN', 'TYPE_SLICE_END']);
    expect(kswapd[1]!.at).toBeGreaterThanOrEqual(kswapd[0]!.at);
    expect(kswapd[0]!.at / 1e9).toBeGreaterThan(5);
  });

  it('goes on when the machine goes back in time', () => {
    const { events, session } = traceOf('machine ram=64M\nproc game pid=50\ngame mmap heap size=4M anon\ntick 5s', [
      'snapshot here',
      'game touch heap 0 4M write\ntick 5s',
      'restore here',
      'tick 5s\ngame touch heap 0 1M write\ntick 1s',
    ]);
    expect(session.machine.nowUs).toBeLessThan(12e6);
    const times = events.map(({ at }) => at / 1e9);
    expect([...times].sort((a, b) => a - b)).toEqual(times);
    expect(times.at(-1)).toBeGreaterThanOrEqual(10);
  });
});
