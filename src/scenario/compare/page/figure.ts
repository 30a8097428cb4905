/** What all figures of the page have: two pictures, for wide and narrow screens, their numbers as a table, downloads. */
import { html, type Markup, type Piece } from './template.ts';

/** A picture is drawn for a width in CSS pixels, at which its text has its natural size. */
export interface Layout {
  readonly name: 'wide' | 'narrow';
  readonly width: number;
}

const WIDE: Layout = { name: 'wide', width: 860 };
const NARROW: Layout = { name: 'narrow', width: 340 };

export interface FigureParts {
  /** For file names. */
  readonly name: string;
  /** What it shows, for those who do not see it. */
  readonly label: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
  /** Its values are read out by arrow keys and pointer: rows of the table, along the span between two x. */
  readonly reading?: boolean;
  draw(layout: Layout): { readonly height: number; readonly content: Piece; readonly span?: readonly [number, number] };
}

export function figure({ name, label, head, rows, reading, draw }: FigureParts): Markup {
  const picture = (layout: Layout) => {
    const { height, content, span } = draw(layout);
    return html`<svg class="plot ${layout.name}" width="${layout.width}" height="${height}" viewBox="0 0 ${layout.width} ${height}" role="img" aria-label="${label}"${span === undefined ? undefined : html` data-span="${span.join(' ')} ${layout.width}"`}>${content}</svg>`;
  };
  const pictures = [picture(WIDE), picture(NARROW)];
  return html`<figure data-name="${name}">${reading ? html`<div class="reading" tabindex="0" role="group" aria-label="${label}. Arrow keys read the values.">${pictures}</div><output aria-live="polite"></output>` : pictures}
<div class="tools"><button type="button" data-save="svg">SVG</button><button type="button" data-save="csv">CSV</button>
<details><summary>Numbers</summary><div class="scroll" tabindex="0">${numbers(head, rows)}</div></details></div></figure>`;
}

function numbers(head: FigureParts['head'], rows: FigureParts['rows']): Markup {
  return html`<table><thead><tr>${head.map((text) => html`<th scope="col">${text}</th>`)}</tr></thead><tbody>${rows.map(
    ([first, ...rest]) => html`<tr><th scope="row">${first}</th>${rest.map((value) => html`<td>${value}</td>`)}</tr>`,
  )}</tbody></table>`;
}

/** Coordinates: one decimal is finer than a pixel. */
export function px(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Values in tables. */
export function rounded(value: number, digits = 1): number {
  return Math.round(value * 10 ** digits) / 10 ** digits;
}

/** A horizontal axis at the bottom: grid lines, values, title. */
export function xAxis(
  ticks: readonly { readonly x: number; readonly text: string }[],
  {
    left,
    right,
    top,
    bottom,
  }: { readonly left: number; readonly right: number; readonly top: number; readonly bottom: number },
  title: string,
): Markup {
  return html`${ticks.map(({ x, text }) => html`<line class="grid" x1="${px(x)}" x2="${px(x)}" y1="${top}" y2="${bottom}"/><text x="${px(x)}" y="${bottom + 16}" text-anchor="middle">${text}</text>`)}<line class="axis" x1="${left}" x2="${right}" y1="${bottom}" y2="${bottom}"/><text x="${px((left + right) / 2)}" y="${bottom + 34}" text-anchor="middle">${title}</text>`;
}

/** Room under the bottom for values and title of an axis. */
export const AXIS_ROOM = 40;
