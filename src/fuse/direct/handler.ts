import type { Session } from './session.ts';

/** What a handler returns when it has sent the answer itself, or when there is none (now, or ever). */
export const NO_ANSWER = Number.MIN_SAFE_INTEGER;

/** Handles one request: returns how many bytes of body it has encoded into the reply, -errno, or NO_ANSWER. */
export type Handler = (session: Session) => number;

/** Rows of the table of requests. */
export type HandlerRows = ReadonlyArray<readonly [opcode: number, handler: Handler]>;
