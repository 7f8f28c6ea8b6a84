// Which channels does a stream carry? The schema that travels with it.

import type { Note } from './note.js';
import * as shared from './shared.js';

/** One channel of a stream. */
export interface Channel {
  /** Stable id; channels of one's own have ids from 32768 on. */
  readonly id: number;
  /** Name in snake_case with its unit: `speed_mps`. */
  readonly name: string;
  /** The same name as it is called in {@link Columns} and {@link Sample}: `speedMps`. */
  readonly key: string;
  /** Unit as people write it: `m/s`. */
  readonly unit: string;
  /** Whether its column is a `Float32Array` (absent is NaN) or an `Int32Array` (absent is {@link ABSENT}). */
  readonly kind: 'float' | 'int';
  /** Step between neighbouring values: values differ from the source's by at most half of it. 0 where they are exact. */
  readonly resolution: number;
  /** Smallest value to expect. */
  readonly min: number;
  /** Largest value to expect. */
  readonly max: number;
  /** Names of the values from `min` on (enumerations) or of the bits; empty for quantities. */
  readonly labels: readonly string[];
}

/** An ordered list of channels. */
export interface Schema {
  /** Names the schema: equal hashes mean equal channels. 16 hexadecimal digits. */
  readonly hash: string;
  readonly channels: readonly Channel[];
}

/** The camelCase key of a channel's name: `tyre_core_temp_c_fl` becomes `tyreCoreTempCFl`. */
export function keyOf(name: string): string {
  return name.replace(/_+([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** Schemas read so far, by hash: a schema record comes every ten seconds, and each new stream is described again. */
const known = new Map<string, Schema>();
const REMEMBERED_SCHEMAS = 32;

/** Reads what `describe::schema` wrote, at the end of a note. The same schema is the same object each time. */
export function readSchema(note: Note): Schema {
  const hash = halfOfHash(note) + halfOfHash(note);
  const schema = known.get(hash) ?? { hash, channels: readChannels(note) };
  // To the end, so that the first one is the one that was not seen for longest.
  known.delete(hash);
  known.set(hash, schema);
  for (const oldest of known.keys()) {
    if (known.size <= REMEMBERED_SCHEMAS) break;
    known.delete(oldest);
  }
  return schema;
}

function readChannels(note: Note): Channel[] {
  return note.list((): Channel => {
    const id = note.number();
    const name = note.text();
    const unit = note.text();
    const coding = note.number();
    const resolution = note.number();
    const min = note.number();
    const max = note.number();
    const labels = note.list(() => note.text());
    const kind = coding === shared.CODING_INT ? 'int' : 'float';
    return { id, name, key: keyOf(name), unit, kind, resolution, min, max, labels };
  });
}

function halfOfHash(note: Note): string {
  return note.number().toString(16).padStart(8, '0');
}
