/**
 * Usage strings as data. `NAME touch MAPPING OFF LEN read|write [stride=SIZE]`: upper case stands for a value, lower case for
 * itself, `key=VALUE` for a key, `|` between words for one of them, ` | ` between whole usages for another form, brackets
 * for what may be left out.
 */

/** One element of a usage. */
export type UsageItem =
  | { readonly kind: 'word'; readonly text: string }
  | { readonly kind: 'value'; readonly name: string }
  | { readonly kind: 'key'; readonly key: string; readonly value: string }
  | { readonly kind: 'oneOf'; readonly items: readonly UsageItem[] }
  | { readonly kind: 'optional'; readonly items: readonly UsageItem[] };

/** One way to write a step: what follows its own word. */
export type UsageForm = readonly UsageItem[];

/** The forms of a usage; each begins behind the word of the step. */
export function parseUsage(usage: string, word: string): UsageForm[] {
  return split(usage, ' | ').map((form) => {
    const words = split(form, ' ');
    const at = words.indexOf(word);
    return words.slice(at + 1).map(parseItem);
  });
}

/** Splits outside brackets and quotes. */
function split(text: string, separator: string): string[] {
  const parts: string[] = [''];
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (c === '"') quoted = !quoted;
    if (!quoted && c === '[') depth++;
    if (!quoted && c === ']') depth--;
    if (depth === 0 && !quoted && text.startsWith(separator, i)) {
      parts.push('');
      i += separator.length - 1;
    } else parts[parts.length - 1] += c;
  }
  return parts.filter((part) => part !== '');
}

function parseItem(text: string): UsageItem {
  if (text.startsWith('[')) return { kind: 'optional', items: split(text.slice(1, -1), ' ').map(parseItem) };
  const key = /^([a-z][a-z0-9_]*)=(.*)$/s.exec(text);
  if (key !== null && !/^[^=]*\|[^=]*=/.test(text)) return { kind: 'key', key: key[1]!, value: key[2]! };
  const choices = split(text, '|');
  if (choices.length > 1) return { kind: 'oneOf', items: choices.map(parseItem) };
  const plain = text.replaceAll('"', '');
  return /^[A-Z][A-Z/]*$/.test(plain) ? { kind: 'value', name: plain } : { kind: 'word', text };
}

/** Every item of a form, also those within others, with whether it may be left out. */
export function* eachItem(form: UsageForm, optional = false): Generator<{ item: UsageItem; optional: boolean }> {
  for (const item of form) {
    if (item.kind === 'optional') yield* eachItem(item.items, true);
    else if (item.kind === 'oneOf') {
      yield { item, optional };
      yield* eachItem(item.items, optional);
    } else yield { item, optional };
  }
}

/** The names of the keys of a form. */
export function keysOf(forms: readonly UsageForm[]): string[] {
  const keys = forms.flatMap((form) =>
    [...eachItem(form)].flatMap(({ item }) => (item.kind === 'key' ? [item.key] : [])),
  );
  return [...new Set(keys)];
}

/** The choices that a key's value spells out: `full|word|zero`. */
export function choicesOf(value: string): string[] | undefined {
  return /^[a-z0-9_.-]+(\|[a-z0-9_.-]+)+$/.test(value) ? value.split('|') : undefined;
}
