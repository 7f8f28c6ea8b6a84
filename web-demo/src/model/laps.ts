// Which laps were driven? From lap events and from the channels alone, in whatever order they come.
//
// A lap ends when the lap counter changes, or, where there is none, when the lap fraction falls from the end of the
// lap to its start, or the lap clock starts again. Its time is the event's, else the game's "last lap" once that
// changes, else the time measured here.

import { counts, emptyLap, type Lap, type LapEvent, type LapSample, type SectorMark } from './lap';

/** Laps kept; far more than the hour of history holds. */
const MAX_LAPS = 200;
/** How long the game may take to publish the time of the lap that ended. */
const LAST_LAP_DELAY_US = 2_000_000;
/** No track has shorter laps. */
const SHORTEST_US = 5_000_000;
/** A longer pause between samples makes a hole in the lap. */
const HOLE_US = 1_000_000;

/** The laps of one session. */
export class LapTracker {
  /** Finished laps, oldest first. */
  readonly laps: Lap[] = [];
  /** Where sectors begin, in the order of their index; another array with every change. */
  sectorMarks: readonly SectorMark[] = [];
  /** Grows with every change to {@link laps}, so that a table knows when to draw itself again. */
  version = 0;
  /** The lap being driven. */
  current: Lap | null = null;
  #last: LapSample | null = null;
  /** When the current lap began, on the driver's clock; NaN where that was not seen. */
  startUs = NaN;
  /**
   * How many lines the fraction is ahead of the lap counter. They agree at 0; near the line the counter may be
   * some samples late (1) or early (-1), and a car may roll back over it (-1).
   */
  linesAhead = 0;
  #sectorsDoneMs = 0;
  /** Where the car was at the first sample of the current lap. */
  #firstFraction = NaN;
  /** Finished, and waiting for the game to publish its time. */
  #pending: { lap: Lap; untilUs: number; lastLapMs: number } | null = null;

  /** Takes the next sample; returns the lap that ended with it. */
  push(sample: LapSample): Lap | null {
    const last = this.#last;
    this.#last = { ...sample };
    this.#settle(sample);
    if (last === null || this.current === null) {
      this.#begin(sample, sample.lapFraction >= 0 && sample.lapFraction < 0.005, sample.timeUs);
      return null;
    }
    if (sample.lapsCompleted < last.lapsCompleted) {
      this.#startAgain(sample);
      return null;
    }
    const hole = sample.timeUs - last.timeUs > HOLE_US;
    if (hole) this.current.whole = false;
    if (endsLap(last, sample)) return this.#finish(last, sample);
    if (this.#startsAtTheLine(last, sample)) {
      this.#begin(sample, sample.timeUs - last.timeUs <= HOLE_US, crossing(last, sample));
      return null;
    }
    this.current.endRow = sample.row + 1;
    this.linesAhead = hole ? 0 : this.linesAhead + lineCrossed(last, sample);
    this.#watch(last, sample);
    return null;
  }

  /** Takes a lap event. It wins over what the channels say. */
  takeEvent(event: LapEvent): void {
    let lap = this.laps.find((known) => known.number === event.number);
    if (lap === undefined) {
      lap = emptyLap(event.number, 0);
      lap.whole = false;
      this.#insert(lap);
    }
    if (event.timeMs !== null) lap.timeMs = event.timeMs;
    if (event.sectorsMs.some((ms) => ms !== null)) lap.sectorsMs = [...event.sectorsMs];
    if (event.valid !== null) lap.valid = event.valid;
    // Which of the two it was, only the samples tell.
    if (event.pit && !lap.in && !lap.out) lap.in = true;
    lap.settled = true;
    if (this.#pending?.lap === lap) this.#pending = null;
    this.version += 1;
  }

  /** The fastest lap that counts; with `whole`, the fastest that was seen from line to line. */
  best(whole = false): Lap | null {
    let best: Lap | null = null;
    for (const lap of this.laps) {
      if (!counts(lap) || (whole && !lap.whole)) continue;
      if (best === null || (lap.timeMs as number) < (best.timeMs as number)) best = lap;
    }
    return best;
  }

  /** A lap that began before the line, on the grid or out of the pit, is counted from the line on. */
  #startsAtTheLine(last: LapSample, sample: LapSample): boolean {
    return this.#firstFraction > 0.5 && last.lapFraction > 0.9 && sample.lapFraction < 0.1;
  }

  /** The counter went back: the game began another session. */
  #startAgain(sample: LapSample): void {
    this.laps.length = 0;
    this.#pending = null;
    this.version += 1;
    this.#begin(sample, false, sample.timeUs);
  }

  #begin(sample: LapSample, fromTheLine: boolean, startUs: number): void {
    const number = sample.lapsCompleted >= 0 ? sample.lapsCompleted + 1 : (this.laps.at(-1)?.number ?? 0) + 1;
    this.current = emptyLap(number, sample.row);
    this.current.endRow = sample.row + 1;
    this.current.whole = fromTheLine;
    this.current.out = sample.inPit === 1;
    this.current.valid = sample.lapValid >= 0 ? sample.lapValid !== 0 : null;
    this.startUs = fromTheLine ? startUs : NaN;
    this.#sectorsDoneMs = 0;
    this.#firstFraction = sample.lapFraction;
    this.linesAhead = isBeforeItsLine(sample) ? -1 : 0;
  }

  #finish(last: LapSample, sample: LapSample): Lap {
    const lap = this.current as Lap;
    const lineUs = crossing(last, sample);
    lap.endRow = sample.row;
    lap.in = last.inPit === 1;
    // Counter and fraction may disagree by a few samples at the line; that is not a lap.
    if (lineUs - this.startUs < SHORTEST_US) lap.whole = false;
    const measuredMs = lap.whole ? (lineUs - this.startUs) / 1000 : NaN;
    const published = sample.lastLapMs > 0 && sample.lastLapMs !== last.lastLapMs;
    if (published) lap.timeMs = sample.lastLapMs;
    else if (measuredMs > 0) lap.timeMs = Math.round(measuredMs);
    lap.settled = published;
    this.#timeLastSector(lap, last, sample);
    const known = this.laps.find((other) => other.number === lap.number);
    const kept = known === undefined ? lap : mergeRows(known, lap);
    if (known === undefined) this.#insert(lap);
    if (!kept.settled) this.#pending = { lap: kept, untilUs: sample.timeUs + LAST_LAP_DELAY_US, lastLapMs: sample.lastLapMs };
    this.version += 1;
    this.#begin(sample, sample.timeUs - last.timeUs <= HOLE_US, lineUs);
    return kept;
  }

  /** Sector changes, validity and the pit, while a lap goes on. */
  #watch(last: LapSample, sample: LapSample): void {
    const lap = this.current as Lap;
    if (sample.lapValid === 0) lap.valid = false;
    if (!(sample.sector > last.sector)) return;
    if (sample.lapFraction >= 0) {
      const mark = { index: sample.sector, fraction: sample.lapFraction, row: sample.row };
      const others = this.sectorMarks.filter(({ index }) => index !== mark.index);
      this.sectorMarks = [...others, mark].sort((a, b) => a.index - b.index);
    }
    if (!lap.whole) return;
    const published = sample.lastSectorMs > 0 && sample.lastSectorMs !== last.lastSectorMs;
    const ms = published ? sample.lastSectorMs : sample.currentLapMs - this.#sectorsDoneMs;
    lap.sectorsMs[last.sector] = ms > 0 ? ms : null;
    this.#sectorsDoneMs += ms > 0 ? ms : NaN;
    this.version += 1;
  }

  /** Times the last sector of a lap: the rest of its lap time. */
  #timeLastSector(lap: Lap, last: LapSample, sample: LapSample): void {
    if (!(last.sector > 0) || lap.sectorsMs.length !== last.sector) return;
    const published = sample.lastSectorMs > 0 && sample.lastSectorMs !== last.lastSectorMs;
    const left = lap.timeMs === null ? NaN : lap.timeMs - this.#sectorsDoneMs;
    const ms = published ? sample.lastSectorMs : left;
    lap.sectorsMs.push(ms > 0 ? Math.round(ms) : null);
  }

  #settle(sample: LapSample): void {
    const pending = this.#pending;
    if (pending === null) return;
    if (sample.lastLapMs > 0 && sample.lastLapMs !== pending.lastLapMs) pending.lap.timeMs = sample.lastLapMs;
    else if (sample.timeUs < pending.untilUs) return;
    pending.lap.settled = true;
    this.#pending = null;
    this.version += 1;
  }

  #insert(lap: Lap): void {
    this.laps.push(lap);
    this.laps.sort((a, b) => a.number - b.number);
    if (this.laps.length > MAX_LAPS) this.laps.shift();
  }
}

function mergeRows(known: Lap, seen: Lap): Lap {
  known.firstRow = seen.firstRow;
  known.endRow = seen.endRow;
  known.whole = seen.whole;
  if (seen.in || seen.out) Object.assign(known, { in: seen.in, out: seen.out });
  if (known.timeMs === null) known.timeMs = seen.timeMs;
  if (!known.sectorsMs.some((ms) => ms !== null)) known.sectorsMs = seen.sectorsMs;
  if (known.valid === null) known.valid = seen.valid;
  return known;
}

function endsLap(last: LapSample, sample: LapSample): boolean {
  if (last.lapsCompleted >= 0 && sample.lapsCompleted >= 0) return sample.lapsCompleted !== last.lapsCompleted;
  if (last.lapFraction >= 0 && sample.lapFraction >= 0) return last.lapFraction > 0.9 && sample.lapFraction < 0.1;
  return sample.currentLapMs < last.currentLapMs - 1000;
}

/** 1 where the fraction went over the line between two samples, -1 where it went back over it, else 0. */
function lineCrossed(last: LapSample, sample: LapSample): number {
  if (last.lapFraction > 0.9 && sample.lapFraction < 0.1) return 1;
  return last.lapFraction < 0.1 && sample.lapFraction > 0.9 ? -1 : 0;
}

/** Whether a lap begins with this sample whose fraction still belongs to the lap before. */
function isBeforeItsLine(sample: LapSample): boolean {
  return sample.lapFraction > 0.9 && !(sample.currentLapMs * 1000 > SHORTEST_US);
}

/** When the car crossed the line between two samples. */
function crossing(last: LapSample, sample: LapSample): number {
  const before = 1 - last.lapFraction;
  const after = sample.lapFraction;
  if (before >= 0 && after >= 0 && before < 0.1 && after < 0.1 && before + after > 0) {
    return last.timeUs + ((sample.timeUs - last.timeUs) * before) / (before + after);
  }
  if (sample.currentLapMs >= 0) return Math.max(last.timeUs, sample.timeUs - sample.currentLapMs * 1000);
  return sample.timeUs;
}
