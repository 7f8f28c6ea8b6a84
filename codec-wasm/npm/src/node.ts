// What does Node get? All of api.ts, with the module read from next to the code.

import { readFile } from 'node:fs/promises';

import { Feed, bridgeUrl, type ConnectOptions } from './feed/feed.js';
import { start, type WasmSource } from './wasm.js';

export * from './api.js';

/** As in the browser, but reads files: `file:` URLs and the module next to the code. */
export async function init(source?: WasmSource): Promise<void> {
  await start(() => read(source ?? new URL('./purple_sector_codec_wasm_bg.wasm', import.meta.url)));
}

/**
 * Follows a user's telemetry live: connects, decodes, and reconnects by itself. If the bridge can, it goes on where it was;
 * {@link Feed.bridge} says whether it can.
 *
 * @param url the bridge's stream, `wss://host/v1/stream`; below Node 22 give it the `ws` package’s class as `WebSocket`.
 * @returns the feed, which starts at once.
 * @throws {CodecError} `bad_url`, `bad_token`, `bad_option` or `no_websocket`; what happens later is told by states and `error` events.
 * @example
 * const feed = connect('wss://telemetry.example/v1/stream', { token: () => fetchToken() });
 * feed.on('state', ({ state, reason }) => console.log(state, reason ?? ''));
 * feed.on('samples', ({ length, columns }) => console.log(columns.speedMps[length - 1], 'm/s'));
 */
export function connect<Own extends object = {}>(url: string | URL, options: ConnectOptions = {}): Feed<Own> {
  return new Feed(bridgeUrl(url), options, init);
}

async function read(source: WasmSource): Promise<WasmSource> {
  return source instanceof URL && source.protocol === 'file:' ? readFile(source) : source;
}
