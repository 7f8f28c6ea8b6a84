// How do the page's files come, and what may the page do? Compressed, kept for as long as their names say, nothing inline.

import { assert } from './page.mjs';

/** What of the page's files may be asked of the answers that brought them. */
export function filesComeSmallAndLast(page) {
  const own = page.answers.filter(({ url }) => new URL(url).origin === new URL(page.url()).origin);
  for (const [what, ending] of [['script', '.js'], ['style sheet', '.css'], ['module', '.wasm']]) {
    const answers = own.filter(({ url }) => new URL(url).pathname.endsWith(ending));
    assert(answers.length > 0, `there was no ${what}`);
    for (const { url, headers } of answers) {
      assert(headers['content-encoding'] === 'br', `${url} came as ${headers['content-encoding'] ?? 'it is'}`);
      assert(/immutable/.test(headers['cache-control'] ?? ''), `${url} may be kept: ${headers['cache-control']}`);
      assert(/accept-encoding/i.test(headers.vary ?? ''), `${url} varies by ${headers.vary}`);
    }
  }
  const html = own.find(({ headers }) => headers['content-type']?.startsWith('text/html'));
  assert(html?.headers['cache-control'] === 'no-cache', `the page may be kept: ${html?.headers['cache-control']}`);
  assert(html.headers['content-encoding'] === 'br', 'the page came as it is');
}

/** The policy forbids what is inline, and the browser holds it. */
export async function nothingInlineRuns(page) {
  const html = page.answers.find(({ headers }) => headers['content-type']?.startsWith('text/html'));
  const policy = html?.headers['content-security-policy'] ?? '';
  assert(policy !== '' && !policy.includes('unsafe-inline'), `the policy is "${policy}"`);
  const held = await page.evaluate(() => {
    const style = document.createElement('style');
    style.textContent = '#app { --inline: yes }';
    document.head.append(style);
    const script = document.createElement('script');
    script.textContent = 'window.inline = true';
    document.head.append(script);
    const reached = { style: getComputedStyle(document.querySelector('#app')).getPropertyValue('--inline'), script: window.inline === true };
    style.remove();
    script.remove();
    return reached;
  });
  assert(held.style === '' && !held.script, `an inline style or script took effect: ${JSON.stringify(held)}`);
}
