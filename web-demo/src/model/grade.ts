// How good was a lap, or a sector of it? A grade, with the glyph and words that say it without colour.

import { counts, type Lap } from './lap';

/** How a time compares with the others of its session. */
export type Grade = 'best' | 'better' | 'slower' | 'invalid' | 'in' | 'out' | 'none';

/** What a grade looks like next to its number, and what it means. */
export const GRADES: Record<Grade, { glyph: string; words: string }> = {
  best: { glyph: 'P', words: 'session best' },
  better: { glyph: '+', words: 'personal best when it was set' },
  slower: { glyph: '~', words: 'slower' },
  invalid: { glyph: '×', words: 'invalid' },
  in: { glyph: 'IN', words: 'in lap' },
  out: { glyph: 'OUT', words: 'out lap' },
  none: { glyph: '', words: '' },
};

/**
 * The grades of `laps[index]` among `laps` (oldest first): of its time, and of each of its sectors.
 * `knownBestMs` is the best lap that the game knows of: it may have been driven before the page was opened.
 */
export function gradesOf(laps: readonly Lap[], index: number, knownBestMs = NaN): { lap: Grade; sectors: Grade[] } {
  const lap = laps[index] as Lap;
  const excluded = excludedAs(lap);
  return {
    lap: excluded ?? gradeAmong(laps, index, (other) => other.timeMs, knownBestMs),
    sectors: lap.sectorsMs.map((_, sector) =>
      excluded === null ? gradeAmong(laps, index, (other) => other.sectorsMs[sector] ?? null, NaN) : 'none'),
  };
}

/** The time of a lap made of the best sectors; null until every sector of a counting lap is known. */
export function bestSectorsMs(laps: readonly Lap[]): number | null {
  const counting = laps.filter((lap) => counts(lap) && lap.sectorsMs.length > 1);
  const n = Math.max(0, ...counting.map((lap) => lap.sectorsMs.length));
  let sum = 0;
  for (let sector = 0; sector < n; sector += 1) sum += Math.min(...counting.map((lap) => lap.sectorsMs[sector] ?? Infinity));
  return sum > 0 && Number.isFinite(sum) ? sum : null;
}

function excludedAs(lap: Lap): Grade | null {
  if (lap.out) return 'out';
  if (lap.in) return 'in';
  return lap.valid === false ? 'invalid' : null;
}

function gradeAmong(laps: readonly Lap[], index: number, msOf: (lap: Lap) => number | null, knownBestMs: number): Grade {
  const own = msOf(laps[index] as Lap);
  if (own === null) return 'none';
  const fastest = (some: readonly Lap[]): number =>
    some.reduce((best, lap) => (counts(lap) ? Math.min(best, msOf(lap) ?? Infinity) : best), Infinity);
  const best = fastest(laps);
  // The game's best is not one of these laps: it came before them.
  const unseen = knownBestMs < best ? knownBestMs : Infinity;
  if (own <= Math.min(best, unseen)) return 'best';
  return own < Math.min(fastest(laps.slice(0, index)), unseen) ? 'better' : 'slower';
}
