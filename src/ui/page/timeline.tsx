/** Events over virtual time, a lane a kind, and who was in front. */
import type { PageEvent } from '../protocol.ts';
import type { Store } from './store.ts';
import { moment } from './units.ts';

const WIDTH = 1000;
const LANE = 26;
const TEXT = 12;
const LANES: readonly (readonly [string, RegExp])[] = [
  ['kills', /kill$|^oom|^panic|^signal$|^failure$/],
  ['processes', /^exit$|^launch|^resume$|^background$/],
  ['vmpressure', /^vmpressure$/],
  ['requests', /^reclaim$|^control$/],
  ['volatile', /volatile/],
];
const LEVELS: Readonly<Record<string, number>> = { low: 6, medium: 11, critical: 18 };

/** How long an app was in front. */
interface Stay {
  readonly app: string;
  readonly from: number;
  to: number;
}

export function Timeline({ store }: { store: Store }) {
  const { events, samples, clock } = store;
  const end = clock?.now ?? 0;
  const start = Math.min(samples[0]?.t ?? end, end);
  const seen = events.filter(({ time }) => time !== undefined && time >= start && time <= end);
  const stays = inFront(events, end).filter(({ to }) => to > start);
  const x = (time: number): number => ((Math.max(time, start) - start) / Math.max(end - start, 1e-6)) * WIDTH;
  const counts = LANES.map(([name, kinds]) => `${seen.filter(({ type }) => kinds.test(type)).length} ${name}`);
  const last = stays.at(-1);
  return (
    <section aria-labelledby="timeline">
      <h2 id="timeline">Time line</h2>
      <p>
        {moment(start)} to {moment(end)}. In front: {last !== undefined && last.to === end ? last.app : 'nobody'}.
      </p>
      <div class="lanes">
        <ul aria-hidden="true">
          {['in front', ...LANES.map(([name]) => name)].map((name) => (
            <li key={name}>{name}</li>
          ))}
        </ul>
        <svg
          class="timeline"
          viewBox={`0 0 ${WIDTH} ${(LANES.length + 1) * LANE}`}
          preserveAspectRatio="none"
          role="img"
          aria-label={`events: ${counts.join(', ')}; the list below has them in words`}
        >
          {stays.map(({ app, from, to }, i) => (
            <g key={`${app} ${from}`}>
              <rect
                class={i % 2 === 0 ? 'stay' : 'stay other'}
                x={x(from)}
                width={Math.max(1, x(to) - x(from))}
                y={2}
                height={LANE - 4}
              >
                <title>{`${app}: ${moment(from)} to ${moment(to)}`}</title>
              </rect>
            </g>
          ))}
          {LANES.map(([name, kinds], lane) => (
            <path
              key={name}
              class={`marks marks-${name}`}
              vector-effect="non-scaling-stroke"
              d={seen
                .filter(({ type }) => kinds.test(type))
                .map((event) => mark(event, x(event.time ?? 0), (lane + 2) * LANE - 3))
                .join('')}
            />
          ))}
        </svg>
      </div>
      <p class="legend">
        {stays.slice(-TEXT).map(({ app, from, to }) => (
          <span key={`${app} ${from}`}>
            {app} {moment(from)}–{to === end ? 'now' : moment(to)}
          </span>
        ))}
      </p>
    </section>
  );
}

/** Taller: higher pressure. */
function mark(event: PageEvent, x: number, bottom: number): string {
  return `M${x.toFixed(1)} ${bottom}v-${LEVELS[String(event['level'])] ?? LANE - 8}`;
}

function inFront(events: readonly PageEvent[], end: number): Stay[] {
  const stays: Stay[] = [];
  let now: Stay | undefined;
  for (const { type, time = 0, app } of events) {
    if (type !== 'launch' && type !== 'resume' && type !== 'background') continue;
    if (now !== undefined) now.to = time;
    now = undefined;
    if (type === 'background') continue;
    now = { app: String(app), from: time, to: end };
    stays.push(now);
  }
  return stays;
}
