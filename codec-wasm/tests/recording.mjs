// Where do the tests get records from? From recordings: the golden vectors, and what other programs write.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { recordsIn } from './consumers/shared/recording.js';

/** The folder of the golden vectors. */
export const VECTORS = fileURLToPath(new URL('../../codec/vectors/v1/', import.meta.url));

/** The records of the recording in `file`. */
export function records(file) {
  return recordsIn(new Uint8Array(readFileSync(file)));
}

/** The records of the golden vector of this name. */
export function vector(name) {
  return records(`${VECTORS}${name}.bin`);
}
