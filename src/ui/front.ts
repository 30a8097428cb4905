/**
 * The view of a mount in the browser, `--ui`: served by the process of the mount from its main thread, on loopback only.
 * It reads and writes the files of the mount like any other program, and never synchronously: this very process serves them.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { MountError } from '../fuse/types.ts';
import { stepReference } from '../scenario/language/reference.ts';
import type { Front, FrontWish } from '../server/front.ts';
import { carryOut, isAction } from './act.ts';
import { readAssets } from './http/assets.ts';
import { admit } from './http/guard.ts';
import { Live } from './live.ts';
import { Source } from './proc/source.ts';
import { cellsOf, readSpace } from './proc/space.ts';
import type { SpaceAnswer, StepHelp } from './protocol.ts';

const MOST_BODY_BYTES = 2 << 20;
const MOST_CELLS = 4096;
/** Nothing from elsewhere is loaded, nothing is told to anybody else, nobody frames it. */
const HEADERS = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cache-Control': 'no-store',
} as const;

/** Begins to show a mount. Rejects with MountError where the address cannot be had. */
export async function startFront(mountpoint: string, wish: FrontWish): Promise<Front> {
  const page = new Page(mountpoint, wish.token);
  const server = createServer((request, response) => {
    page.answer(request, response).catch((error: unknown) => page.fail(response, error));
  });
  const listen = (port: number): Promise<void> =>
    new Promise((settle, fail) => {
      server.once('error', fail);
      server.listen(port, wish.host, () => {
        server.off('error', fail);
        settle();
      });
    });
  try {
    await listen(wish.port).catch((error: NodeJS.ErrnoException) => {
      if (!wish.anyPort || error.code !== 'EADDRINUSE') throw error;
      return listen(0);
    });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new MountError(`--ui: ${wish.host}:${wish.port} cannot be had (${code}): give another HOST:PORT`);
  }
  // The mount may end while pages are open: they keep nobody waiting.
  server.unref();
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : wish.port;
  const host = wish.host.includes(':') ? `[${wish.host}]` : wish.host;
  return {
    url: `http://${host}:${port}/${wish.token}/`,
    close: async () => {
      await page.close();
      server.closeAllConnections();
      await new Promise<void>((settle) => server.close(() => settle()));
    },
  };
}

class Page {
  readonly #token: string;
  readonly #source: Source;
  readonly #live: Live;
  readonly #assets = readAssets();

  constructor(mountpoint: string, token: string) {
    this.#token = token;
    this.#source = new Source(mountpoint);
    this.#live = new Live(mountpoint);
  }

  close(): Promise<void> {
    return this.#live.close();
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
    const admitted = admit(request, this.#token);
    if ('refused' in admitted) return refuse(response, 403, admitted.refused);
    const { path } = admitted;
    if (request.method === 'POST') {
      if (path === 'act') return this.#act(request, response);
    } else if (path === 'live') return this.#live.add(response);
    else if (path === 'language') return sendJson(response, language());
    else if (path === 'space')
      return this.#space(new URL(request.url ?? '', 'http://localhost').searchParams, response);
    else if (path === '.') {
      response.writeHead(308, { Location: `/${this.#token}/` }).end();
      return;
    }
    const asset = request.method === 'GET' ? this.#assets.get(path) : undefined;
    if (asset === undefined) return refuse(response, 404, 'there is nothing of that name');
    response.writeHead(200, { 'Content-Type': asset.type }).end(asset.bytes);
  }

  fail(response: ServerResponse, error: unknown): void {
    if (response.headersSent) response.destroy();
    else refuse(response, 500, error instanceof Error ? error.message : String(error));
  }

  async #act(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const posted = await bodyOf(request);
    if (!isAction(posted)) return refuse(response, 400, 'that is no action');
    sendJson(response, await carryOut(this.#source, posted));
  }

  async #space(query: URLSearchParams, response: ServerResponse): Promise<void> {
    const [pid, width] = [Number(query.get('pid')), Number(query.get('cells'))];
    if (!Number.isSafeInteger(pid) || !(width >= 1 && width <= MOST_CELLS))
      return refuse(response, 400, 'give pid and cells');
    const space = await readSpace(this.#source, pid).catch(() => undefined);
    if (space === undefined) return refuse(response, 404, 'there is no such process, or it has no memory');
    const cells = cellsOf(space, width);
    const answer: SpaceAnswer = {
      pid,
      letters: cells.map(({ letter }) => letter).join(''),
      ranges: cells.map(({ start, end }) => [start, end]),
      mappings: space.mappings.map(({ start, end, perms, name, sums }) => ({
        start,
        end,
        perms,
        name,
        rssKb: sums.present,
        dirtyKb: sums.dirty,
        swapKb: sums.swapped,
        lockedKb: sums.locked,
      })),
    };
    sendJson(response, answer);
  }
}

function language(): StepHelp[] {
  return stepReference().map(({ word, subject, usage, about, keys }) => ({
    word,
    subject,
    usage,
    about,
    keys: keys.map(({ key }) => key),
  }));
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += (chunk as Buffer).length;
    if (length > MOST_BODY_BYTES) return undefined;
    chunks.push(chunk as Buffer);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    return undefined;
  }
}

function sendJson(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
}

function refuse(response: ServerResponse, status: number, why: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' }).end(`${why}\n`);
}
