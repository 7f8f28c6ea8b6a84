// Who drives what where, and how are the laps? The strip at the top.

import { lapTime, readable } from '../model/format';
import { gradesOf, GRADES, type Grade } from '../model/grade';
import type { Session } from '../model/session';
import type { View } from '../view';
import { byId, setData, Text } from './dom';

const KINDS = ['Practice', 'Qualifying', 'Race', 'Hotlap', 'Time attack', 'Drift', 'Drag', 'Hot stint', 'Superpole'];
const RACE = 2;

/** The header: driver, car, track, laps. */
export class Header {
  readonly #driver = Text.of('driver');
  readonly #car = Text.of('car');
  readonly #track = Text.of('track');
  readonly #kind = Text.of('session-kind');
  readonly #lapNumber = Text.of('lap-number');
  readonly #last = Text.of('last-lap');
  readonly #best = Text.of('best-lap');
  readonly #current = Text.of('current-lap');
  readonly #lastGrade = byId('last-grade');
  readonly #bestGrade = byId('best-grade');

  refresh({ session, endRow }: View, user: string): void {
    this.#driver.set(session?.facts.driver ?? (user === '' ? '–' : user));
    this.#car.set(readable(session?.facts.car));
    this.#track.set(readable(session?.facts.track));
    this.#kind.set(session === null ? '–' : kindOf(session));
    if (session === null) return;

    const { laps } = session;
    const finished = laps.laps.at(-1);
    const bestMs = least(laps.best()?.timeMs, session.latest.get('bestLapMs'));
    this.#lapNumber.set(laps.current === null ? '–' : String(laps.current.number));
    this.#last.set(lapTime(finished?.timeMs ?? session.latest.get('lastLapMs')));
    this.#best.set(lapTime(bestMs));
    this.#current.set(lapTime(currentMs(session, endRow), 1));
    showGrade(this.#lastGrade, finished === undefined ? 'none' : gradesOf(laps.laps, laps.laps.length - 1, session.latest.get('bestLapMs')).lap);
    showGrade(this.#bestGrade, bestMs === undefined ? 'none' : 'best');
  }
}

/** Puts a grade's glyph into `element`, coloured and explained. */
export function showGrade(element: HTMLElement, value: Grade): void {
  if (element.dataset['grade'] === value) return;
  setData(element, 'grade', value);
  element.textContent = GRADES[value].glyph;
  element.title = GRADES[value].words;
}

function kindOf(session: Session): string {
  const value = session.latest.get('sessionKind') ?? NaN;
  const place = session.latest.get('racePosition') ?? NaN;
  const kind = KINDS[value] ?? session.facts.game ?? '–';
  return value === RACE && place > 0 ? `${kind} · P${place}` : kind;
}

function currentMs(session: Session, endRow: number): number {
  const clockMs = session.history.at('currentLapMs', endRow - 1);
  return Number.isNaN(clockMs) ? (session.history.timeUs(endRow - 1) - session.laps.startUs) / 1000 : clockMs;
}

function least(a: number | null | undefined, b: number | undefined): number | undefined {
  const known = [a, b].filter((ms): ms is number => typeof ms === 'number' && ms > 0);
  return known.length === 0 ? undefined : Math.min(...known);
}
