/** Steps, written to reclaimfs/control: completed as they are typed, and what is wrong with them shown where it is. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { ActionAnswer, StepHelp } from '../protocol.ts';
import { language } from './api.ts';
import type { Perform } from './app.tsx';
import { complete } from './completion.ts';
import { remember, remembered, type Store } from './store.ts';

const MOST_DONE = 20;
const MOST_NAMES = 200;

export function Console({ store, perform }: { store: Store; perform: Perform }) {
  const [text, setText] = useState(remembered('steps', ''));
  const [caret, setCaret] = useState(0);
  const [active, setActive] = useState(-1);
  const [isOpen, setOpen] = useState(false);
  const [steps, setSteps] = useState<readonly StepHelp[]>([]);
  const [done, setDone] = useState<readonly string[]>([]);
  const [wrong, setWrong] = useState<ActionAnswer | undefined>();
  const area = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    void language().then(setSteps);
  }, []);
  const names = [...store.rows.values()].slice(0, MOST_NAMES).flatMap(([pid, name]) => [name, String(pid)]);
  const { from, words, help } = complete(text, caret, steps, names);
  const shows = isOpen && words.length > 0;

  const write = (value: string, at: number): void => {
    setText(value);
    setCaret(at);
    setActive(-1);
    remember('steps', value);
  };
  const take = (word: string): void => {
    const put = word.endsWith('=') ? word : `${word} `;
    const at = from + put.length;
    write(text.slice(0, from) + put + text.slice(caret), at);
    requestAnimationFrame(() => {
      area.current?.focus();
      area.current?.setSelectionRange(at, at);
    });
  };
  const apply = async (): Promise<void> => {
    if (text.trim() === '') return;
    const answer = await perform({ act: 'steps', text: text.endsWith('\n') ? text : `${text}\n` });
    if ('done' in answer) {
      setDone([text.trim(), ...done].slice(0, MOST_DONE));
      setWrong(undefined);
      write('', 0);
    } else {
      setWrong(answer);
      area.current?.focus();
      const at = placeOf(text, answer);
      if (at !== undefined) area.current?.setSelectionRange(at, wordEnd(text, at));
    }
  };
  const key = (event: KeyboardEvent): void => {
    if (event.key === 'Enter' && event.ctrlKey) {
      event.preventDefault();
      void apply();
    } else if (event.key === ' ' && event.ctrlKey) {
      event.preventDefault();
      setOpen(true);
      setActive(0);
    } else if (!shows) return;
    else if (event.key === 'Escape') setOpen(false);
    else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      setActive((active + (event.key === 'ArrowDown' ? 1 : words.length) + (active < 0 ? 0 : 0)) % words.length);
    } else if (event.key === 'Enter' && active >= 0) {
      event.preventDefault();
      take(words[active]!);
    }
  };
  return (
    <section aria-labelledby="steps">
      <h2 id="steps">Steps</h2>
      <label for="step-text">All are carried out or none. Ctrl+Enter applies, Ctrl+Space and arrows complete.</label>
      <textarea
        ref={area}
        id="step-text"
        rows={4}
        spellcheck={false}
        autocomplete="off"
        value={text}
        aria-autocomplete="list"
        aria-controls="completions"
        aria-activedescendant={shows && active >= 0 ? `completion-${active}` : undefined}
        aria-invalid={wrong !== undefined}
        aria-describedby="step-help"
        onInput={({ currentTarget }) => {
          setOpen(true);
          setWrong(undefined);
          write(currentTarget.value, currentTarget.selectionStart);
        }}
        onSelect={({ currentTarget }) => setCaret(currentTarget.selectionStart)}
        onBlur={() => setTimeout(() => setOpen(false), 150)}
        onKeyDown={key}
      />
      <div id="completions" role="listbox" aria-label="what may come next" hidden={!shows}>
        {words.map((word, i) => (
          <div
            key={word}
            id={`completion-${i}`}
            role="option"
            tabIndex={-1}
            aria-selected={i === active}
            onPointerDown={(event) => {
              event.preventDefault();
              take(word);
            }}
          >
            {word}
          </div>
        ))}
      </div>
      <p id="step-help" class="soft">
        {help === undefined ? 'Such as: tick 5s, or: game touch heap 0 4M write' : `${help.usage}: ${help.about}`}
      </p>
      {wrong !== undefined && 'refused' in wrong && (
        <div role="alert" class="refused">
          <p>{wrong.refused}</p>
          {wrong.line !== undefined && <pre>{pointed(text, wrong.line, wrong.column ?? 1)}</pre>}
        </div>
      )}
      <p class="bar">
        <button type="button" onClick={() => void apply()}>
          Apply
        </button>
      </p>
      {done.length > 0 && (
        <ul class="done" aria-label="steps that were carried out">
          {done.map((one, i) => (
            <li key={`${done.length - i}`}>
              <code>{one}</code>{' '}
              <button type="button" onClick={() => write(one, one.length)} aria-label={`again: ${one}`}>
                Again
              </button>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

/** The line with a mark under the place. */
function pointed(text: string, line: number, column: number): string {
  return `${text.split('\n')[line - 1] ?? ''}\n${' '.repeat(Math.max(0, column - 1))}^`;
}

function placeOf(text: string, answer: ActionAnswer): number | undefined {
  if (!('refused' in answer) || answer.line === undefined) return undefined;
  const lines = text.split('\n').slice(0, answer.line - 1);
  return lines.reduce((sum, line) => sum + line.length + 1, 0) + (answer.column ?? 1) - 1;
}

function wordEnd(text: string, at: number): number {
  return at + (/^\S*/.exec(text.slice(at))?.[0].length ?? 0);
}
