import { expect, it } from 'vitest';

import { fitted, isInside } from './map';

/** Twice the area between two directions on the screen: positive where the second lies to the right of the first. */
function turn(width: number, height: number, spanX: number, spanZ: number): number {
  const place = fitted({ x: [], z: [], ticks: [], minX: 0, maxX: spanX, minZ: 0, maxZ: spanZ }, width, height);
  const [ox, oy] = place(0, 0);
  const [ax, ay] = place(1, 0);
  const [bx, by] = place(0, 1);
  return (ax - ox) * (by - oy) - (ay - oy) * (bx - ox);
}

it('shows the world from above, not mirrored, whichever way it fits', () => {
  // From x towards z is to the right in the games' world, and on a screen, whose y points down.
  expect(turn(300, 300, 100, 100)).toBeGreaterThan(0);
  expect(turn(300, 100, 100, 300)).toBeGreaterThan(0);
});

it('knows when the car is about to leave the picture', () => {
  for (const at of [[7, 7], [293, 193], [150, 100]] as const) expect(isInside(at, 300, 200)).toBe(true);
  for (const at of [[6, 100], [294, 100], [150, 6], [150, 194], [-50, 100]] as const) expect(isInside(at, 300, 200)).toBe(false);
});
