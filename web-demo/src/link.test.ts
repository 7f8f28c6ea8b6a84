import { expect, it } from 'vitest';

import { agree, forget, readLink, userOf, type Link } from './link';

/** A tab: its memory, and what its address bar shows. */
function tab(page: { protocol?: string; host?: string; search?: string } = {}): { open: (hash?: string) => Link; memory: Storage; shown: string[] } {
  const stored = new Map<string, string>();
  const memory = {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => void stored.set(key, value),
    removeItem: (key: string) => void stored.delete(key),
  } as unknown as Storage;
  const shown: string[] = [];
  const history = { replaceState: (_: unknown, __: string, url: string) => void shown.push(url) } as unknown as History;
  const location = { protocol: 'http:', host: 'localhost:8080', search: '', pathname: '/', ...page };
  return { open: (hash = '') => readLink({ ...location, hash } as Location, history, memory), memory, shown };
}

const OWN = 'ws://localhost:8080/v1/stream';

it("uses the page's own origin", () => {
  expect(tab().open()).toEqual({ url: OWN, token: null, userId: null, ask: null });
  expect(tab({ protocol: 'https:' }).open().url).toBe('wss://localhost:8080/v1/stream');
});
it.each([
  ['wss://bridge.example/', 'wss://bridge.example/v1/stream', 'bridge.example'],
  ['wss://bridge.example', 'wss://bridge.example/v1/stream', 'bridge.example'],
  ['ws://127.0.0.1:9/x', 'ws://127.0.0.1:9/x', '127.0.0.1:9'],
  ['wss://localhost:8080/', 'wss://localhost:8080/v1/stream', 'localhost:8080'],
  ['wss://localhost:8080@evil.example/', 'wss://evil.example/v1/stream', 'evil.example'],
  ['wss://еxample.com/', 'wss://xn--xample-2of.com/v1/stream', 'xn--xample-2of.com'],
  ['ws://localhost:8080/', OWN, null],
])('goes to %s when told, and asks first unless it is the page\'s own origin', (bridge, url, ask) => {
  const link = tab().open(`#bridge=${encodeURIComponent(bridge)}&token=a.b.c`);
  expect(link).toEqual({ url, token: 'a.b.c', userId: null, ask });
});
it.each(['#bridge=wss://evil.example', '#bridge=wss://evil.example&token=', '#token=&bridge=wss://evil.example', '#token='])(
  'a link must not steal a token: %s is ignored',
  (hash) => {
    const { open } = tab();
    open('#token=mine');
    expect(open(hash)).toMatchObject({ url: OWN, token: 'mine', ask: null });
    expect(open()).toMatchObject({ url: OWN, token: 'mine' });
  },
);
it.each(['javascript:alert(1)', 'https://bridge.example', 'wss://', 'bridge.example', ''])('a link to %j, where no bridge can be, is ignored with its token', (bridge) => {
  const { open } = tab();
  open('#token=mine');
  expect(open(`#token=theirs&bridge=${encodeURIComponent(bridge)}`)).toMatchObject({ url: OWN, token: 'mine' });
});
it('replaces bridge and token together', () => {
  const { open } = tab();
  open('#token=theirs&bridge=wss://other.example');
  expect(open('#token=mine')).toMatchObject({ url: OWN, token: 'mine', ask: null });
  expect(open()).toMatchObject({ url: OWN, token: 'mine', ask: null });
});
it('asks again after a reload, until the viewer has agreed', () => {
  const { open, memory } = tab();
  open('#token=theirs&bridge=wss://other.example');
  expect(open().ask).toBe('other.example');
  agree(memory);
  expect(open()).toMatchObject({ url: 'wss://other.example/v1/stream', token: 'theirs', ask: null });
  expect(open('#token=theirs&bridge=wss://third.example').ask).toBe('third.example');
  forget(memory);
  expect(open()).toMatchObject({ url: OWN, token: null, ask: null });
});
it('reads the user of an open bridge from the query', () => {
  expect(tab({ search: '?userId=alice' }).open().userId).toBe('alice');
});
it('takes the token out of the address bar and keeps it for a reload', () => {
  const { open, shown } = tab({ search: '?a=1' });
  expect(open('#token=abc.def').token).toBe('abc.def');
  expect(shown).toEqual(['/?a=1']);
  expect(open().token).toBe('abc.def');
  expect(shown).toHaveLength(1);
});
it('survives a memory that holds something else', () => {
  const { open, memory } = tab();
  for (const text of ['{', 'null', '7', '{"token":7}']) {
    memory.setItem('purple-sector.link', text);
    expect(open()).toMatchObject({ url: OWN, token: null });
  }
});
it('names the user a token is for', () => {
  const token = (claims: object): string => `x.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.y`;
  const link = { url: '', userId: null, ask: null };
  expect(userOf({ ...link, token: token({ sub: 'zoë-7' }) })).toBe('zoë-7');
  expect(userOf({ ...link, token: token({}) })).toBe('');
  expect(userOf({ ...link, token: 'no token' })).toBe('');
  expect(userOf({ ...link, token: null, userId: 'bob' })).toBe('bob');
});
