// What does a page get? Everything of api.ts, with the module fetched from beside the code.

import { Feed, bridgeUrl, type ConnectOptions } from './feed/feed.js';
import { start, type WasmSource } from './wasm.js';

export * from './api.js';

/**
 * Loads the WebAssembly module; await it once before the first {@link Decoder}. Further calls give the same promise.
 * {@link connect} calls it itself.
 *
 * @param source where the module is, if not beside the code: a URL, a fetch response, its bytes, or a compiled module
 * (which is how a page hands it to a worker). Counts in the first call only.
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
 * Follows a user's telemetry live: connects, decodes, and connects again by itself. It goes on where it was if the bridge
 * can, which {@link Feed.bridge} says.
 *
 * @param url the bridge's stream, `wss://host/v1/stream`; in a page also a path.
 * @returns the feed, which starts at once.
 * @throws {CodecError} `bad_url`, `bad_token`, `bad_option` or `no_websocket`; what happens later are states and `error` events.
 * @example
 * const feed = connect('wss://telemetry.example/v1/stream', { token: () => fetchToken() });
 * feed.on('state', ({ state, reason }) => console.log(state, reason ?? ''));
 * feed.on('samples', ({ length, columns }) => console.log(columns.speedMps[length - 1], 'm/s'));
 */
export function connect<Own extends object = {}>(url: string | URL, options: ConnectOptions = {}): Feed<Own> {
  return new Feed(bridgeUrl(url), options, init);
}
