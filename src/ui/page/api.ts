/** Speaking with the server: everything is relative to the page, whose address has the token in it. */
import type { Action, ActionAnswer, LiveMessage, SpaceAnswer, StepHelp } from '../protocol.ts';

/** How many cells the map of an address space has at most. */
export const MOST_CELLS = 512;

/** Carries an action out. Never rejects. */
export async function act(action: Action): Promise<ActionAnswer> {
  try {
    const response = await fetch('act', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(action),
    });
    if (!response.ok) return { refused: (await response.text()).trim() };
    return (await response.json()) as ActionAnswer;
  } catch {
    return { refused: 'the server does not answer: has the mount ended?' };
  }
}

/** Undefined: there is no such process any more, or no answer. */
export async function space(pid: number): Promise<SpaceAnswer | undefined> {
  try {
    const response = await fetch(`space?pid=${pid}&cells=${MOST_CELLS}`);
    return response.ok ? ((await response.json()) as SpaceAnswer) : undefined;
  } catch {
    return undefined;
  }
}

export async function language(): Promise<readonly StepHelp[]> {
  try {
    return (await (await fetch('language')).json()) as StepHelp[];
  } catch {
    return [];
  }
}

/** Follows the machine while the page is seen; a hidden one asks for nothing. Tries again by itself when the server has gone. */
export function follow(onMessage: (message: LiveMessage) => void, onState: (isConnected: boolean) => void): void {
  let source: EventSource | undefined;
  let retry: ReturnType<typeof setTimeout> | undefined;
  const open = (): void => {
    clearTimeout(retry);
    source?.close();
    source = new EventSource('live');
    source.onmessage = ({ data }) => {
      onState(true);
      onMessage(JSON.parse(data as string) as LiveMessage);
    };
    source.onerror = () => {
      onState(false);
      // Where an answer was no stream the browser gives up for good.
      if (source?.readyState === EventSource.CLOSED) retry = setTimeout(open, RETRY_MS);
    };
  };
  const see = (): void => {
    if (document.visibilityState === 'visible') open();
    else {
      clearTimeout(retry);
      source?.close();
      source = undefined;
    }
  };
  document.addEventListener('visibilitychange', see);
  see();
}

const RETRY_MS = 1000;
