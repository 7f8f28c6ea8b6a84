// How long does a feed wait before it tries again?

/** Longest wait before an attempt, in ms. */
export const LONGEST_WAIT_MS = 10_000;
const FIRST_WAIT_MS = 250;

/**
 * The wait before attempt number `attempt` (0 for the first retry), in ms: doubled each time up to a limit, and
 * between half of that and all of it, so that many pages do not come back in the same moment.
 * `random` is a number from 0 to 1.
 */
export function waitMs(attempt: number, random: number): number {
  const whole = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(attempt, 16));
  return whole * (0.5 + random / 2);
}
