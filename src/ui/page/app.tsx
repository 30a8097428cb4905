/** What is where on the page. */
import { useEffect, useState } from 'preact/hooks';
import type { Action, ActionAnswer } from '../protocol.ts';
import { act } from './api.ts';
import { Charts } from './charts.tsx';
import { ClockBar } from './clock-bar.tsx';
import { Console } from './console.tsx';
import { Events } from './events.tsx';
import { Lists } from './lists.tsx';
import { Processes } from './processes.tsx';
import { SpaceMap } from './space-map.tsx';
import { remember, remembered, type Store } from './store.ts';
import { Timeline } from './timeline.tsx';
import { size } from './units.ts';

/** Carries an action out and says what came of it. */
export type Perform = (action: Action) => Promise<ActionAnswer>;

export function App({ store }: { store: Store }) {
  const [, setVersion] = useState(0);
  const [pid, setPid] = useState(Number(remembered('pid', '0')));
  const [said, setSaid] = useState<ActionAnswer | undefined>();
  useEffect(() => store.listen(() => setVersion(store.version)), [store]);
  const select = (wanted: number): void => {
    setPid(wanted);
    remember('pid', String(wanted));
  };
  const perform: Perform = async (action) => {
    const answer = await act(action);
    setSaid(answer);
    return answer;
  };
  const { meminfo } = store;
  const selected = store.rows.get(pid);
  const used = (meminfo['SwapTotal'] ?? 0) - (meminfo['SwapFree'] ?? 0);
  return (
    <>
      <header>
        <h1>
          reclaimfs <span class="path">{store.root}</span>
        </h1>
        <p class="sums">
          <span>
            memory {size((meminfo['MemTotal'] ?? 0) - (meminfo['MemAvailable'] ?? 0))} of{' '}
            {size(meminfo['MemTotal'] ?? 0)} in use
          </span>
          <span>
            swap {size(used)} of {size(meminfo['SwapTotal'] ?? 0)}
          </span>
          <span>{store.rows.size} processes</span>
        </p>
        <ClockBar store={store} perform={perform} />
        <p role="status" class={said !== undefined && 'refused' in said ? 'said refused' : 'said'}>
          {!store.connected && 'The server does not answer; this is what was seen last. '}
          {said === undefined ? '' : 'done' in said ? said.done : said.refused}
        </p>
      </header>
      <main>
        <div class="column">
          <Processes store={store} pid={pid} select={select} perform={perform} />
          <SpaceMap store={store} row={selected} perform={perform} />
          <Console store={store} perform={perform} />
        </div>
        <div class="column">
          <Charts store={store} />
          <Timeline store={store} />
          <Lists store={store} />
          <Events store={store} />
        </div>
      </main>
    </>
  );
}
