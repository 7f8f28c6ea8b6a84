// What does every consumer do with the package? Decodes a recording and sums its speeds.

import { recordsIn } from './recording.js';

/** The number of samples in a recording and the sum of their speeds, decoded with the package's `init` and `Decoder`. */
export async function decode({ init, Decoder }, recording) {
  await init();
  const decoder = new Decoder();
  let samples = 0;
  let sum = 0;
  for (const record of recordsIn(new Uint8Array(recording))) {
    const got = decoder.push(record);
    if (got.kind !== 'samples') continue;
    samples += got.length;
    for (const speed of decoder.columns.get('testSpeedMps')) sum += speed;
  }
  return { samples, sum };
}
