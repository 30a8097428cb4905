/** The text of a write that is to be read as a number. */
import { fromBuffer } from '../util/bytes.ts';
import { strstrip, untilNul } from '../util/kstrto.ts';

/** At most `max` bytes of a write, up to the first NUL, without white space at its ends. Mirrors: strstrip. */
export function writtenText(data: Uint8Array, max = data.length): string {
  return strstrip(fromBuffer(data.subarray(0, max)));
}

/**
 * What kstrtouint_from_user and its like look at: no white space is taken off, and of a long text only so much as the number
 * could need in binary, with a sign and a newline.
 */
export function fromUser(data: Uint8Array, bits: 32 | 64): string {
  return untilNul(fromBuffer(data.subarray(0, bits + 2)));
}
