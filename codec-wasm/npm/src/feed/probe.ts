// Why was an upgrade refused? A browser hides the answer, so the feed asks the same address with a plain request.

import type { Refusal } from './core.js';

/** What the bridge has against this page; null if it cannot be asked or has nothing. */
export async function probe(url: URL, token: string | null): Promise<Refusal | null> {
  const address = new URL(url);
  address.protocol = url.protocol === 'wss:' ? 'https:' : 'http:';
  try {
    const headers: HeadersInit = token === null ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(address, { headers, cache: 'no-store', signal: AbortSignal.timeout(5_000) });
    const body: unknown = await response.json().catch(() => null);
    const error = (body as { error?: { code?: unknown; message?: unknown } } | null)?.error;
    if (response.ok || typeof error?.code !== 'string') return null;
    return { status: response.status, code: error.code, message: String(error.message ?? error.code) };
  } catch {
    return null;
  }
}
