// How did the laps go? One row per lap, newest first, graded by colour and by glyph.

import { lapTime } from '../model/format';
import { bestSectorsMs, gradesOf, GRADES, type Grade } from '../model/grade';
import type { Lap } from '../model/lap';
import type { View } from '../view';
import { add, byId, Text } from './dom';

/** Rows shown; the rest is a scroll away in no useful sense. */
const N_ROWS = 60;

/** The table of laps. */
export class LapTable {
  readonly #body = byId('laps-body');
  readonly #empty = byId('laps-empty');
  readonly #theory = Text.of('theory');
  #shown: unknown[] = [];

  refresh({ session }: View): void {
    const tracker = session?.laps;
    const now = [session, tracker?.version, tracker?.current?.number, session?.reference, session?.latest.get('bestLapMs')];
    if (now.every((value, i) => Object.is(value, this.#shown[i])) && this.#shown.length > 0) return;
    this.#shown = now;
    this.#body.replaceChildren();
    const laps = tracker?.laps ?? [];
    this.#theory.set(lapTime(bestSectorsMs(laps)));
    this.#empty.hidden = laps.length > 0 || tracker?.current != null;
    if (tracker?.current) this.#addCurrentRow(tracker.current, laps);
    for (let i = laps.length - 1; i >= Math.max(0, laps.length - N_ROWS); i -= 1) {
      this.#addLapRow(laps, i, session?.latest.get('bestLapMs'), session?.reference?.lapNumber === laps[i]?.number);
    }
  }

  #addCurrentRow(lap: Lap, laps: readonly Lap[]): void {
    const row = add(this.#body, 'tr', 'lap-now');
    add(row, 'th', '', String(lap.number)).scope = 'row';
    const { sectors } = gradesOf([...laps, lap], laps.length);
    for (let sector = 0; sector < 3; sector += 1) addCell(row, lap.sectorsMs[sector], sectors[sector] ?? 'none');
    add(row, 'td', 'muted', lap.out ? 'out lap' : lap.valid === false ? 'invalid' : 'on track');
  }

  #addLapRow(laps: readonly Lap[], index: number, knownBestMs: number | undefined, isReference: boolean): void {
    const lap = laps[index] as Lap;
    const grades = gradesOf(laps, index, knownBestMs);
    const row = add(this.#body, 'tr', isReference ? 'lap-reference' : '');
    const head = add(row, 'th', '', String(lap.number));
    head.scope = 'row';
    if (isReference) head.title = 'reference of traces and delta';
    for (let sector = 0; sector < 3; sector += 1) addCell(row, lap.sectorsMs[sector], grades.sectors[sector] ?? 'none');
    addCell(row, lap.timeMs, grades.lap);
  }
}

function addCell(row: HTMLTableRowElement, ms: number | null | undefined, grade: Grade): void {
  const data = add(row, 'td', '');
  data.dataset['grade'] = grade;
  add(data, 'span', '', lapTime(ms));
  const glyph = add(data, 'span', 'glyph', GRADES[grade].glyph);
  glyph.dataset['grade'] = grade;
  glyph.title = GRADES[grade].words;
  if (GRADES[grade].words !== '') add(data, 'span', 'unseen', GRADES[grade].words);
}
