import leven from 'leven';

/** How many names a hint lists at most. */
const MOST_LISTED = 12;

/** The name that was probably meant: at most two, and at most a third, of its letters are other ones. */
export function closest(text: string, known: Iterable<string>): string | undefined {
  return nearest(text, known)[0];
}

/** All names that may have been meant, the nearest first. */
export function nearest(text: string, known: Iterable<string>): string[] {
  const most = Math.max(1, Math.min(2, Math.floor(text.length / 3)));
  const near: { name: string; distance: number }[] = [];
  for (const name of known) {
    const letters = transposed(text, name) ? 1 : leven(text, name, { maxDistance: most + 1 });
    const distance = letters > most && abbreviates(text, name) ? most + ABBREVIATED : letters;
    if (distance < most + 1) near.push({ name, distance });
  }
  return near.sort((a, b) => a.distance - b.distance).map(({ name }) => name);
}

/** A name of which the text is an abbreviation comes behind those that are a slip away. */
const ABBREVIATED = 0.5;

/** Whether two letters beside each other have changed places. */
function transposed(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  const at = [...a].findIndex((c, i) => c !== b[i]);
  return a[at] === b[at + 1] && a[at + 1] === b[at] && a.slice(at + 2) === b.slice(at + 2);
}

/** Whether a word is a name with letters left out: sz for size. */
function abbreviates(text: string, name: string): boolean {
  if (text.length < 2 || text[0] !== name[0] || name.length > 2 * text.length) return false;
  let at = 0;
  for (const c of name) if (c === text[at]) at++;
  return at === text.length;
}

/** What a message about an unknown name adds: `did you mean heap?`, or what there is. */
export function suggestion(text: string, known: Iterable<string>): string {
  const names = [...known];
  const meant = closest(text, names);
  if (meant !== undefined) return `did you mean ${meant}?`;
  if (names.length === 0) return '';
  const more = names.length > MOST_LISTED ? ` … (${names.length})` : '';
  return `one of ${names.slice(0, MOST_LISTED).join(' ')}${more}`;
}
