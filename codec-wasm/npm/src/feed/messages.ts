// What do a viewer and the bridge say to each other? The module reads and writes it; here are the calls.

import type { Port } from '../port.js';
import { Reader } from '../wasm.js';

const utf8 = new TextEncoder();

/** What to serve from now on. */
export interface Wanted {
  readonly session: string | undefined;
  /** Start with this many seconds from the log; undefined for live records only. */
  readonly lastSeconds: number | undefined;
  readonly keysOnly: boolean;
  /** The topic's id, 16 bytes, or none. */
  readonly topicId: Uint8Array;
  /** Partition, next offset, and so on; empty to begin with what comes from now on. */
  readonly next: Float64Array;
}

/** Takes a message of the bridge and says what it was, one of `FOUND_…`. */
export function takeMessage(port: Port, bytes: Uint8Array): number {
  return port.reader.pushMessage(port.write(bytes));
}

/** The message that says what to serve. */
export function subscribeMessage(port: Port, { session, lastSeconds, keysOnly, topicId, next }: Wanted): Uint8Array {
  const topic = new Uint8Array(16);
  topic.set(topicId);
  const offsets = new Uint8Array(next.buffer, next.byteOffset, next.byteLength);
  const name = utf8.encode(session ?? '');
  port.write(Uint8Array.of(...topic, ...offsets, ...name));
  return port.reader.subscribe(name.length, lastSeconds ?? NaN, keysOnly, next.length / 2);
}

/** The message with a new token, before the old one ends. */
export function refreshMessage(port: Port, token: string): Uint8Array {
  return port.reader.refresh(port.write(utf8.encode(token)));
}

/** The question for the bridge's time; `nowUs` is the page's clock. */
export function timeMessage(nowUs: number): Uint8Array {
  return Reader.time(nowUs);
}
