/** The last events in words. */
import { useState } from 'preact/hooks';
import type { PageEvent } from '../protocol.ts';
import { remember, remembered, type Store } from './store.ts';
import { moment } from './units.ts';

const SHOWN = 60;

export function Events({ store }: { store: Store }) {
  const [filter, setFilter] = useState(remembered('events', ''));
  const shown: string[] = [];
  for (let i = store.events.length - 1; i >= 0 && shown.length < SHOWN; i--) {
    const text = textOf(store.events[i]!);
    if (text.includes(filter)) shown.push(text);
  }
  return (
    <section aria-labelledby="events">
      <h2 id="events">Events</h2>
      <label>
        Only with{' '}
        <input
          type="search"
          size={12}
          value={filter}
          onInput={({ currentTarget: { value } }) => {
            setFilter(value);
            remember('events', value);
          }}
        />
      </label>
      <ol class="scroll events" reversed tabIndex={0} aria-label="events, the newest first">
        {shown.map((text, i) => (
          <li key={`${store.events.length - i} ${text}`}>{text}</li>
        ))}
      </ol>
    </section>
  );
}

function textOf({ type, time, ...members }: PageEvent): string {
  const words = Object.entries(members).map(([key, value]) => `${key}=${String(value)}`);
  return `${time === undefined ? '' : moment(time)} ${type} ${words.join(' ')}`;
}
