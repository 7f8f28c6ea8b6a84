// What is read aloud? A lap that is complete, and a change of state; never anything per frame.

import { lapTime } from '../model/format';
import { gradesOf, GRADES } from '../model/grade';
import type { Session } from '../model/session';
import type { Shown } from '../model/state';
import type { View } from '../view';
import { byId, Text } from './dom';

/** A shorter state is not worth interrupting anyone for. */
const STATE_HOLD_MS = 1500;

/** Writes for screen readers. */
export class Announcer {
  readonly #text = Text.of('announcer');
  readonly #plot = byId('plot');
  readonly #map = byId('map');
  #session: Session | null = null;
  #lap = -1;
  #state = '';
  #pending = { state: '', sinceMs: 0 };

  refresh(now: Shown, { session, paused }: View, nowMs: number): void {
    this.#announceState(now, nowMs);
    // A paused picture is announced as of its own moment, too.
    if (paused) return;
    const lap = session?.laps.laps.findLast((each) => each.settled);
    const changed = session !== this.#session;
    if (!changed && lap?.number === this.#lap) return;
    this.#session = session;
    this.#lap = lap?.number ?? -1;
    if (session === null) return;
    const words = lap === undefined ? 'no complete lap yet' : describe(session, lap.number);
    this.#plot.ariaLabel = `Speed, throttle, brake, steering, gear and engine speed of the current lap; ${words}`;
    this.#map.ariaLabel = `Track map with the car; ${words}`;
    if (!changed && lap !== undefined) this.#text.set(words);
  }

  #announceState(now: Shown, nowMs: number): void {
    if (now.state !== this.#pending.state) this.#pending = { state: now.state, sinceMs: nowMs };
    if (this.#state === now.state || nowMs - this.#pending.sinceMs < STATE_HOLD_MS) return;
    this.#state = now.state;
    this.#text.set(now.detail === '' ? now.state : `${now.state}, ${now.detail}`);
  }
}

function describe(session: Session, number: number): string {
  const { laps } = session.laps;
  const index = laps.findIndex((lap) => lap.number === number);
  const grade = GRADES[gradesOf(laps, index, session.latest.get('bestLapMs')).lap].words;
  return `lap ${number} ${lapTime(laps[index]?.timeMs)}${grade === '' ? '' : `, ${grade}`}`;
}
