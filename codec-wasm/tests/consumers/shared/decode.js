// What does every consumer do with the package? Decodes a recording and sums its speeds.

/** The number of samples in a recording and the sum of their speeds, decoded with the package's `init` and `Decoder`. */
export async function decode({ init, Decoder }, bytes) {
  await init();
  const decoder = new Decoder();
  const view = new DataView(bytes);
  let samples = 0;
  let sum = 0;
  for (let at = 6; at < bytes.byteLength; ) {
    const length = view.getUint32(at, true);
    const got = decoder.push(new Uint8Array(bytes, at + 4, length));
    if (got.kind === 'samples') {
      samples += got.length;
      for (const speed of decoder.columns.get('testSpeedMps')) sum += speed;
    }
    at += 4 + length;
  }
  return { samples, sum };
}
