/** The mappings of a recorded process under the names that the scenario gives them. */
import type { RealVma } from '../capture/vmas.ts';

/** A named mapping of the scenario, as it was made; what of it is still mapped stands in `Regions`. */
export interface Region {
  readonly name: string;
  /** Page number of its first page: offsets count from there. */
  readonly start: number;
}

/** Pages [start, end) that are mapped, of one region, with one protection. Addresses in pages. */
export interface Piece {
  readonly start: number;
  readonly end: number;
  readonly region: Region;
  readonly perms: string;
  /** What is mapped there: equal for places that one mapping could have become. */
  readonly key: string;
}

/** Equal: the one can have become the other by growing, shrinking, and changing its protection. */
export function keyOf(vma: RealVma): string {
  if (vma.inode === 0 && vma.path !== '[vdso]') return `anon ${vma.perms[3]}`;
  return `${vma.device}:${vma.inode} ${vma.pgoff - vma.start} ${vma.perms[3]}`;
}

/** What is mapped, ascending; pieces do not overlap. */
export class Regions {
  #pieces: Piece[];
  #made: number;

  constructor(pieces: readonly Piece[] = [], made = 0) {
    this.#pieces = [...pieces];
    this.#made = made;
  }

  get pieces(): readonly Piece[] {
    return this.#pieces;
  }

  copy(): Regions {
    return new Regions(this.#pieces, this.#made);
  }

  /** A name that no mapping of this process has had. */
  freshName(): string {
    return `m${++this.#made}`;
  }

  add(start: number, end: number, vma: RealVma, name: string): Piece {
    const piece = { start, end, region: { name, start }, perms: vma.perms, key: keyOf(vma) };
    this.#pieces.push(piece);
    this.#sort();
    return piece;
  }

  /** The parts of [start, end) that are mapped. */
  within(start: number, end: number): Piece[] {
    return this.#pieces
      .filter((piece) => piece.start < end && piece.end > start)
      .map((piece) => ({ ...piece, start: Math.max(piece.start, start), end: Math.min(piece.end, end) }));
  }

  /** Takes these pages out. */
  remove(start: number, end: number): void {
    this.#pieces = this.#pieces.flatMap((piece) => {
      if (piece.start >= end || piece.end <= start) return [piece];
      return [
        { ...piece, end: Math.min(piece.end, start) },
        { ...piece, start: Math.max(piece.start, end) },
      ].filter((part) => part.start < part.end);
    });
  }

  /** Gives these pages another protection. */
  protect(start: number, end: number, perms: string): void {
    const changed = this.within(start, end).map((piece) => ({ ...piece, perms }));
    this.remove(start, end);
    this.#pieces.push(...changed);
    this.#sort();
  }

  #sort(): void {
    this.#pieces.sort((a, b) => a.start - b.start);
  }
}
