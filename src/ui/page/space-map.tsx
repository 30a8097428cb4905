/** The address space of the selected process by address: what each part of it is, and reclaim of a range. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Row, SpaceAnswer } from '../protocol.ts';
import { space as askSpace, MOST_CELLS } from './api.ts';
import type { Perform } from './app.tsx';
import type { Store } from './store.ts';
import { hex, size } from './units.ts';

const CELL_WIDTH = 14;
const CELL_HEIGHT = 18;
/** Least time between two looks at an address space. */
const LOOK_MS = 500;
const KINDS: Readonly<Record<string, string>> = {
  s: 'swapped',
  z: 'zero page',
  l: 'locked',
  d: 'dirty',
  f: 'file',
  p: 'present',
  '.': 'not there',
};
/** Addresses between two mappings are 4096 apart at least. */
const PAGE_KB = 4;

export function SpaceMap({ store, row, perform }: { store: Store; row: Row | undefined; perform: Perform }) {
  // Undefined: not asked yet; null: there is none.
  const [known, setKnown] = useState<SpaceAnswer | null | undefined>();
  const [cursor, setCursor] = useState(0);
  const [anchor, setAnchor] = useState(0);
  const [width, setWidth] = useState(600);
  const canvas = useRef<HTMLCanvasElement>(null);
  const frame = useRef<HTMLDivElement>(null);
  const pid = row?.[0];
  // As often as its row changes, but not faster than LOOK_MS; dirty pages and locks do not show in the row: every 2 s.
  const version = `${row?.slice(3).join(' ')} ${Math.floor((store.clock?.now ?? 0) / 2)}`;
  const lastMs = useRef(0);
  useEffect(() => {
    if (pid === undefined) {
      setKnown(undefined);
      return;
    }
    let isWanted = true;
    const wait = setTimeout(
      () => {
        lastMs.current = performance.now();
        void askSpace(pid).then((answer) => {
          if (isWanted) setKnown(answer ?? null);
        });
      },
      Math.max(0, lastMs.current + LOOK_MS - performance.now()),
    );
    return () => {
      isWanted = false;
      clearTimeout(wait);
    };
  }, [pid, version]);
  useEffect(() => {
    setCursor(0);
    setAnchor(0);
  }, [pid]);
  useEffect(() => {
    if (frame.current === null) return;
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry!.contentRect.width)));
    observer.observe(frame.current);
    return () => observer.disconnect();
  }, [known?.pid]);

  const columns = Math.max(1, Math.floor(width / CELL_WIDTH));
  const nrCells = known?.letters.length ?? 0;
  const [from, to] = [Math.min(cursor, anchor, nrCells - 1), Math.min(Math.max(cursor, anchor), nrCells - 1)];
  useEffect(() => {
    if (known && canvas.current !== null) draw(canvas.current, known.letters, columns, from, to);
  });
  if (row === undefined || !known || known.pid !== pid || nrCells === 0) {
    const none = known === null || (known !== undefined && known.pid === pid);
    return (
      <section aria-labelledby="space">
        <h2 id="space">Address space</h2>
        <p>
          {row === undefined
            ? 'Select a process to see its memory by address.'
            : none
              ? 'It has no memory.'
              : 'Being read.'}
        </p>
      </section>
    );
  }

  const start = known.ranges[from]![0];
  const end = known.ranges[to]![1];
  const letter = known.letters[cursor] ?? '.';
  const move = (event: KeyboardEvent): void => {
    const steps: Record<string, number> = {
      ArrowLeft: -1,
      ArrowRight: 1,
      ArrowUp: -columns,
      ArrowDown: columns,
      Home: -nrCells,
      End: nrCells,
    };
    const by = steps[event.key];
    if (by === undefined) return;
    event.preventDefault();
    go(cursor + by, event.shiftKey);
  };
  const go = (cell: number, extend: boolean): void => {
    const at = Math.max(0, Math.min(cell, nrCells - 1));
    setCursor(at);
    if (!extend) setAnchor(at);
  };
  const point = (event: PointerEvent): void => {
    if (event.type === 'pointermove' && event.buttons !== 1) return;
    const x = Math.min(columns - 1, Math.floor(event.offsetX / CELL_WIDTH));
    go(Math.floor(event.offsetY / CELL_HEIGHT) * columns + x, event.shiftKey || event.type === 'pointermove');
  };
  const mapping = known.mappings.find((one) => one.start <= start && start < one.end);
  return (
    <section aria-labelledby="space">
      <h2 id="space">Address space of {row[1]}</h2>
      <p class="legend">
        {Object.entries(KINDS).map(([key, name]) => (
          <span key={key}>
            <span class={`swatch cell-${key === '.' ? 'none' : key}`} aria-hidden="true" />
            {key === '.' ? '' : `${key.toUpperCase()} `}
            {name}
          </span>
        ))}
        <span>half a cell: less than half is there</span>
      </p>
      <div
        ref={frame}
        class="map"
        role="slider"
        tabIndex={0}
        aria-label="part of the address space; arrow keys move, with shift they extend"
        aria-valuemin={0}
        aria-valuemax={nrCells - 1}
        aria-valuenow={cursor}
        aria-valuetext={`${hex(start)} to ${hex(end)}, ${mapping?.name || 'without a name'}, ${KINDS[letter.toLowerCase()]}`}
        onKeyDown={move}
        onPointerDown={point}
        onPointerMove={point}
      >
        <canvas ref={canvas} style={{ height: `${Math.ceil(nrCells / columns) * CELL_HEIGHT}px` }} />
      </div>
      <p class="bar">
        <output class="range">
          {hex(start)}–{hex(end)}, {size((end - start) / 1024)}, {mapping?.name || 'no name'} {mapping?.perms}:{' '}
          {KINDS[letter.toLowerCase()]}
        </output>
        <button type="button" onClick={() => void perform({ act: 'range', pid: row[0], start, end })}>
          Reclaim range
        </button>
      </p>
      <details>
        <summary>{known.mappings.length} mappings</summary>
        <div class="scroll" tabIndex={0} role="group" aria-label="mappings">
          <table>
            <thead>
              <tr>
                {['Start', 'Pages', 'May', 'Name', 'Resident', 'Dirty', 'Swap', 'Locked'].map((head) => (
                  <th key={head} scope="col">
                    {head}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {known.mappings.map((one) => (
                <tr key={one.start}>
                  <th scope="row">{hex(one.start)}</th>
                  <td>{(one.end - one.start) / 1024 / PAGE_KB}</td>
                  <td>{one.perms}</td>
                  <td class="text">{one.name}</td>
                  <td>{one.rssKb}</td>
                  <td>{one.dirtyKb}</td>
                  <td>{one.swapKb}</td>
                  <td>{one.lockedKb}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </section>
  );
}

function draw(canvas: HTMLCanvasElement, letters: string, columns: number, from: number, to: number): void {
  const ratio = devicePixelRatio;
  const rows = Math.ceil(Math.min(letters.length, MOST_CELLS) / columns);
  canvas.width = columns * CELL_WIDTH * ratio;
  canvas.height = rows * CELL_HEIGHT * ratio;
  canvas.style.width = `${columns * CELL_WIDTH}px`;
  const context = canvas.getContext('2d')!;
  context.scale(ratio, ratio);
  const style = getComputedStyle(canvas);
  const color = (name: string): string => style.getPropertyValue(name);
  context.font = '10px monospace';
  context.textAlign = 'center';
  for (const [i, letter] of [...letters].entries()) {
    const x = (i % columns) * CELL_WIDTH;
    const y = Math.floor(i / columns) * CELL_HEIGHT;
    const kind = letter.toLowerCase();
    const isHalf = letter === kind;
    context.fillStyle = color('--cell-none');
    context.fillRect(x, y, CELL_WIDTH - 1, CELL_HEIGHT - 1);
    if (letter !== '.') {
      const height = (CELL_HEIGHT - 1) * (isHalf ? 0.5 : 1);
      context.fillStyle = color(`--cell-${kind}`);
      context.fillRect(x, y + CELL_HEIGHT - 1 - height, CELL_WIDTH - 1, height);
      if (!isHalf) {
        context.fillStyle = color('--on-cell');
        context.fillText(letter, x + CELL_WIDTH / 2, y + CELL_HEIGHT - 6);
      }
    }
    if (i >= from && i <= to) {
      context.strokeStyle = color('--text');
      context.lineWidth = 2;
      context.strokeRect(x + 1, y + 1, CELL_WIDTH - 3, CELL_HEIGHT - 3);
    }
  }
}
