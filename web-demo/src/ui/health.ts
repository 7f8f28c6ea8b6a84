// Is the picture true? State, real rate, age of what is seen, and what was lost on the way.

import type { Clock, FeedCounts } from '../feed';
import { number } from '../model/format';
import type { LatencyMeter } from '../model/latency';
import type { Session } from '../model/session';
import type { Shown } from '../model/state';
import { byId, setData, Text } from './dom';

/** Samples of the last seconds count for the rate. */
const RATE_WINDOW_US = 3_000_000;

/** The strip at the bottom, and the pill with the state. */
export class Health {
  readonly #app = byId('app');
  readonly #pill = Text.of('pill-text');
  readonly #state = Text.of('health-state');
  readonly #rate = Text.of('health-rate');
  readonly #latency = Text.of('health-latency');
  readonly #gaps = Text.of('health-gaps');
  readonly #repeats = Text.of('health-repeats');
  readonly #reconnects = Text.of('health-reconnects');
  readonly #frame = Text.of('health-frame');

  constructor() {
    byId('health-latency').title =
      'Median and 95th percentile from the driver’s clock reading to the frame that draws the sample, and how far the clocks may disagree';
  }

  refresh(now: Shown, session: Session | null, counts: FeedCounts, latency: LatencyMeter, clock: Clock | null, frameMs: number): void {
    setData(this.#app, 'state', now.state);
    this.#pill.set(now.state === 'stale' ? `${now.label} ${now.detail}` : now.label);
    this.#state.set(now.detail === '' ? now.state : `${now.state}, ${now.detail}`);
    const hz = now.state === 'live' || now.state === 'paused' || now.state === 'replay' ? (session?.history.rateHz(RATE_WINDOW_US) ?? NaN) : NaN;
    this.#rate.set(Number.isNaN(hz) ? '–' : `${number(hz, hz < 20 ? 1 : 0)} Hz`);
    this.#latency.set(latencyText(latency, clock));
    this.#gaps.set(String(counts.gaps));
    this.#repeats.set(String(counts.repeats));
    this.#reconnects.set(String(counts.reconnects));
    this.#frame.set(Number.isNaN(frameMs) ? '–' : `${frameMs.toFixed(1)} ms`);
  }
}

function latencyText(latency: LatencyMeter, clock: Clock | null): string {
  if (clock === null) return 'unknown';
  const summary = latency.summary();
  if (summary === null) return '–';
  return `${number(summary.medianMs)} / ${number(summary.p95Ms)} ms ±${number(clock.uncertaintyUs / 1000, 1)}`;
}
