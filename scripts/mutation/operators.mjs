// Small changes of meaning in one line of source, each of which some test should notice.

/** [what is looked for, what takes its place]. */
const OPERATORS = [
  [/ < /g, ' <= '],
  [/ <= /g, ' < '],
  [/ > /g, ' >= '],
  [/ >= /g, ' > '],
  [/ === /g, ' !== '],
  [/ !== /g, ' === '],
  [/ && /g, ' || '],
  [/ \|\| /g, ' && '],
  [/ \+ /g, ' - '],
  [/ - /g, ' + '],
  [/ \* /g, ' / '],
  [/ \/ /g, ' * '],
  [/ % /g, ' * '],
  [/ >>> /g, ' << '],
  [/ >> /g, ' << '],
  [/ << /g, ' >> '],
  [/ & ~/g, ' | '],
  [/ & (?!~)/g, ' | '],
  [/ \| /g, ' & '],
  [/ \+= /g, ' -= '],
  [/ -= /g, ' += '],
  [/\btrue\b/g, 'false'],
  [/\bfalse\b/g, 'true'],
  [/\+\+/g, '--'],
  [/Math\.min\b/g, 'Math.max'],
  [/Math\.max\b/g, 'Math.min'],
  [/(?<![\w.])0(?![\w.])/g, '1'],
  [/(?<![\w.])1(?![\w.])/g, '2'],
  [/(?<=^\s*(?:\} else )?if \().+(?=\) (?:return\b.*;|continue;|break;|\{)$)/g, 'true'],
  [/(?<=^\s*(?:\} else )?if \().+(?=\) (?:return\b.*;|continue;|break;|\{)$)/g, 'false'],
  [/(?<=^\s+)[\w.#$[\]!]+(?:\(.*\)| [|&+-]?= .*);$/g, ';'],
];
const NO_CODE = /^\s*(\*|\/\*|\/\/|import\b|export (type|interface)\b|interface\b|type\b|readonly\b|$)/;

/** Every mutation of a text: { line, from, to, at }: in the line with this text (trimmed), at this column of it. */
export function mutationsOf(text) {
  const mutations = [];
  const seen = new Map();
  for (const whole of text.split('\n')) {
    const line = whole.trim();
    const nth = seen.get(line) ?? 0;
    seen.set(line, nth + 1);
    if (NO_CODE.test(whole)) continue;
    const indent = whole.length - whole.trimStart().length;
    const code = whole.replace(/\/\/.*$/, '').trimEnd();
    for (const [pattern, to] of OPERATORS)
      for (const match of code.matchAll(pattern)) {
        if (insideString(code, match.index) || match[0] === to) continue;
        mutations.push({ line, nth, at: match.index - indent, from: match[0], to });
      }
  }
  return mutations;
}

/** The text with a mutation made; undefined: the line is not there any more. */
export function mutate(text, { line, nth, at, from, to }) {
  const lines = text.split('\n');
  let count = 0;
  for (const [i, whole] of lines.entries()) {
    if (whole.trim() !== line || count++ < nth) continue;
    const column = whole.length - whole.trimStart().length + at;
    if (whole.slice(column, column + from.length) !== from) return undefined;
    lines[i] = whole.slice(0, column) + to + whole.slice(column + from.length);
    return lines.join('\n');
  }
  return undefined;
}

function insideString(code, index) {
  const before = code.slice(0, index);
  return ["'", '`', '"'].some((quote) => before.split(quote).length % 2 === 0);
}
