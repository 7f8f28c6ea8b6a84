// What happened at one moment of a session? Laps, marks, lost samples, and where the other cars are.

import type { Note } from './note.js';
import * as shared from './shared.js';

/** One finished lap. */
export interface LapSummary {
  /** Which lap of the session, from 1. */
  readonly number: number;
  /** Lap time, in ms. */
  readonly timeMs: number;
  /** Sector times in order, in ms; empty where the source gives none. */
  readonly sectorMs: readonly number[];
  /** Whether the game counts it. */
  readonly valid: boolean;
  /** Whether the car went into or came out of the pits on it. */
  readonly pit: boolean;
  /** Fuel used, in litres. */
  readonly fuelUsedL?: number;
  /** Highest speed, in m/s. */
  readonly topSpeedMps?: number;
}

/** One other car at one moment. */
export interface OtherCar {
  /** The game's number for the car; stays the same through a session. */
  readonly carIndex: number;
  /** Place in the race, from 1. */
  readonly place?: number;
  /** Laps completed. */
  readonly laps: number;
  /** Way around the lap, 0 to 1. */
  readonly lapFraction: number;
  /** Speed, in m/s. */
  readonly speedMps?: number;
}

/**
 * Something that happened at `atUs`, in Unix µs on the driver's clock. The log may repeat an event.
 * Handle the types you know and ignore the rest: newer packages may have more.
 */
export type TelemetryEvent =
  | { readonly type: 'lapFinished'; readonly atUs: number; readonly lap: LapSummary }
  | { readonly type: 'mark'; readonly atUs: number; readonly label: string }
  /** The game made `nSteps` steps that the collector did not see. */
  | { readonly type: 'stepsMissed'; readonly atUs: number; readonly nSteps: number }
  /** `nSamples` samples, captured between `fromUs` and `toUs`, were dropped before they reached Kafka. */
  | {
      readonly type: 'gap';
      readonly atUs: number;
      readonly fromUs: number;
      readonly toUs: number;
      readonly nSamples: number;
    }
  | { readonly type: 'otherCars'; readonly atUs: number; readonly cars: readonly OtherCar[] }
  /** An event that this package cannot describe. */
  | { readonly type: 'other'; readonly atUs: number };

/** Reads what `describe::event` wrote. */
export function readEvent(note: Note): TelemetryEvent {
  const number = note.number();
  const atUs = note.number();
  switch (number) {
    case shared.EVENT_LAP_FINISHED:
      return { type: 'lapFinished', atUs, lap: readLap(note) };
    case shared.EVENT_MARK:
      return { type: 'mark', atUs, label: note.text() };
    case shared.EVENT_STEPS_MISSED:
      return { type: 'stepsMissed', atUs, nSteps: note.number() };
    case shared.EVENT_GAP:
      return { type: 'gap', atUs, fromUs: note.number(), toUs: note.number(), nSamples: note.number() };
    case shared.EVENT_OTHER_CARS:
      return { type: 'otherCars', atUs, cars: note.list(readCar) };
    default:
      return { type: 'other', atUs };
  }
}

function readLap(note: Note): LapSummary {
  const number = note.number();
  const timeMs = note.number();
  const sectorMs = note.list(() => note.number());
  const valid = note.boolean();
  const pit = note.boolean();
  const fuelUsedL = note.optionalNumber();
  const topSpeedMps = note.optionalNumber();
  return {
    number,
    timeMs,
    sectorMs,
    valid,
    pit,
    ...(fuelUsedL !== undefined && { fuelUsedL }),
    ...(topSpeedMps !== undefined && { topSpeedMps }),
  };
}

function readCar(note: Note): OtherCar {
  const carIndex = note.number();
  const place = note.optionalNumber();
  const laps = note.number();
  const lapFraction = note.number();
  const speedMps = note.optionalNumber();
  return {
    carIndex,
    laps,
    lapFraction,
    ...(place !== undefined && { place }),
    ...(speedMps !== undefined && { speedMps }),
  };
}
