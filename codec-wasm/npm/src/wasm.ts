// Where does the WebAssembly module come from, and is it there yet? One instance for the whole page.

import { CodecError } from './errors.js';
import load, { Reader, Store, type InitOutput } from './purple_sector_codec_wasm.js';

export { Reader, Store };

/** What {@link init} can take the module from. */
export type WasmSource = URL | string | Request | Response | BufferSource | WebAssembly.Module;

/** The running module. */
export type Wasm = Pick<InitOutput, 'memory'>;

let running: Wasm | undefined;
let starting: Promise<Wasm> | undefined;

/** Starts the module once; a failed start can be tried again. Without a source it is the file next to the code. */
export function start(source: () => Promise<WasmSource | undefined>): Promise<Wasm> {
  starting ??= source()
    .then((from) => load(from === undefined ? undefined : { module_or_path: from }))
    .then((exports) => (running = exports))
    .catch((error: unknown) => {
      starting = undefined;
      const hint = 'Is codec.wasm served, and does the page’s CSP allow wasm-unsafe-eval?';
      throw new CodecError('wasm_load', `cannot load the codec's WebAssembly: ${String(error)}. ${hint}`, {
        cause: error,
      });
    });
  return starting;
}

/** Whether the module runs. */
export function isRunning(): boolean {
  return running !== undefined;
}

/** The running module. Throws `not_initialized` before {@link init} is done. */
export function wasm(): Wasm {
  if (running === undefined) throw new CodecError('not_initialized', 'call and await init() first');
  return running;
}
