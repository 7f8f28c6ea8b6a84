import { expect, it } from 'vitest';

import { Playhead } from './playhead';

/** Blocks of 33 ms over a network that delays each by `delayUs`; the moments shown at 60 frames a second after 5 s. */
function moments(delayUs: (block: number) => number): number[] {
  const playhead = new Playhead();
  const shown: number[] = [];
  let block = 0;
  let newestUs = 0;
  for (let nowUs = 0; nowUs < 8e6; nowUs += 16_667) {
    while ((block + 1) * 33_333 + delayUs(block) <= nowUs) {
      newestUs = (block + 1) * 33_333 - 1000;
      playhead.addBlock((block + 1) * 33_333 + delayUs(block), newestUs);
      block += 1;
    }
    if (nowUs > 5e6) shown.push(playhead.at(nowUs, newestUs));
  }
  return shown;
}

it('moves evenly though blocks come late and unevenly', () => {
  const shown = moments((block) => 20_000 + ((block * 7919) % 15) * 1000);
  const steps = shown.slice(1).map((us, i) => us - (shown[i] as number));
  expect(Math.max(...steps)).toBeLessThan(2 * 16_667);
  expect(Math.min(...steps)).toBeGreaterThan(0.3 * 16_667);
});

it('never shows a moment that has not arrived', () => {
  const playhead = new Playhead();
  playhead.addBlock(1000, 0);
  expect(playhead.at(10_000_000, 0)).toBe(0);
});

it('shows the newest sample before anything is known', () => {
  expect(new Playhead().at(5, 3)).toBe(3);
});
