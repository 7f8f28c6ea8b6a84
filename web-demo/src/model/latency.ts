// How old are the samples when they are drawn? Median and 95th percentile over the last seconds.

import type { Clock } from '../feed';
import { Quantiles } from './quantiles';

/** Frames remembered: about ten seconds of drawing. */
const WINDOW = 600;
/** Fewer frames say nothing. */
const ENOUGH = 20;

/** Measures from the driver's clock to the frame that draws. */
export class LatencyMeter {
  readonly #delaysMs = new Quantiles(WINDOW);

  /** A frame at `nowUs` (page's clock) drew, for the first time, a sample captured at `capturedUs` (driver's clock). */
  add(nowUs: number, capturedUs: number, clock: Clock | null): void {
    if (clock === null) this.#delaysMs.clear();
    else this.#delaysMs.push((nowUs - capturedUs - clock.offsetUs) / 1000);
  }

  /** Forgets everything: another session is drawn from now on. */
  clear(): void {
    this.#delaysMs.clear();
  }

  /** Milliseconds; null until there are enough frames to say. */
  summary(): { medianMs: number; p95Ms: number } | null {
    if (this.#delaysMs.size < ENOUGH) return null;
    const [medianMs, p95Ms] = this.#delaysMs.at(0.5, 0.95) as [number, number];
    return { medianMs, p95Ms };
  }
}
