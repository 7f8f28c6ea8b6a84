import { expect, it } from 'vitest';

import type { Feed, FeedListener } from '../feed';
import { Telemetry } from './telemetry';

function setUp(): { telemetry: Telemetry; sample: (session: string, epoch?: number) => void; end: (session: string) => void; facts: (session: string, car: string) => void; wait: (s: number) => void } {
  let nowUs = 1e9;
  let listener: FeedListener | null = null;
  const feed = { listen: (given: FeedListener) => (listener = given) } as unknown as Feed;
  const telemetry = new Telemetry(feed, () => nowUs);
  return {
    telemetry,
    sample: (session, epoch = 1) => {
      nowUs += 1000;
      listener?.onSamples({ session, epoch, length: 1, capturedAtUs: [nowUs], columns: new Map(), channels: [] });
    },
    end: (session) => listener?.onEnd(session),
    facts: (session, car) => listener?.onFacts(session, { car }),
    wait: (s) => (nowUs += s * 1e6),
  };
}

it('stays with the session it shows while that lives', () => {
  const { telemetry, sample, wait } = setUp();
  sample('a');
  expect(telemetry.shown?.name).toBe('a');
  sample('b');
  expect(telemetry.shown?.name).toBe('a');
  wait(11);
  sample('b');
  expect(telemetry.shown?.name).toBe('b');
});

it('keeps a chosen session even when it ends', () => {
  const { telemetry, sample, end } = setUp();
  sample('a');
  sample('b');
  telemetry.choose('a');
  end('a');
  expect(telemetry.shown?.name).toBe('a');
  expect(telemetry.list().map((session) => session.name)).toEqual(['b', 'a']);
});

it('gives back the memory of the session that is forgotten, which is never the one it shows', () => {
  const { telemetry, sample } = setUp();
  sample('shown');
  expect(telemetry.shown?.name).toBe('shown');
  sample('old');
  const old = telemetry.list().find((session) => session.name === 'old');
  for (let i = 0; i < 7; i += 1) sample(`new-${i}`);
  expect(telemetry.shown?.name).toBe('shown');
  expect(telemetry.shown?.history.end).toBe(1);
  expect(telemetry.list().map((session) => session.name)).not.toContain('old');
  expect(old?.history.begin).toBe(old?.history.end);
});

it('shows two live epochs of a session as two', () => {
  const { telemetry, sample } = setUp();
  sample('a', 1);
  sample('a', 2);
  sample('a', 1);
  expect(Object.fromEntries(telemetry.list().map((session) => [session.name, session.history.end]))).toEqual({ a: 2, 'a (2)': 1 });
});

it('goes on in the same history with the epoch of a restarted collector', () => {
  const { telemetry, sample, wait } = setUp();
  sample('a', 1);
  wait(3);
  sample('a', 2);
  expect(telemetry.list().map((session) => session.history.end)).toEqual([2]);
});

it('goes on in the same history when a new epoch follows an end at once', () => {
  const { telemetry, sample, end } = setUp();
  sample('a', 1);
  end('a');
  sample('a', 2);
  expect(telemetry.list().map((session) => [session.name, session.history.end, session.ended])).toEqual([['a', 2, false]]);
});

it('remembers eight sessions at most', () => {
  const { telemetry, sample } = setUp();
  for (let i = 0; i < 9; i += 1) sample(`s${i}`);
  expect(telemetry.list().map((session) => session.name)).not.toContain('s0');
  expect(telemetry.list()).toHaveLength(8);
});

it('knows the facts that came before the first sample', () => {
  const { telemetry, sample, facts } = setUp();
  facts('a', 'Lotus 49');
  sample('a');
  sample('a', 2);
  expect(telemetry.list().map((session) => session.facts.car)).toEqual(['Lotus 49', 'Lotus 49']);
});
