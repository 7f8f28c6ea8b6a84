// Do keys and buttons do what they say, and can single keys be turned off?

import { assert, eventually, press, state, text } from './page.mjs';

const becomes = (page, wanted) => eventually(5, `the state "${wanted}"`, async () => (await state(page)) === wanted);

/** The button's label stays; that it is pressed says the rest. */
export async function pauseKeepsItsLabel(page) {
  const pause = page.locator('#pause');
  const label = await text(page, '#pause');
  assert((await pause.getAttribute('aria-pressed')) === 'false', 'the button is pressed in a live picture');
  await pause.click();
  await becomes(page, 'paused');
  await eventually(5, 'a pressed button', async () => (await pause.getAttribute('aria-pressed')) === 'true');
  assert((await text(page, '#pause')) === label, 'label and pressed state both changed');
  await pause.click();
  await becomes(page, 'live');
}

/** Off they do nothing, and stay off after a reload; on they work again. */
export async function singleKeysCanBeTurnedOff(page) {
  const box = page.getByRole('checkbox', { name: /Single-key shortcuts/ });
  const openMenu = () => page.getByRole('button', { name: 'Keys' }).click();
  await openMenu();
  await box.uncheck();
  await press(page, 'Escape');
  await press(page, 'Space');
  await page.waitForTimeout(300);
  assert((await state(page)) === 'live', 'Space paused although single-key shortcuts are off');
  await page.reload();
  await eventually(20, 'the state "live"', async () => (await state(page)) === 'live');
  await press(page, 'Space');
  await page.waitForTimeout(300);
  assert((await state(page)) === 'live', 'single keys are on again after a reload');
  await openMenu();
  await box.check();
  await press(page, 'Escape');
  await press(page, 'Space');
  await becomes(page, 'paused');
  await press(page, 'l');
  await becomes(page, 'live');
}
