// What does a page get? All of api.ts, with the module fetched from next to the code.

import { Feed, bridgeUrl, type ConnectOptions } from './feed/feed.js';
import { start, type WasmSource } from './wasm.js';

export * from './api.js';

/**
 * Loads the WebAssembly module; await it once before the first {@link Decoder}. Further calls give the same promise.
 * {@link connect} calls it itself.
 *
 * @param source where the module is, if not next to the code: a URL, a fetch response, its bytes, or a compiled module
 * (which is how a page hands it to a worker). Only the first call's counts.
 * @throws {CodecError} `wasm_load`; the next call tries again.
 * @example
 * await init();
 * @example
 * await init(await WebAssembly.compileStreaming(fetch('/assets/codec.wasm')));
 */
export async function init(source?: WasmSource): Promise<void> {
  await start(async () => source);
}

/**
 * Follows a user's telemetry live: connects, decodes, and reconnects by itself. If the bridge can, it goes on where it was;
 * {@link Feed.bridge} says whether it can.
 *
 * @param url the bridge's stream, `wss://host/v1/stream`; in a page also a path.
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
