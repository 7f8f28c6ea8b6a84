// How long after it was opened do a page's traces move? Opens each link, the first one in a browser that never opened a
// page before, and ends the one before it first, as a driver who tries the links of the demo one by one.
//
//   DASHBOARD_URLS="http://127.0.0.1:8080/#token=… http://…" WITHIN_SECONDS=2 node tests/browser/first.mjs
//
// One line per link on standard output; exit code 0 if all moved in time, 1 if one did not, 2 if a setting is missing.

import { launch, open, picture } from './page.mjs';

const links = (process.env.DASHBOARD_URLS ?? '').split(' ').filter(Boolean);
const within = Number(process.env.WITHIN_SECONDS ?? 2);
if (links.length === 0) {
  console.error('first.mjs: DASHBOARD_URLS is missing; it is links as `cargo xtask demo` prints, with spaces between them');
  process.exit(2);
}

const browser = await launch();
let inTime = true;
for (const [i, link] of links.entries()) {
  const opened = performance.now();
  const page = await open(browser, link);
  const seconds = ((await traceMoves(page, opened)) - opened) / 1000;
  const ok = seconds <= within;
  console.log(`${ok ? 'ok' : 'not ok'} - the traces of page ${i + 1} moved ${seconds.toFixed(2)} s after it was opened`);
  inTime &&= ok;
  await page.context().close();
}
await browser.close();
process.exit(inTime ? 0 : 1);

/** When the traces were painted and had changed since; later than ten times the limit is given up. */
async function traceMoves(page, opened) {
  let first;
  while (performance.now() - opened < within * 10_000) {
    const seen = await picture(page, '#plot canvas:nth-of-type(2)').catch(() => undefined);
    if (seen?.painted > 0) {
      first ??= seen.hash;
      if (seen.hash !== first) return performance.now();
    }
    await page.waitForTimeout(20);
  }
  return Infinity;
}
