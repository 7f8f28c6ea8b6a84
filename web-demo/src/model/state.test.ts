import { describe, expect, it } from 'vitest';

import { shownState, type Situation } from './state';

const live: Situation = { feed: 'live', reason: '', paused: false, session: { ageMs: 40, ended: false, replay: false }, behindMs: 0 };
const check = (change: Partial<Situation>, label: string, detail = ''): void => {
  expect(shownState({ ...live, ...change })).toMatchObject({ label, detail });
};

describe('the state shown', () => {
  it('is live with fresh samples', () => check({}, 'LIVE'));
  it('is live at the limit and stale past it', () => {
    check({ session: { ageMs: 500, ended: false, replay: false } }, 'LIVE');
    check({ session: { ageMs: 501, ended: false, replay: false } }, 'STALE', '0.5 s');
  });
  it('is waiting without a session', () => check({ session: null }, 'WAITING'));
  it('keeps the age of the last sample while it connects again', () => {
    check({ feed: 'connecting', session: { ageMs: 3200, ended: false, replay: false } }, 'CONNECTING', 'last sample 3.2 s ago');
    check({ feed: 'connecting', session: null }, 'CONNECTING');
  });
  it('says why it was refused, also when paused', () => check({ feed: 'refused', reason: 'token expired', paused: true }, 'REFUSED', 'token expired'));
  it('says how far a paused picture is behind', () => check({ paused: true, behindMs: 12_400 }, 'PAUSED', '12 s behind'));
  it('is ended when the session says so', () => check({ session: { ageMs: 9e5, ended: true, replay: false } }, 'ENDED'));
  it('is replay when the game shows one', () => check({ session: { ageMs: 1, ended: false, replay: true } }, 'REPLAY'));
});
