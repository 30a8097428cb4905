/** The LRU lists, and how much reclaim has done. */
import type { Store } from './store.ts';
import { size } from './units.ts';

const LISTS = ['Active(anon)', 'Inactive(anon)', 'Active(file)', 'Inactive(file)', 'Unevictable'];
const COUNTERS: readonly (readonly [string, string])[] = [
  ['pgmajfault', 'major faults'],
  ['pswpin', 'pages swapped in'],
  ['pswpout', 'pages swapped out'],
  ['pgscan_kswapd', 'scanned by kswapd'],
  ['pgsteal_kswapd', 'taken by kswapd'],
  ['pgscan_direct', 'scanned by processes'],
  ['pgsteal_direct', 'taken by processes'],
  ['workingset_refault_anon', 'refaults, anon'],
  ['workingset_refault_file', 'refaults, file'],
  ['oom_kill', 'OOM kills'],
];

export function Lists({ store: { meminfo, vmstat } }: { store: Store }) {
  const most = Math.max(1, ...LISTS.map((key) => meminfo[key] ?? 0));
  return (
    <section aria-labelledby="lists">
      <h2 id="lists">LRU lists and counters</h2>
      <div class="tables">
        <table>
          <tbody>
            {LISTS.map((key) => (
              <tr key={key}>
                <th scope="row">{key}</th>
                <td class="wide">
                  <svg class="parts" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
                    <rect
                      class={/anon/.test(key) ? 'kind-anon' : 'kind-file'}
                      width={((meminfo[key] ?? 0) / most) * 100}
                      height={10}
                    />
                  </svg>
                </td>
                <td>{size(meminfo[key] ?? 0)}</td>
              </tr>
            ))}
          </tbody>
        </table>
        <table>
          <tbody>
            {COUNTERS.filter(([key]) => vmstat[key] !== undefined).map(([key, about]) => (
              <tr key={key}>
                <th scope="row">{about}</th>
                <td>{vmstat[key]}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
