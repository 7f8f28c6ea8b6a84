// How old are the samples when they are drawn? Median and 95th percentile over the last seconds.

import type { Clock } from '../feed';

/** Frames remembered: about ten seconds of drawing. */
const WINDOW = 600;

export class LatencyMeter {
  private readonly delaysMs = new Float64Array(WINDOW);
  private n = 0;

  /** A frame at `nowUs` (page's clock) drew, for the first time, a sample captured at `capturedUs` (driver's clock). */
  drawn(nowUs: number, capturedUs: number, clock: Clock | null): void {
    if (clock === null) {
      this.n = 0;
      return;
    }
    this.delaysMs[this.n % WINDOW] = (nowUs - capturedUs - clock.offsetUs) / 1000;
    this.n += 1;
  }

  /** Milliseconds; null until there are enough frames to say. */
  summary(): { medianMs: number; p95Ms: number } | null {
    if (this.n < 20) return null;
    const sorted = this.delaysMs.slice(0, Math.min(this.n, WINDOW)).sort();
    const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] as number;
    return { medianMs: at(0.5), p95Ms: at(0.95) };
  }
}
