// Which kafkajs consumers read the users' topics? Two layouts with the same methods; README.md compares them.

import { setTimeout as sleep } from "node:timers/promises";

/** Offsets are published this often, as ours does; with kafkajs's own autoCommit each batch would wait for a commit. */
const COMMIT_EVERY_MS = 15_000;
/** Users who join within this time are added to the shared consumer together. */
const GATHER_MS = 250;

/** A third of kafkajs's session time-out, as Kafka advises. */
const HEARTBEAT_EVERY_MS = 10_000;

const RUN = { autoCommit: false, autoCommitInterval: COMMIT_EVERY_MS, eachBatchAutoResolve: false };
const OPTIONS = { allowAutoTopicCreation: false, heartbeatInterval: HEARTBEAT_EVERY_MS };

/** Runs a consumer whose topics are set; done when it has joined its group and fetched once, so that nothing is missed. */
async function run(consumer, eachBatch) {
  const fetching = new Promise((resolve) => {
    let joined = false;
    const stopJoin = consumer.on(consumer.events.GROUP_JOIN, () => (joined = true));
    const stopFetch = consumer.on(consumer.events.FETCH, () => {
      if (!joined) return;
      stopJoin();
      stopFetch();
      resolve();
    });
  });
  await consumer.run({ ...RUN, eachBatch });
  await fetching;
}

/** One consumer, alone in one group, for all users who have viewers. */
export class SharedConsumer {
  #consumer;
  #admin;
  #forward;
  /** Topics that are subscribed to; kafkajs cannot take one back, so one without viewers is paused. */
  #subscribed = new Set();
  #waiting = new Set();
  #adding = null;
  #commit = null;

  constructor(kafka, fetch, forward) {
    const groupId = `node-bridge-${process.pid}`;
    this.#consumer = kafka.consumer({ groupId, ...OPTIONS, ...fetch });
    this.#admin = kafka.admin();
    this.#forward = forward;
  }

  async start() {
    await Promise.all([this.#consumer.connect(), this.#admin.connect()]);
  }

  async stop() {
    await Promise.all([this.#consumer.disconnect(), this.#admin.disconnect()]);
  }

  async add(topic) {
    if (this.#subscribed.has(topic)) {
      await this.#adding;
      if (this.#consumer.paused().some((paused) => paused.topic === topic)) await this.#resume(topic);
      return;
    }
    this.#waiting.add(topic);
    while (this.#waiting.has(topic) || this.#adding) {
      this.#adding ??= this.#subscribe().finally(() => (this.#adding = null));
      await this.#adding;
    }
  }

  async remove(topic) {
    if (this.#subscribed.has(topic)) this.#consumer.pause([{ topic }]);
  }

  /** New topics need a stopped consumer: kafkajs subscribes before it runs. */
  async #subscribe() {
    await sleep(GATHER_MS);
    const topics = [...this.#waiting];
    this.#waiting.clear();
    if (this.#subscribed.size > 0) {
      await this.#commit?.();
      this.#commit = null;
      await this.#consumer.stop();
    }
    await this.#consumer.subscribe({ topics, fromBeginning: false });
    for (const topic of topics) this.#subscribed.add(topic);
    await run(this.#consumer, (payload) => this.#batch(payload));
  }

  async #resume(topic) {
    for (const { partition, high } of await this.#admin.fetchTopicOffsets(topic)) {
      this.#consumer.seek({ topic, partition, offset: high });
    }
    this.#consumer.resume([{ topic }]);
  }

  async #batch({ batch, resolveOffset, isStale, commitOffsetsIfNecessary, uncommittedOffsets }) {
    if (isStale()) return;
    this.#forward(batch.topic, batch.messages);
    resolveOffset(batch.lastOffset());
    this.#commit ??= () => commitOffsetsIfNecessary(uncommittedOffsets());
    await commitOffsetsIfNecessary();
  }
}

/** A consumer and a group for each user who has viewers. */
export class ConsumerPerUser {
  #kafka;
  #fetch;
  #forward;
  #consumers = new Map();

  constructor(kafka, fetch, forward) {
    this.#kafka = kafka;
    this.#fetch = fetch;
    this.#forward = forward;
  }

  async start() {}

  async stop() {
    await Promise.all([...this.#consumers.keys()].map((topic) => this.remove(topic)));
  }

  async add(topic, user) {
    let running = this.#consumers.get(topic);
    if (!running) {
      running = this.#start(topic, user);
      this.#consumers.set(topic, running);
    }
    await running;
  }

  async remove(topic) {
    const running = this.#consumers.get(topic);
    this.#consumers.delete(topic);
    await (await running)?.disconnect();
  }

  async #start(topic, user) {
    const groupId = `node-bridge-${process.pid}-${user}`;
    const consumer = this.#kafka.consumer({ groupId, ...OPTIONS, ...this.#fetch });
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: false });
    await run(consumer, async ({ batch, resolveOffset, commitOffsetsIfNecessary }) => {
      this.#forward(topic, batch.messages);
      resolveOffset(batch.lastOffset());
      await commitOffsetsIfNecessary();
    });
    return consumer;
  }
}
