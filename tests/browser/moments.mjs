// Is a picture of one session and one moment? A pause across the end of laps, and a change of sessions.

import { assert, eventually, press, state, text } from './page.mjs';

/** What the page shows of the car: every canvas, every text, every label. */
function shown(page) {
  return page.evaluate(() => {
    const hashes = [...document.querySelectorAll('.grid canvas')].map((canvas) => {
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      let hash = 0;
      for (let i = 0; i < data.length; i += 1) hash = (hash * 31 + data[i]) | 0;
      return hash;
    });
    const texts = ['.who', '.where', '.figures', '.grid'].map((part) => document.querySelector(part).textContent);
    const labels = [...document.querySelectorAll('.grid [aria-label]')].map((element) => element.ariaLabel);
    return { hashes, texts, labels };
  });
}

/** Makes the page draw everything again, from nothing. */
async function redraw(page) {
  const { width, height } = page.viewportSize();
  await page.setViewportSize({ width: width - 60, height: height - 60 });
  await page.waitForTimeout(300);
  await page.setViewportSize({ width, height });
  await page.waitForTimeout(300);
}

/** The recording goes on for two laps while the page is paused; drawn again, the picture is the same to the pixel. */
export async function pauseIsOneMoment(page, lapSeconds) {
  await eventually(lapSeconds * 5, 'a delta against a reference lap', async () => /\d/.test(await page.locator('#delta').textContent()));
  await press(page, 'Space');
  await eventually(5, 'the state "paused"', async () => (await state(page)) === 'paused');
  const [speed, , , , gear, rpm] = await page.locator('.lane-value').allTextContents();
  const cockpit = await Promise.all(['#speed', '#gear', '#rpm'].map((figure) => text(page, figure)));
  assert(String(cockpit) === String([speed, gear, rpm]), `the cockpit says ${cockpit}, the traces say ${[speed, gear, rpm]}`);
  await redraw(page);
  const before = await shown(page);
  await page.waitForTimeout(lapSeconds * 2000);
  await redraw(page);
  const after = await shown(page);
  for (const part of Object.keys(before)) {
    const changed = before[part].findIndex((value, i) => value !== after[part][i]);
    assert(changed < 0, `${part} went on: ${before[part][changed]} is now ${after[part][changed]}`);
  }
  await press(page, 'l');
  await eventually(5, 'the state "live"', async () => (await state(page)) === 'live');
  await eventually(5, 'another picture', async () => (await shown(page)).texts[3] !== before.texts[3]);
}

/** Share of the plot's width, from left to right in tenths, where the live traces have been drawn. */
function paintedTenths(page) {
  return page.locator('#plot canvas').nth(1).evaluate((canvas) => {
    const { data, width, height } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    const painted = new Array(10).fill(false);
    for (let i = 3; i < width * height * 4; i += 4) {
      if (data[i] > 0) painted[Math.floor((((i - 3) / 4 % width) * 10) / width)] = true;
    }
    return painted;
  });
}

/** A session has just begun beside the one that is shown; `ask` has it started. Chosen, it has traces of its own only. */
export async function sessionsKeepApart(page, ask) {
  await eventually(60, 'traces in the middle of the lap', async () => (await paintedTenths(page)).slice(3, 8).every(Boolean));
  const first = await page.locator('#sessions-list input').first().inputValue();
  await ask();
  const other = page.locator(`#sessions-list input:not([value="${first}"])`);
  await eventually(20, 'a second session', async () => (await other.count()) === 1);
  await page.locator('#sessions-button').click();
  await other.click();
  await eventually(5, 'the state "live"', async () => (await state(page)) === 'live');
  await page.waitForTimeout(300);
  const painted = await paintedTenths(page);
  assert(painted.some(Boolean), 'the session has no traces');
  assert(!painted.slice(3, 8).some(Boolean), `traces of the other session stayed: ${painted}`);
}
