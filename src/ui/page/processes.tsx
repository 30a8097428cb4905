/** The processes, the largest first; what can be done to the selected one. */
import { useState } from 'preact/hooks';
import type { ReclaimKind, Row } from '../protocol.ts';
import type { Perform } from './app.tsx';
import { remember, remembered, rssOf, type Store } from './store.ts';
import { size } from './units.ts';

const SHOWN = 20;
const MORE = 100;
const KINDS = ['anon', 'file', 'shmem', 'swap'] as const;

interface Props {
  readonly store: Store;
  readonly pid: number;
  readonly select: (pid: number) => void;
  readonly perform: Perform;
}

export function Processes({ store, pid, select, perform }: Props) {
  const [filter, setFilter] = useState(remembered('filter', ''));
  const [most, setMost] = useState(SHOWN);
  const all = [...store.rows.values()]
    .filter(([number, name]) => `${number} ${name}`.toLowerCase().includes(filter.toLowerCase()))
    .sort((a, b) => weight(b) - weight(a) || a[0] - b[0]);
  const shown = all.slice(0, most);
  const selected = store.rows.get(pid);
  const largest = Math.max(1, ...all.map(weight));
  const focusable = shown.some((row) => row[0] === pid) ? pid : shown[0]?.[0];
  const move = (event: KeyboardEvent): void => {
    const by = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (by === 0) return;
    event.preventDefault();
    const next = shown[Math.max(0, Math.min(shown.findIndex((row) => row[0] === focusable) + by, shown.length - 1))];
    if (next === undefined) return;
    select(next[0]);
    document.querySelector<HTMLButtonElement>(`#process-${next[0]}`)?.focus();
  };
  return (
    <section aria-labelledby="processes">
      <h2 id="processes">Processes</h2>
      <div class="bar">
        <label>
          Find{' '}
          <input
            type="search"
            value={filter}
            size={12}
            onInput={({ currentTarget: { value } }) => {
              setFilter(value);
              remember('filter', value);
            }}
          />
        </label>
        <Legend />
      </div>
      <div class="scroll" tabIndex={0} role="group" aria-label="table of processes">
        <table class="processes">
          <thead>
            <tr>
              <th scope="col">PID</th>
              <th scope="col">Name</th>
              <th scope="col">State</th>
              <th scope="col" class="wide">
                Memory
              </th>
              <th scope="col">Resident</th>
              <th scope="col">Anon</th>
              <th scope="col">File</th>
              <th scope="col">Shmem</th>
              <th scope="col">Swap</th>
              <th scope="col">Major faults</th>
            </tr>
          </thead>
          <tbody onKeyDown={move}>
            {shown.map((row) => (
              <ProcessRow
                key={row[0]}
                row={row}
                largest={largest}
                isSelected={row[0] === pid}
                isFocusable={row[0] === focusable}
                select={select}
              />
            ))}
          </tbody>
        </table>
      </div>
      {all.length > shown.length && (
        <p>
          {all.length - shown.length} more{' '}
          <button type="button" onClick={() => setMost(most + MORE)}>
            Show more
          </button>
        </p>
      )}
      <Actions row={selected} perform={perform} />
    </section>
  );
}

interface RowProps {
  readonly row: Row;
  readonly largest: number;
  readonly isSelected: boolean;
  readonly isFocusable: boolean;
  readonly select: (pid: number) => void;
}

function ProcessRow({ row, largest, isSelected, isFocusable, select }: RowProps) {
  const [pid, name, state, anon, file, shmem, swap, faults] = row;
  return (
    <tr class={isSelected ? 'selected' : ''} onClick={() => select(pid)}>
      <td>{pid}</td>
      <th scope="row">
        <button
          type="button"
          id={`process-${pid}`}
          class="link"
          aria-pressed={isSelected}
          tabIndex={isFocusable ? 0 : -1}
          onClick={() => select(pid)}
        >
          {name}
        </button>
      </th>
      <td>{state}</td>
      <td class="wide">
        <Bar parts={[anon, file, shmem, swap]} most={largest} />
      </td>
      <td>{rssOf(row)}</td>
      <td>{anon}</td>
      <td>{file}</td>
      <td>{shmem}</td>
      <td>{swap}</td>
      <td>{faults}</td>
    </tr>
  );
}

/** The numbers beside it say the same. */
function Bar({ parts, most }: { parts: readonly number[]; most: number }) {
  let x = 0;
  return (
    <svg class="parts" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
      {parts.map((kb, i) => {
        const width = (kb / most) * 100;
        x += width;
        return <rect key={KINDS[i]} class={`kind-${KINDS[i]}`} x={x - width} width={width} height={10} />;
      })}
    </svg>
  );
}

function Legend() {
  return (
    <span class="legend">
      {KINDS.map((kind) => (
        <span key={kind}>
          <svg class="swatch" viewBox="0 0 1 1" aria-hidden="true">
            <rect class={`kind-${kind}`} width="1" height="1" />
          </svg>
          {kind}
        </span>
      ))}
      <span>numbers in kB</span>
    </span>
  );
}

function weight(row: Row): number {
  return rssOf(row) + row[6];
}

function Actions({ row, perform }: { row: Row | undefined; perform: Perform }) {
  if (row === undefined) return <p>Select a process to reclaim from it, stop it or end it.</p>;
  const [pid, name, state] = row;
  const isStopped = state === 'T' || state === 't';
  const reclaim = (kind: ReclaimKind) => () => void perform({ act: 'reclaim', pid, kind });
  const step = (text: string) => () => void perform({ act: 'steps', text: `${pid} ${text}` });
  return (
    <fieldset class="bar">
      <legend>
        {name} ({pid}), {size(rssOf(row))} resident, {size(row[6])} swapped
      </legend>
      <button type="button" onClick={reclaim('anon')}>
        Reclaim anon
      </button>
      <button type="button" onClick={reclaim('file')}>
        Reclaim file
      </button>
      <button type="button" onClick={reclaim('all')}>
        Reclaim all
      </button>
      <button type="button" onClick={step(isStopped ? 'kill CONT' : 'kill STOP')}>
        {isStopped ? 'Go on' : 'Freeze'}
      </button>
      <button type="button" onClick={step('kill KILL')}>
        Kill
      </button>
    </fieldset>
  );
}
