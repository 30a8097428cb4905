/** Time: run, pause, step, speed; machines that are kept, and the way back to them. */
import { useRef, useState } from 'preact/hooks';
import type { Perform } from './app.tsx';
import type { Store } from './store.ts';
import { moment } from './units.ts';

/** By then the page shows what has been asked for. */
const HEARD_MS = 1000;
const STEPS = ['100ms', '1s', '10s'];

export function ClockBar({ store, perform }: { store: Store; perform: Perform }) {
  const [name, setName] = useState('');
  const { clock, snapshots } = store;
  const speed = clock?.speed ?? 1;
  // Pressed twice before the page has heard of the first: the second goes on from there.
  const asked = useRef<number | undefined>(undefined);
  const scale = (factor: number) => () => {
    const wanted = (asked.current ?? speed) * factor;
    asked.current = wanted;
    void perform({ act: 'clock', text: `speed ${wanted}` });
    setTimeout(() => {
      if (asked.current === wanted) asked.current = undefined;
    }, HEARD_MS);
  };
  const tell = (text: string) => () => void perform({ act: 'clock', text });
  return (
    <div class="bars">
      <fieldset class="bar">
        <legend>Time</legend>
        <output aria-label="virtual time">
          {clock === undefined ? '–' : moment(clock.now)}
          {clock?.behind && ' (behind)'}
        </output>
        <button type="button" onClick={tell(clock?.running ? 'pause' : 'run')}>
          {clock?.running ? 'Pause' : 'Run'}
        </button>
        {STEPS.map((step) => (
          <button key={step} type="button" onClick={tell(`+${step}`)}>
            +{step}
          </button>
        ))}
        <button type="button" aria-label="÷2, half the speed" onClick={scale(1 / 2)}>
          ÷2
        </button>
        <span>speed {speed}</span>
        <button type="button" aria-label="×2, twice the speed" onClick={scale(2)}>
          ×2
        </button>
      </fieldset>
      <fieldset class="bar">
        <legend>Kept machines</legend>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void perform({ act: 'keep', name: name.trim() || 'kept' });
          }}
        >
          <input
            aria-label="name to keep the machine under"
            placeholder="kept"
            value={name}
            size={10}
            pattern="[A-Za-z0-9_][A-Za-z0-9_.\-]*"
            maxLength={64}
            onInput={({ currentTarget }) => setName(currentTarget.value)}
          />
          <button type="submit">Keep</button>
        </form>
        {snapshots.map((kept) => (
          <span key={kept} class="kept">
            {kept}
            <button
              type="button"
              aria-label={`back to ${kept}`}
              onClick={() => void perform({ act: 'restore', name: kept })}
            >
              Back
            </button>
            <button
              type="button"
              aria-label={`forget ${kept}`}
              onClick={() => void perform({ act: 'forget', name: kept })}
            >
              Forget
            </button>
          </span>
        ))}
      </fieldset>
    </div>
  );
}
