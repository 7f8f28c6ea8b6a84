// Can a link send a token where it should not go? Opens hostile and honest links, with a trap that counts who calls.

import { createServer } from 'node:http';
import { assert, eventually, open, screenshot, state, text } from './page.mjs';

/** A place that nobody should call; `calls` are the addresses that were asked for there. */
async function trap() {
  const calls = [];
  const server = createServer((request, answer) => {
    calls.push(request.url);
    answer.end();
  });
  server.on('upgrade', (request, socket) => {
    calls.push(`${request.url} ${request.headers['sec-websocket-protocol']}`);
    socket.destroy();
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return { address: `ws://127.0.0.1:${server.address().port}`, calls, end: () => new Promise((done) => server.close(done)) };
}

const fragment = (parts) => `#${new URLSearchParams(parts)}`;

/** `url` is a user's link. A bridge in a link without a token of its own is ignored, whatever the tab remembers. */
export async function bridgeAloneIsIgnored(browser, url) {
  const evil = await trap();
  const page = await open(browser, url);
  await eventually(20, 'the state "live"', async () => (await state(page)) === 'live');
  await page.goto('about:blank');
  await page.goto(new URL(fragment({ bridge: evil.address }), url).href);
  await eventually(20, 'the state "live" at the own bridge', async () => (await state(page)) === 'live');
  assert(!(await page.locator('#ask').isVisible()), 'the page asks about a bridge that came without a token');
  // In an open tab the link changes the fragment only.
  await page.evaluate((hash) => void (location.hash = hash), fragment({ bridge: evil.address }));
  await eventually(20, 'the state "live" at the own bridge again', async () => (await state(page)) === 'live' && new URL(page.url()).hash === '');
  assert(evil.calls.length === 0, `the other bridge was called: ${evil.calls[0]}`);
  await page.context().close();
  await evil.end();
}

/** A link to a bridge that the operator did not allow: asked about by name, and the policy holds in any case. */
export async function otherBridgeIsAskedFor(browser, url) {
  const other = await trap();
  const { host } = new URL(other.address);
  const link = new URL(fragment({ token: 'a.b.c', bridge: other.address }), url).href;
  const page = await open(browser, link);
  await eventually(10, 'the question', () => page.locator('#ask').isVisible());
  assert((await text(page, '#ask-title')).includes(host), 'the question does not name the bridge');
  await page.screenshot({ path: screenshot('ask') });
  await page.locator('#ask').getByRole('button', { name: 'Do not connect' }).click();
  await eventually(10, 'the notice', () => page.locator('#notice').isVisible());
  assert((await text(page, '#notice-text')).includes(host), 'the notice does not name the bridge');
  await page.screenshot({ path: screenshot('declined') });

  await page.goto('about:blank');
  await page.goto(link);
  await page.locator('#ask-yes').click();
  await eventually(20, 'the state "refused"', async () => (await state(page)) === 'refused');
  assert((await text(page, '#notice-text')).includes('DASHBOARD_BRIDGES'), 'the notice does not say who can allow it');
  assert(other.calls.length === 0, `the other bridge was called: ${other.calls[0]}`);
  await page.context().close();
  await other.end();
}

/** `bridge` is one that the operator allowed: live once the viewer has agreed, also after a reload. */
export async function allowedBridgeGoesLive(browser, url, bridge) {
  const { hash } = new URL(url);
  const page = await open(browser, new URL(`${hash}&${new URLSearchParams({ bridge })}`, url).href);
  await page.locator('#ask-yes').click();
  await eventually(20, 'the state "live"', async () => (await state(page)) === 'live');
  assert(page.addresses.some((address) => address.startsWith(bridge)), 'the page went to another bridge');
  await page.reload();
  await eventually(20, 'the state "live" after a reload', async () => (await state(page)) === 'live');
  assert(page.complaints.length === 0, page.complaints.join('; '));
  await page.context().close();
}
