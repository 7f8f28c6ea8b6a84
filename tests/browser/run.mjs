// Does a real browser see the dashboard live? Opens the links it is given and looks at what a person would.
//
//   DASHBOARD_URL=http://127.0.0.1:8080/#token=… node tests/browser/run.mjs
//
// README.md has the other settings. One line per check on standard output; exit code 0 if all hold, 1 if one does not,
// 2 if a setting is missing.

import { createInterface } from 'node:readline';
import { pauseKeepsItsLabel, singleKeysCanBeTurnedOff } from './keys.mjs';
import { allowedBridgeGoesLive, bridgeAloneIsIgnored, otherBridgeIsAskedFor } from './links.mjs';
import { pauseIsOneMoment, sessionsKeepApart } from './moments.mjs';
import { assert, eventually, launch, open, picture, press, screenshot, state, text } from './page.mjs';
import { filesComeSmallAndLast, nothingInlineRuns } from './served.mjs';

const env = process.env;
if (!env.DASHBOARD_URL) {
  console.error('run.mjs: DASHBOARD_URL is missing; it is a link as `cargo xtask demo` prints');
  process.exit(2);
}
const lapSeconds = Number(env.LAP_SECONDS ?? 0);

const browser = await launch();
let failed = false;
try {
  const page = await open(browser, env.DASHBOARD_URL);
  await check('the page goes live', () => eventually(20, 'the state "live"', async () => (await state(page)) === 'live'));
  await check('files come compressed and last', () => filesComeSmallAndLast(page));
  await check('the token is in no address', () => tokenIsInNoAddress(page));
  await check('numbers move', () => numbersMove(page));
  await check('pictures move', () => picturesMove(page));
  if (env.EXPECT_DRIVER) await check('it is the right driver', () => driverIs(page, env.EXPECT_DRIVER));
  if (lapSeconds > 0) await check('laps appear', () => lapsAppear(page));
  await check('a desktop fits without scrolling', () => desktopFits(page));
  await check('a pause holds the picture and ends', () => pauseHolds(page));
  await check('the pause button keeps its label', () => pauseKeepsItsLabel(page));
  await check('single keys can be turned off', () => singleKeysCanBeTurnedOff(page));
  await check('nothing was reported as an error', () => assert(page.complaints.length === 0, page.complaints.join('; ')));
  await check('nothing inline runs', () => nothingInlineRuns(page));
  await check('a bridge in a link without a token is ignored', () => bridgeAloneIsIgnored(browser, env.DASHBOARD_URL));
  await check('another bridge is asked for by name', () => otherBridgeIsAskedFor(browser, env.DASHBOARD_URL));
  if (env.ALLOWED_BRIDGE) await check('a bridge that is allowed goes live', () => allowedBridgeGoesLive(browser, env.DASHBOARD_URL, env.ALLOWED_BRIDGE));
  await check('a phone fits in width', () => phoneFits(env.DASHBOARD_URL));
  if (env.DASHBOARD_URL_OTHER) await check('another user sees the own driver only', () => otherUser(page));
  if (env.DASHBOARD_URL_LAPS) await laps(env.DASHBOARD_URL_LAPS, Number(env.LAPS_SECONDS ?? 12));
  if (env.DASHBOARD_URL_REFUSED) await check('a wrong token is refused and the page says why', refused);
  if (env.RESTART === 'stdin') await check('it comes back after the bridge restarted', () => comesBack(page));
  console.log(`info - script per frame ${await text(page, '#health-frame')}, sample to pixel ${await text(page, '#health-latency')}, source ${await text(page, '#health-rate')}, gaps ${await text(page, '#health-gaps')}`);
} catch (error) {
  failed = true;
  console.log(`not ok - ${error.message}`);
}
await browser.close();
process.exit(failed ? 1 : 0);

async function check(name, action) {
  try {
    await action();
  } catch (error) {
    throw new Error(`${name}: ${error.message}`, { cause: error });
  }
  console.log(`ok - ${name}`);
}

/** A user whose laps are short. */
async function laps(url, lapSeconds) {
  const page = await open(browser, url);
  await eventually(20, 'the state "live"', async () => (await state(page)) === 'live');
  await check('a paused picture is of one moment', () => pauseIsOneMoment(page, lapSeconds));
  await check('a session keeps nothing of another', () => sessionsKeepApart(page, () => console.log('start another session')));
  assert(page.complaints.length === 0, page.complaints.join('; '));
  await page.context().close();
}

function tokenIsInNoAddress(page) {
  const token = new URLSearchParams(new URL(env.DASHBOARD_URL).hash.slice(1)).get('token');
  if (token === null) return;
  const tell = page.addresses.find((address) => address.includes(token));
  assert(tell === undefined, `the token was sent in ${tell}`);
  assert(!page.url().includes(token), 'the token is still in the address bar');
}

async function numbersMove(page) {
  const seen = new Set();
  await eventually(15, 'three different speeds', async () => {
    const speed = await text(page, '#speed');
    if (/^\d+$/.test(speed)) seen.add(speed);
    return seen.size >= 3;
  });
}

async function picturesMove(page) {
  for (const [name, selector] of [['traces', '#plot canvas:nth-of-type(2)'], ['map', '#map canvas:nth-of-type(2)'], ['pedals', '#pedals canvas']]) {
    const before = await picture(page, selector);
    assert(before.painted > 0 || name !== 'traces', `the ${name} are empty`);
    await eventually(15, `another picture of the ${name}`, async () => (await picture(page, selector)).hash !== before.hash);
  }
}

async function driverIs(page, driver) {
  await eventually(15, `the driver ${driver}`, async () => (await text(page, '#driver')) === driver);
}

async function lapsAppear(page) {
  await eventually(lapSeconds, 'a finished lap with its time', async () => {
    const times = await page.locator('#laps-body tr:not(.lap-now) td:last-child > span:first-child').allTextContents();
    return times.some((time) => /\d\.\d{3}$/.test(time));
  });
  const glyphs = await page.locator('#laps-body tr:not(.lap-now) td:last-child .glyph').allTextContents();
  assert(glyphs.some((glyph) => glyph !== ''), 'no lap has a glyph');
}

async function desktopFits(page) {
  await page.screenshot({ path: screenshot('desktop-1440') });
  const over = await page.evaluate(() => document.documentElement.scrollHeight - innerHeight);
  assert(over <= 0, `the page is ${over} px too high`);
}

async function pauseHolds(page) {
  await press(page, 'Space');
  await eventually(5, 'the state "paused"', async () => (await state(page)) === 'paused');
  const before = await picture(page, '#plot canvas:nth-of-type(2)');
  const speed = await text(page, '#speed');
  await page.waitForTimeout(1000);
  assert((await picture(page, '#plot canvas:nth-of-type(2)')).hash === before.hash, 'the traces went on');
  assert((await text(page, '#speed')) === speed, 'the speed went on');
  await press(page, 'l');
  await eventually(5, 'the state "live"', async () => (await state(page)) === 'live');
}

async function phoneFits(url) {
  const page = await open(browser, url, { width: 390, height: 844 });
  await eventually(20, 'the state "live"', async () => (await state(page)) === 'live');
  await page.waitForTimeout(1000);
  await page.screenshot({ path: screenshot('phone-390'), fullPage: true });
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert(width <= 390, `the page is ${width} px wide`);
  await page.context().close();
}

async function otherUser(page) {
  const other = await open(browser, env.DASHBOARD_URL_OTHER);
  await eventually(20, 'the state "live"', async () => (await state(other)) === 'live');
  await other.waitForTimeout(1000);
  const sessions = await Promise.all([page, other].map((each) => each.locator('#sessions-list input').evaluateAll((inputs) => inputs.map((input) => input.value))));
  assert(sessions[0].length > 0 && sessions[1].length > 0, 'a page shows no session');
  const shared = sessions[0].find((session) => sessions[1].includes(session));
  assert(shared === undefined, `both users see session ${shared}`);
  if (env.EXPECT_DRIVER_OTHER) await driverIs(other, env.EXPECT_DRIVER_OTHER);
  await other.screenshot({ path: screenshot('other-user') });
  await other.context().close();
}

async function refused() {
  const page = await open(browser, env.DASHBOARD_URL_REFUSED);
  await eventually(20, 'the state "refused"', async () => (await state(page)) === 'refused');
  assert(await page.locator('#notice').isVisible(), 'there is no notice');
  assert((await text(page, '#notice-text')).length > 10, 'the notice gives no reason');
  assert((await page.locator('#sessions-list input').count()) === 0, 'a session is shown');
  await page.screenshot({ path: screenshot('refused') });
  await page.context().close();
}

async function comesBack(page) {
  const before = Number(await text(page, '#health-reconnects'));
  const lines = createInterface({ input: process.stdin });
  console.log('restart the bridge');
  await new Promise((done, fail) => {
    lines.once('line', done);
    lines.once('close', () => fail(new Error('standard input ended before the bridge was restarted')));
  });
  lines.close();
  await eventually(60, 'the state "live" after another connection', async () =>
    (await state(page)) === 'live' && Number(await text(page, '#health-reconnects')) > before);
  await numbersMove(page);
}
