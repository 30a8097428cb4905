/** Whether the keys and lone words of a line go together as one of the forms in the usage of its step. */
import { eachItem, parseUsage, type UsageForm, type UsageItem } from './language/usage.ts';
import type { ScenarioError } from './scenario-error.ts';
import type { Args, Word } from './words.ts';

/** What a form lets stand in a line, `size=` or `anon`, and what it wants there. */
interface Form {
  readonly allowed: ReadonlySet<string>;
  readonly required: readonly string[];
}

/** By usage: there are as many as steps. None: whatever the step knows goes together. */
const forms = new Map<string, readonly Form[]>();

function formsOf(usage: string, step: string): readonly Form[] {
  const known = forms.get(usage);
  if (known !== undefined) return known;
  const made = parseUsage(usage, step).map(asForm);
  const free = made.length === 1 && made[0]!.required.length === 0;
  forms.set(usage, free ? [] : made);
  return free ? [] : made;
}

function asForm(usage: UsageForm): Form {
  const items = [...eachItem(usage)];
  const choices = new Set(items.flatMap(({ item }) => (item.kind === 'oneOf' ? item.items : [])));
  const required = items.filter(({ item, optional }) => !optional && !choices.has(item));
  return {
    allowed: new Set(items.flatMap(({ item }) => wordOf(item))),
    required: required.flatMap(({ item }) => wordOf(item)),
  };
}

function wordOf(item: UsageItem): string[] {
  if (item.kind === 'key') return [`${item.key}=`];
  return item.kind === 'word' ? [item.text] : [];
}

function nameOf({ key, text }: Word): string {
  return key === undefined ? text : `${key}=`;
}

/** The complaint about a line that is none of the forms of its step: a key is missing, or does not go with another. */
export function formProblem(args: Args, step: string): ScenarioError | undefined {
  const all = formsOf(args.usage, step);
  if (all.length === 0) return undefined;
  const given = args.given.map(nameOf);
  // Lone words that the step reads in order, as `cgroup mkdir`, are no matter of forms.
  const wanted = ({ required }: Form): string[] =>
    required.filter((name) => !given.includes(name) && (name.endsWith('=') || args.knowsFlag(name)));
  const open = all.filter(({ allowed }) => given.every((name) => allowed.has(name)));
  if (open.some((form) => wanted(form).length === 0)) return undefined;
  if (open.length > 0) return args.fail(`${open.map((form) => wanted(form).join(' and ')).join(', or ')} is missing`);
  return notTogether(args, all);
}

/** The first word that no form has together with those before it. */
function notTogether(args: Args, all: readonly Form[]): ScenarioError {
  const words = [...args.given].sort((a, b) => a.column - b.column);
  let left = all;
  for (const word of words) {
    const name = nameOf(word);
    const next = left.filter(({ allowed }) => allowed.has(name));
    if (next.length > 0) {
      left = next;
      continue;
    }
    const own = all.filter(({ allowed }) => allowed.has(name));
    const before = words.slice(0, words.indexOf(word)).map(nameOf);
    const other = before.find((one) => !own.some(({ allowed }) => allowed.has(one))) ?? before.join(' ');
    const goesWith = own[0]!.required.filter((one) => one !== name).join(' ');
    const hint = goesWith === '' ? undefined : `it goes with ${goesWith}`;
    return args.fail(`${name} does not go together with ${other}`, word, hint);
  }
  return args.fail('these words do not go together');
}
