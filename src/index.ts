/**
 * reclaimfs as a library: a simulated machine in this process, or its /proc mounted for as long as a test runs.
 *
 *   const machine = createMachine('proc a pid=1000\na mmap heap size=4M anon\na touch heap 0 4M write');
 *   machine.apply('a reclaim anon');
 *   machine.read('/proc/1000/status');
 *
 *   await using proc = await mount({ mountpoint, scenario: text });
 */
export { describeTransport, MountError, type TransportName } from './fuse/types.ts';
export { type CompareSettings, compare, type PolicyModule, type PolicyProgram } from './library/compare.ts';
export type { Duration } from './library/duration.ts';
export { createMachine, type MachineSettings, ReclaimMachine } from './library/machine.ts';
export { type MountSettings, mount } from './library/mount.ts';
export {
  type EventOf,
  MountedProc,
  MountedProcess,
  type WaitOptions,
  WaitTimeoutError,
} from './library/mounted-proc.ts';
export { type Abortable, capture, play } from './library/play.ts';
export { type RunResult, type RunSettings, run } from './library/run.ts';
export { type Size, type Step, type Steps, step, stepsText, type Time } from './library/steps.ts';
export type { MachineEvent } from './machine/event-log.ts';
export { EVENT_TYPES, type EventType, type ReclaimEvent } from './machine/event-types.ts';
export { PROFILE_NAMES, type ProfileName } from './machine/profiles.ts';
export type { SwapKind } from './mm/swap/swap.ts';
export { BUILT_IN_NAMES, builtInScenario } from './scenario/built-in.ts';
export { type Capture, type CapturedProcess, type CaptureOptions, captureMachine } from './scenario/capture/capture.ts';
export { openSource } from './scenario/capture/source.ts';
export type { Cell, Comparison, MetricRow } from './scenario/compare/comparison.ts';
export { comparisonCsv } from './scenario/compare/csv.ts';
export type { CompareMetric, ComparePolicy } from './scenario/compare/own.ts';
export { comparisonPage } from './scenario/compare/page/page.ts';
export { POLICY_NAMES } from './scenario/compare/policies.ts';
export type { MemoryView, PolicyHost, ProcessView } from './scenario/compare/policy-host.ts';
export { comparisonTable } from './scenario/compare/table.ts';
export { type DamonOptions, type DamonWorkload, damonToScenario } from './scenario/damon/damon.ts';
export { type LogcatOptions, type LogcatTimeline, logcatToScenario } from './scenario/logcat/logcat.ts';
export { type PlayOptions, type PlayResult, playScenario, toGolden, toText } from './scenario/play.ts';
export {
  type Recording,
  type RecordOptions,
  recordProcesses,
} from './scenario/record/recorder.ts';
export { type Replay, type ReplayRow, replayRecording } from './scenario/record/replay.ts';
export type { Measured } from './scenario/record/sample.ts';
export { ScenarioError } from './scenario/scenario-error.ts';
export type { StepRecord } from './scenario/session.ts';
export type { RunSummary } from './server/run/protocol.ts';
export { BugError, CliError, KernelError, RunError, UsageError } from './util/errors.ts';
