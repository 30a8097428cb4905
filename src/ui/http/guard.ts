/** Who may ask: only from this machine, only with the token, and no page of another origin. */
import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

export const TOKEN = /^[0-9a-f]{32}$/;

/** Whether a name or an address means this machine: 127.0.0.0/8, ::1, localhost. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

/**
 * The path behind the token, without its slash; or why the request is refused. A name that leads here by tricks with DNS
 * shows in Host, a page of another origin in Origin.
 */
export function admit(request: IncomingMessage, token: string): { path: string } | { refused: string } {
  const { host = '', origin } = request.headers;
  const name = /^(?:\[([^\]]*)\]|([^:]*))(?::\d+)?$/.exec(host);
  if (name === null || !isLoopback(name[1] ?? name[2] ?? '')) return { refused: 'Host is no loopback address' };
  if (origin !== undefined && origin !== `http://${host}`) return { refused: 'Origin is another page' };
  if (request.headers['sec-fetch-site'] === 'cross-site' && request.headers['sec-fetch-mode'] !== 'navigate')
    return { refused: 'another page asks' };
  const [, given = '', path] = /^\/([^/?]*)(?:\/([^?]*))?(?:\?|$)/.exec(request.url ?? '') ?? [];
  if (!isToken(given, token)) return { refused: 'the address has no valid token: take it as the command printed it' };
  if (request.method !== 'GET' && request.method !== 'POST') return { refused: 'GET and POST only' };
  if (request.method === 'POST' && request.headers['content-type'] !== 'application/json')
    return { refused: 'what is posted must be application/json' };
  return { path: path ?? '.' };
}

function isToken(given: string, token: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(token)];
  return a.length === b.length && timingSafeEqual(a, b);
}
