// How do samples come from the bridge? The npm package connects, decodes and reconnects; this passes on what the page uses.

import { connect, type Feed as PackageFeed, type LapSummary, type Schema } from 'purple-sector-codec';

import type { Clock, Feed, FeedCounts, FeedListener, FeedState } from './feed';
import { userOf, type Link } from './link';
import type { LapEvent } from './model/lap';

/** Connects to the bridge that the link names, with the link's token or user. */
export function openFeed(link: Link): Feed {
  return new BridgeFeed(
    connect(link.url, {
      ...(link.token !== null && { token: link.token }),
      ...(link.userId !== null && { userId: link.userId }),
    }),
    userOf(link),
    new URL(link.url).host,
  );
}

class BridgeFeed implements Feed {
  reason = '';
  readonly #feed: PackageFeed;
  readonly #channels = new WeakMap<Schema, readonly string[]>();
  /** The browser does not let the page connect there, so trying again is of no use. */
  #blocked = false;

  constructor(feed: PackageFeed, readonly user: string, host: string) {
    this.#feed = feed;
    feed.on('state', (change) => (this.reason = change.reason ?? ''));
    document.addEventListener('securitypolicyviolation', ({ blockedURI }) => {
      if (URL.canParse(blockedURI) && new URL(blockedURI).host === host) this.#block(host);
    });
    // The feed goes on by itself after these; they are counted in its figures.
    feed.on('error', (error) => console.warn(`purple-sector: ${error.code}: ${error.message}`));
  }

  get state(): FeedState {
    return this.#blocked ? 'refused' : this.#feed.state;
  }

  #block(host: string): void {
    this.#feed.close();
    this.#blocked = true;
    this.reason = `this page may not connect to ${host}; its operator can allow it (DASHBOARD_BRIDGES)`;
  }

  get counts(): FeedCounts {
    return this.#feed.stats;
  }

  clock(): Clock | null {
    return this.#feed.clock;
  }

  /** The keys of a stream's channels, made once per schema. */
  #channelsOf(schema: Schema): readonly string[] {
    const known = this.#channels.get(schema);
    if (known !== undefined) return known;
    const keys = schema.channels.map((channel) => channel.key);
    this.#channels.set(schema, keys);
    return keys;
  }

  listen(listener: FeedListener): void {
    this.#feed.on('samples', ({ session, epoch, length, capturedAtUs, columns, schema }) =>
      listener.onSamples({ session, epoch, length, capturedAtUs, columns, channels: this.#channelsOf(schema) }));
    this.#feed.on('facts', ({ session, facts }) => listener.onFacts(session, facts));
    this.#feed.on('event', ({ session, event }) => {
      if (event.type === 'lapFinished') listener.onLap(session, lapEventOf(event.lap));
    });
    this.#feed.on('session', ({ session, ended }) => {
      if (ended) listener.onEnd(session);
    });
  }
}

function lapEventOf({ number, timeMs, sectorMs, valid, pit }: LapSummary): LapEvent {
  return { number, timeMs: timeMs > 0 ? timeMs : null, sectorsMs: [...sectorMs], valid, pit };
}
