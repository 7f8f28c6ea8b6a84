// Which records are in a recording? The only reader of recordings in JavaScript; it runs wherever the tests do.
//
// The package does not have one: a page gets its records from a bridge. The codec does (codec/src/recording.rs), and this
// stays apart from it, because it follows docs/wire-format.md alone: what only our own Rust could read fails here.

const MAGIC = 'PSREC\x01';
const LENGTH_LEN = 4;

/** The records of the recording that is the whole of `bytes`, as copies. */
export function recordsIn(bytes) {
  if (String.fromCharCode(...bytes.subarray(0, MAGIC.length)) !== MAGIC) throw new Error('this is not a recording');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found = [];
  for (let at = MAGIC.length; at < bytes.length; ) {
    const start = at + LENGTH_LEN;
    const end = start > bytes.length ? Infinity : start + view.getUint32(at, true);
    if (end > bytes.length) throw new Error(`the recording is cut off in the record at byte ${at}`);
    found.push(bytes.slice(start, end));
    at = end;
  }
  return found;
}
