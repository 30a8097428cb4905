/** The program by which the kernel decides what to ask us about (classic BPF over struct seccomp_data). */
import { type Architecture, CALL_NAMES, type CallName } from '../../../util/system-calls.ts';

const LOAD_WORD = 0x20; // BPF_LD | BPF_W | BPF_ABS
const JUMP_EQUAL = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const RETURN = 0x06; // BPF_RET | BPF_K
export const ACTION_NOTIFY = 0x7fc00000;
export const ACTION_ALLOW = 0x7fff0000;
/** Of struct seccomp_data; the low words of arguments, little-endian. */
const NUMBER = 0;
const ARCH = 4;
const ARGUMENT = [16, 24, 32, 40] as const;
const INSTRUCTION_BYTES = 8;

/** Calls that mean the caller itself when this argument is 0: nobody has to be asked. */
const SELF_BY_ZERO: Partial<Record<CallName, 0 | 1>> = {
  kill: 0,
  sched_getparam: 0,
  sched_setparam: 0,
  sched_getscheduler: 0,
  sched_setscheduler: 0,
  sched_getattr: 0,
  sched_setattr: 0,
  prlimit64: 0,
  getpgid: 0,
  getsid: 0,
  getpriority: 1,
  setpriority: 1,
  ioprio_get: 1,
  ioprio_set: 1,
};

/** Advice that concerns what is in the cache; the rest is about how a descriptor is read, and programs give it of every file. */
const POSIX_FADV_WILLNEED = 3;
const POSIX_FADV_DONTNEED = 4;

/** [code, jump if true, jump if false, operand] */
type Instruction = readonly [code: number, jt: number, jf: number, k: number];

/** The instructions: of another architecture, and all calls that are not in the table, go on. `more`: numbers of others to be asked about. */
export function filterProgram(architecture: Architecture, more: readonly number[] = []): Buffer {
  const tails: readonly Instruction[] = [
    // +0: by the first argument, +3: by the second, +5: ask, +6: go on, +7: by the advice
    [LOAD_WORD, 0, 0, ARGUMENT[0]],
    [JUMP_EQUAL, 4, 0, 0],
    [RETURN, 0, 0, ACTION_NOTIFY],
    [LOAD_WORD, 0, 0, ARGUMENT[1]],
    [JUMP_EQUAL, 1, 0, 0],
    [RETURN, 0, 0, ACTION_NOTIFY],
    [RETURN, 0, 0, ACTION_ALLOW],
    [LOAD_WORD, 0, 0, ARGUMENT[3]],
    [JUMP_EQUAL, 1, 0, POSIX_FADV_WILLNEED],
    [JUMP_EQUAL, 0, 1, POSIX_FADV_DONTNEED],
    [RETURN, 0, 0, ACTION_NOTIFY],
    [RETURN, 0, 0, ACTION_ALLOW],
  ];
  const ask = 5;
  const asked = CALL_NAMES.map((name): readonly [number: number, tail: number] => {
    const argument = SELF_BY_ZERO[name];
    const tail = name === 'fadvise64' ? 7 : argument === undefined ? ask : argument === 0 ? 0 : 3;
    return [architecture.numberOf(name), tail];
  });
  for (const number of more) asked.push([number, ask]);
  const tests = asked.map(
    // Behind the tests stands a jump to the end for what none of them has matched.
    ([number, tail], i): Instruction => [JUMP_EQUAL, asked.length - i - 1 + 1 + tail, 0, number],
  );
  const program: readonly Instruction[] = [
    [LOAD_WORD, 0, 0, ARCH],
    [JUMP_EQUAL, 1, 0, architecture.audit],
    [RETURN, 0, 0, ACTION_ALLOW],
    [LOAD_WORD, 0, 0, NUMBER],
    ...tests,
    [RETURN, 0, 0, ACTION_ALLOW],
    ...tails,
  ];
  const bytes = Buffer.alloc(program.length * INSTRUCTION_BYTES);
  program.forEach(([code, jt, jf, k], i) => {
    const at = i * INSTRUCTION_BYTES;
    bytes.writeUInt16LE(code, at);
    bytes.writeUInt8(jt, at + 2);
    bytes.writeUInt8(jf, at + 3);
    bytes.writeUInt32LE(k, at + 4);
  });
  return bytes;
}

/** What the kernel would do with a call: for tests, and for who reads the program. Mirrors: ___bpf_prog_run, the three instructions used here. */
export function runFilter(program: Buffer, call: { arch: number; nr: number; args: readonly number[] }): number {
  const data = new Map([
    [NUMBER, call.nr],
    [ARCH, call.arch],
    [ARGUMENT[0], call.args[0] ?? 0],
    [ARGUMENT[1], call.args[1] ?? 0],
    [ARGUMENT[3], call.args[3] ?? 0],
  ]);
  let accumulator = 0;
  for (let at = 0; at < program.length; at += INSTRUCTION_BYTES) {
    const k = program.readUInt32LE(at + 4);
    switch (program.readUInt16LE(at)) {
      case LOAD_WORD:
        accumulator = data.get(k) ?? 0;
        break;
      case JUMP_EQUAL:
        at += program.readUInt8(at + (accumulator === k ? 2 : 3)) * INSTRUCTION_BYTES;
        break;
      default:
        return k;
    }
  }
  return 0;
}
