// What does a caller get when something fails? One class of error with a code that never changes.

/**
 * Every error of this package. Tell them apart by `code`; `message` is for people and may change.
 *
 * - From {@link Decoder.push}: `too_short`, `too_long`, `not_a_record`, `unknown_version`, `checksum`, `header`,
 *   `session_id`, `truncated`, `trailing_bytes`, `limit`, `body`, `time_range`, `schema_hash`; and `freed` after
 *   {@link Decoder.free}.
 * - From {@link init}: `wasm_load`, and `not_initialized` from using a {@link Decoder} before it.
 * - From {@link connect} and its feed: `no_websocket`, `bad_url`, `bad_token`, `bad_option`, `token_failed`, `refused` and
 *   `closed` for an awaited event that will not come, and the codes of `push`.
 *
 * @example
 * try {
 *   decoder.push(bytes);
 * } catch (error) {
 *   if (error instanceof CodecError && error.code === 'unknown_version') showUpdateHint();
 *   else throw error;
 * }
 */
export class CodecError extends Error {
  override readonly name = 'CodecError';

  constructor(
    /** Stable name of what went wrong, in snake_case. */
    readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** What the codes of the codec mean. The text is here and not in the module, which would be larger by a tenth. */
const MEANINGS: Record<string, string> = {
  too_short: 'the bytes end before the shortest possible message',
  too_long: 'more bytes than a message may have',
  not_a_record: 'not a Purple Sector record',
  checksum: 'a byte of the record changed on the way',
  unknown_version: 'the record was written by a newer collector: update this package',
  header: 'the record’s header is malformed',
  session_id: 'the record’s session id is not valid',
  truncated: 'the record’s body ends early',
  trailing_bytes: 'bytes are left after the end of the message',
  limit: 'the message has more of something than the format allows',
  body: 'the body is not one that an encoder writes',
  time_range: 'a sample’s time is out of range',
  schema_hash: 'the schema’s content does not match its hash',
};

/** The error for a code of the codec. */
export function decodeError(code: string): CodecError {
  return new CodecError(code, MEANINGS[code] ?? `the message was refused: ${code}`);
}
