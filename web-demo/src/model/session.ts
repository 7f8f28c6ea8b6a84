// What is known of one session? Its history, its latest values, its laps, its track.

import type { Facts, Samples } from '../feed';
import { FuelMeter } from './fuel';
import { History, valueAt, type Columns } from './history';
import type { Lap, LapEvent } from './lap';
import { LapTracker } from './laps';
import { Playhead } from './playhead';
import { profileOf, type Profile } from './profile';
import { trackLineOf, type TrackLine } from './track';

/** A lamp that was on for one sample stays lit this long, so that a person can see it. */
const LAMP_HOLD_US = 150_000;
/** After a reconnect at most this much is served again. */
const MAX_SERVED_AGAIN_US = 60_000_000;
const LAMPS = ['tcActive', 'absActive', 'pitLimiter'] as const;

/** One session, from its first sample on. */
export class Session {
  readonly history = new History();
  readonly laps = new LapTracker();
  readonly fuel = new FuelMeter();
  readonly playhead = new Playhead();
  /** The newest value of every channel of the stream; NaN where absent. */
  readonly latest = new Map<string, number>();
  facts: Facts = {};
  /** The best lap seen from line to line. */
  reference: Profile | null = null;
  /** The track's shape, from the first clean lap. */
  track: TrackLine | null = null;
  ended = false;
  /** When the last block arrived, on the page's clock. */
  arrivedUs = 0;
  /** Highest engine speed seen; 0 before the first. */
  #highestRpm = 0;
  readonly #lampOnUs = new Map<string, number>();
  #lapsSeen = 0;

  constructor(readonly name: string, public epoch: number) {}

  /** Takes the next samples, which arrived at `nowUs` on the page's clock. */
  push(samples: Samples, nowUs: number): void {
    const { columns, channels, capturedAtUs, length } = samples;
    const behindUs = this.newestUs - (capturedAtUs[length - 1] as number);
    // Served again after a reconnect. (A driver's clock that was set back by more begins again.)
    if (behindUs >= 0 && behindUs < MAX_SERVED_AGAIN_US) return;
    const firstRow = this.history.end;
    const known = this.history.append(capturedAtUs, length, columns);
    for (let i = known; i < length; i += 1) this.#pushLap(columns, i, firstRow + i - known, capturedAtUs[i] as number);
    for (const channel of channels) this.latest.set(channel, valueAt(columns.get(channel), length - 1));
    this.#holdLamps(columns, capturedAtUs, length);
    for (let row = firstRow; row < this.history.end; row += 1) {
      // The comparison leaves out NaN.
      const rpm = this.history.at('engineRpm', row);
      if (rpm > this.#highestRpm) this.#highestRpm = rpm;
    }
    this.playhead.addBlock(nowUs, capturedAtUs[length - 1] as number);
    this.arrivedUs = nowUs;
    this.ended = false;
    if (this.laps.version !== this.#lapsSeen) this.#refreshReference();
  }

  takeLapEvent(event: LapEvent): void {
    this.laps.takeEvent(event);
    this.#refreshReference();
  }

  /** The newest sample's time on the driver's clock; NaN before the first. */
  get newestUs(): number {
    return this.history.timeUs(this.history.end - 1);
  }

  /** The engine's highest speed: the game's limit, else the highest seen; 0 before the first. */
  get maxRpm(): number {
    return this.latest.get('engineMaxRpm') || this.#highestRpm;
  }

  #pushLap(columns: Columns, i: number, row: number, timeUs: number): void {
    const at = (channel: string): number => valueAt(columns.get(channel), i);
    const finished = this.laps.push({
      row,
      timeUs,
      lapsCompleted: at('lapsCompleted'),
      lapFraction: at('lapFraction'),
      currentLapMs: at('currentLapMs'),
      lastLapMs: at('lastLapMs'),
      sector: at('sector'),
      lastSectorMs: at('lastSectorMs'),
      lapValid: at('lapValid'),
      inPit: at('inPitLane') === 1 || at('inPitBox') === 1 ? 1 : 0,
    });
    if (finished === null) return;
    this.fuel.endLap(at('fuelL'), finished.whole);
    if (this.track === null && isClean(finished)) {
      this.track = trackLineOf(this.history, finished, this.laps.sectorMarks);
    }
  }

  #refreshReference(): void {
    this.#lapsSeen = this.laps.version;
    const best = this.laps.best(true);
    if (best === null) {
      if (this.laps.laps.length === 0) this.reference = null;
      return;
    }
    if (this.reference?.lapNumber === best.number && this.reference.timeMs === best.timeMs) return;
    this.reference = profileOf(this.history, best) ?? this.reference;
  }

  #holdLamps(columns: Columns, capturedAtUs: ArrayLike<number>, length: number): void {
    const nowUs = capturedAtUs[length - 1] as number;
    for (const lamp of LAMPS) {
      for (let i = 0; i < length; i += 1) {
        if (valueAt(columns.get(lamp), i) > 0) this.#lampOnUs.set(lamp, capturedAtUs[i] as number);
      }
      if (nowUs - (this.#lampOnUs.get(lamp) ?? -Infinity) < LAMP_HOLD_US) this.latest.set(lamp, 1);
    }
  }
}

/** Seen from line to line, on the track all the way: its line is the track's. */
function isClean(lap: Lap): boolean {
  return lap.whole && !lap.in && !lap.out;
}
