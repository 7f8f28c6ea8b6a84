// How does the test look at a page? Opening, waiting, and reading numbers and pixels.

import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { chromium } from 'playwright-core';

const screenshots = resolve(process.env.SCREENSHOTS ?? join(import.meta.dirname, '../../target/screenshots'));
mkdirSync(screenshots, { recursive: true });

/** Where a screenshot of that name goes. */
export const screenshot = (name) => join(screenshots, `${name}.png`);

/** A browser without a window, and without anything that talks to others by itself. */
export function launch() {
  return chromium.launch({
    executablePath: process.env.PURPLE_SECTOR_CHROMIUM ?? '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
}

/** Opens a link in a browser context of its own; the page notes errors, addresses that it asks for, and answers. */
export async function open(browser, url, viewport = { width: 1440, height: 900 }) {
  const context = await browser.newContext({ viewport });
  const page = await context.newPage();
  page.complaints = [];
  page.addresses = [];
  page.answers = [];
  page.on('pageerror', (error) => page.complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') page.complaints.push(message.text());
  });
  page.on('request', (request) => page.addresses.push(request.url()));
  page.on('response', (answer) => page.answers.push({ url: answer.url(), headers: answer.headers() }));
  page.on('websocket', (socket) => page.addresses.push(socket.url()));
  await page.goto(url);
  return page;
}

/** The viewer's state, as the page has it. */
export const state = (page) => page.locator('#app').getAttribute('data-state');

export const text = async (page, selector) => (await page.locator(selector).textContent()).trim();

/** Presses a key where no button or field has the focus. */
export async function press(page, key) {
  await page.evaluate(() => document.activeElement?.blur());
  await page.keyboard.press(key);
}

/** A hash of a canvas's pixels, and how many of them are painted. */
export function picture(page, selector) {
  return page.locator(selector).first().evaluate((canvas) => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let hash = 0;
    let painted = 0;
    for (let i = 3; i < data.length; i += 4) {
      hash = (hash * 31 + data[i - 3] + data[i - 2] * 7 + data[i - 1] * 13 + data[i] * 17) | 0;
      if (data[i] > 0) painted += 1;
    }
    return { hash, painted };
  });
}

/** Waits until `condition` holds, at most `seconds`. */
export async function eventually(seconds, what, condition) {
  const end = Date.now() + seconds * 1000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`${what} did not come within ${seconds} s`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

export function assert(holds, message) {
  if (!holds) throw new Error(message);
}
