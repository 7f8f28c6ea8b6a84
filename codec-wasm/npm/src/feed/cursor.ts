// How far has this feed got? The next offset of each partition, so that a new connection goes on where the old ended.

/** The place in the user's topic. */
export class Cursor {
  #topicId = new Uint8Array(16);
  readonly #next = new Map<number, number>();

  /** The topic as the bridge names it. Offsets of another topic mean nothing in this one. */
  setTopic(id: Uint8Array): void {
    if (id.some((byte, at) => byte !== this.#topicId[at])) this.#next.clear();
    this.#topicId = Uint8Array.from(id);
  }

  /** Takes note of a record that has come. */
  advance(partition: number, offset: number): void {
    const next = this.#next.get(partition) ?? 0;
    if (offset >= next) this.#next.set(partition, offset + 1);
  }

  /** The topic's id; empty while there is no place to go on from. */
  get topicId(): Uint8Array {
    const known = this.#next.size > 0 && this.#topicId.some((byte) => byte !== 0);
    return known ? this.#topicId : new Uint8Array();
  }

  /** Partition, next offset, partition, next offset, and so on. */
  get next(): Float64Array {
    return Float64Array.from([...this.#next].flat());
  }
}
