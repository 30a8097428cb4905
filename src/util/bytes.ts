/**
 * Texts of the simulated kernel are bytes, as in a real one: a *byte string* is a JavaScript string with one character of
 * code 0–255 per byte. Scenarios, names, paths, everything between the step language and the files of the tree is a byte
 * string. It becomes text for people, and text of theirs becomes bytes, only at the edges: terminal, HTML, JSON, the
 * library.
 */

/** The bytes of a text: UTF-8. */
export function bytesOf(text: string): string {
  return isAscii(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}

/** What a program has written, as a byte string. */
export function fromBuffer(data: Uint8Array): string {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('latin1');
}

export function toBuffer(bytes: string): Buffer {
  return Buffer.from(bytes, 'latin1');
}

/** The text that a byte string is in UTF-8; what is none becomes U+FFFD. For those who want the text as it is. */
export function utf8Of(bytes: string): string {
  return isAscii(bytes) ? bytes : toBuffer(bytes).toString('utf8');
}

/** One character in UTF-8, or any one character. */
const UTF8 =
  /[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|\xed[\x80-\x9f][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xf0[\x90-\xbf][\x80-\xbf]{2}|\xf4[\x80-\x8f][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|./gs;
/** What a terminal or a browser would obey instead of showing: controls, line separators, changes of direction. */
const OBEYED = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/u;

/** Rewrites a byte string: characters that show as they are by `shown`, all other bytes by `hidden`. What is no byte passes for a character. */
export function rewrite(
  bytes: string,
  shown: (character: string) => string,
  hidden: (bytes: string) => string,
): string {
  return bytes.replace(UTF8, (match) => {
    const shows =
      match.length === 1 && match <= '\xff' ? match >= ' ' && match <= '~' : !OBEYED.test(characterOf(match));
    return shows ? shown(match) : hidden(match);
  });
}

/**
 * A byte string for people, on one line and safe on a terminal: UTF-8 as its characters, every other byte and everything
 * that a terminal would obey as `\xNN`, newline and tab as `\n` and `\t`.
 */
export function textOf(bytes: string): string {
  return /^[\x20-\x7e]*$/.test(bytes) ? bytes : rewrite(bytes, characterOf, escapeBytes);
}

function characterOf(match: string): string {
  return match.length === 1 ? match : utf8Of(match);
}

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\t': '\\t' };

function escapeBytes(bytes: string): string {
  return bytes.replace(/./gs, (byte) => SHORT[byte] ?? hexBytes(byte));
}

/** `\xNN` for each byte. */
export function hexBytes(bytes: string): string {
  return bytes.replace(/./gs, (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/** A text of ours (not a byte string) without anything that a terminal would obey. */
export function printable(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text)) return text;
  return text.replace(new RegExp(OBEYED, 'gu'), (match) => escapeBytes(bytesOf(match)));
}

/** JSON of values with byte strings in them, itself a byte string in valid UTF-8: bytes that are none appear as the text `\xNN`. */
export function jsonOf(value: unknown, indent?: number): string {
  const json = JSON.stringify(value, undefined, indent);
  if (isAscii(json)) return json;
  return json.replace(UTF8, (match) => (match.length === 1 && match > '~' ? `\\${escapeBytes(match)}` : match));
}

/** Without white space (of ASCII, as the kernel's isspace but for 0xa0) at its ends. String.trim would cut characters in two. */
export function trimBytes(bytes: string): string {
  return bytes.replace(/^[ \t\n\v\f\r]+|[ \t\n\v\f\r]+$/g, '');
}

function isAscii(text: string): boolean {
  return /^[\0-\x7f]*$/.test(text);
}
