import * as zlib from 'node:zlib';
import { CliError } from './errors.ts';
import { packageOnUse } from './package-on-use.ts';

const MOST_BYTES = 1024 ** 3;
const ZSTD_MAGIC = 0xfd2fb528;

const fzstd = packageOnUse<typeof import('fzstd')>('fzstd');

/** Input that is unpacked at once: what it becomes is looked at before there is more. */
const PIECE_BYTES = 64 * 1024;

/** The same as zstdDecompressSync. Throws RangeError beyond `mostBytes`. */
function unpackedInPieces(bytes: Buffer, mostBytes: number): Buffer {
  const pieces: Uint8Array[] = [];
  let total = 0;
  const { Decompress } = fzstd();
  const stream = new Decompress((piece) => {
    total += piece.length;
    if (total > mostBytes) throw new RangeError('too large');
    pieces.push(piece.slice());
  });
  for (let at = 0; at < bytes.length; at += PIECE_BYTES)
    stream.push(bytes.subarray(at, at + PIECE_BYTES), at + PIECE_BYTES >= bytes.length);
  return Buffer.concat(pieces);
}

/**
 * The bytes of a file without gzip or zstd, whatever its name is; others as they are. Throws CliError where they are
 * damaged, or more than `mostBytes`.
 */
export function unpacked(path: string, bytes: Buffer, mostBytes = MOST_BYTES): Buffer {
  try {
    if (bytes[0] === 0x1f && bytes[1] === 0x8b) return zlib.gunzipSync(bytes, { maxOutputLength: mostBytes });
    if (bytes.length > 4 && bytes.readUInt32LE(0) === ZSTD_MAGIC) {
      // Node 20 has none of its own.
      const native = (zlib as { zstdDecompressSync?: (data: Buffer, options: object) => Buffer }).zstdDecompressSync;
      if (native !== undefined) return native(bytes, { maxOutputLength: mostBytes });
      return unpackedInPieces(bytes, mostBytes);
    }
  } catch (error) {
    const most = `${Math.round(mostBytes / 1024 ** 3)} GiB`;
    throw new CliError(`${path} is damaged or larger than ${most} unpacked (${(error as Error).message})`);
  }
  return bytes;
}
