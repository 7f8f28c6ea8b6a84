// What holds for a whole session? Game, car, track, driver, and how the driver's clock stands to the broker's.

import type { Note } from './note.js';

/** What a source knows about a session apart from its samples. Facts that it does not know are missing. */
export interface Facts {
  /** Name of the game: `Assetto Corsa`. */
  readonly game?: string;
  /** Name of the car. */
  readonly car?: string;
  /** Name of the track, with its layout. */
  readonly track?: string;
  /** Length of one lap, in m. */
  readonly trackLengthM?: number;
  /** What to call the driver. */
  readonly driver?: string;
  /** Name of the fitted tyre compound. */
  readonly tyreCompound?: string;
  /** Version of the collector that sends this. */
  readonly collectorVersion?: string;
  /** What to add to the driver's clock to get the broker's, in µs, and how far that may be off. */
  readonly clock?: { readonly offsetUs: number; readonly uncertaintyUs: number };
  /** How many samples a second the source intends to give, in Hz. */
  readonly nominalRateHz?: number;
  /** Facts that have no name here, by number. */
  readonly more: ReadonlyMap<number, string>;
}

/** Reads what `describe::facts` wrote. */
export function readFacts(note: Note): Facts {
  const game = note.optionalText();
  const car = note.optionalText();
  const track = note.optionalText();
  const trackLengthM = note.optionalNumber();
  const driver = note.optionalText();
  const tyreCompound = note.optionalText();
  const collectorVersion = note.optionalText();
  const offsetUs = note.optionalNumber();
  const uncertaintyUs = note.optionalNumber();
  const nominalRateHz = note.optionalNumber();
  const more = new Map(note.list((): [number, string] => [note.number(), note.text()]));
  return {
    ...(game !== undefined && { game }),
    ...(car !== undefined && { car }),
    ...(track !== undefined && { track }),
    ...(trackLengthM !== undefined && { trackLengthM }),
    ...(driver !== undefined && { driver }),
    ...(tyreCompound !== undefined && { tyreCompound }),
    ...(collectorVersion !== undefined && { collectorVersion }),
    ...(offsetUs !== undefined && uncertaintyUs !== undefined && { clock: { offsetUs, uncertaintyUs } }),
    ...(nominalRateHz !== undefined && { nominalRateHz }),
    more,
  };
}
