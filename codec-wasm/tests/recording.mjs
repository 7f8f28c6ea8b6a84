// Where do the tests get records from? From files in the format of a recording: `PSREC\x01`, then length and record.
import { readFileSync } from 'node:fs';

/** The records of a recording file. */
export function records(file) {
  const bytes = readFileSync(file);
  if (bytes.toString('latin1', 0, 6) !== 'PSREC\x01') throw new Error(`${file} is no recording`);
  const found = [];
  for (let at = 6; at < bytes.length; ) {
    const length = bytes.readUInt32LE(at);
    found.push(new Uint8Array(bytes.subarray(at + 4, at + 4 + length)));
    at += 4 + length;
  }
  return found;
}
