// What is a lap? What a sample and an event say of it, and what is kept.

/** What one sample says about laps; NaN where the source does not say. */
export interface LapSample {
  /** Row in the history. */
  row: number;
  timeUs: number;
  lapsCompleted: number;
  lapFraction: number;
  currentLapMs: number;
  lastLapMs: number;
  sector: number;
  lastSectorMs: number;
  lapValid: number;
  /** 1 in the pit lane or box, else 0. */
  inPit: number;
}

/** A finished lap as an event reports it. */
export interface LapEvent {
  number: number;
  timeMs: number | null;
  sectorsMs: (number | null)[];
  valid: boolean | null;
  /** The car went into or came out of the pits. */
  pit: boolean;
}

/** A lap, driven or known from an event. */
export interface Lap {
  /** As drivers count: the first lap is 1. */
  number: number;
  timeMs: number | null;
  sectorsMs: (number | null)[];
  /** False when the game or an event says so; null when neither does. */
  valid: boolean | null;
  /** Began in the pit. */
  out: boolean;
  /** Ended in the pit. */
  in: boolean;
  /** Rows `firstRow` up to `endRow` of the history; empty for laps known from an event only. */
  firstRow: number;
  endRow: number;
  /** Every sample from line to line was seen, without a hole. */
  whole: boolean;
  /** The time will not change any more. */
  settled: boolean;
}

/** Where a sector begins: seen at this row. */
export interface SectorMark {
  index: number;
  fraction: number;
  row: number;
}

/** Whether a lap's time may be compared: timed, not invalid, neither from nor to the pit. */
export function counts(lap: Lap): boolean {
  return lap.timeMs !== null && lap.valid !== false && !lap.in && !lap.out;
}

/** A lap that begins at row `row`. */
export function emptyLap(number: number, row: number): Lap {
  return {
    number, timeMs: null, sectorsMs: [], valid: null, out: false, in: false,
    firstRow: row, endRow: row, whole: true, settled: false,
  };
}
