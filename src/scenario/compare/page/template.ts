/** HTML and SVG by templates: whatever is put into one is escaped, unless it comes from a template itself. */

/** Markup that is safe to put into a page. Only `html` makes it. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Piece = Markup | string | number | undefined | false | readonly Piece[];

/** html`<b>${text}</b>`: text is escaped, Markup and lists of it are not; undefined and false leave nothing. */
export function html(strings: TemplateStringsArray, ...pieces: readonly Piece[]): Markup {
  return new Markup(strings.reduce((text, string, i) => text + textOf(pieces[i - 1]) + string));
}

function textOf(piece: Piece): string {
  if (piece instanceof Markup) return piece.text;
  if (piece === undefined || piece === false) return '';
  if (typeof piece === 'string' || typeof piece === 'number') return escaped(String(piece));
  return piece.map(textOf).join('');
}

function escaped(text: string): string {
  return text.replace(/[&<>"'`]/g, (c) => `&#${c.charCodeAt(0)};`);
}
