import { expect, it } from 'vitest';
import { linkOf, readLink, userOf } from './link';

const page = { protocol: 'http:', host: 'localhost:8080', search: '' };

it("uses the page's own origin", () => {
  expect(linkOf(page, null, null).url).toBe('ws://localhost:8080/v1/stream');
  expect(linkOf({ ...page, protocol: 'https:' }, null, null).url).toBe('wss://localhost:8080/v1/stream');
});
it('goes to another bridge when told', () => {
  expect(linkOf(page, null, 'wss://bridge.example/').url).toBe('wss://bridge.example/v1/stream');
  expect(linkOf(page, null, 'ws://127.0.0.1:9/x').url).toBe('ws://127.0.0.1:9/x');
  expect(linkOf(page, null, 'javascript:alert(1)').url).toBe('ws://localhost:8080/v1/stream');
});
it('reads the user of an open bridge from the query', () => {
  expect(linkOf({ ...page, search: '?userId=alice' }, null, null).userId).toBe('alice');
});
it('takes the token out of the address bar and keeps it for a reload', () => {
  const stored = new Map<string, string>();
  const memory = { getItem: (k: string) => stored.get(k) ?? null, setItem: (k: string, v: string) => void stored.set(k, v) } as unknown as Storage;
  const shown: string[] = [];
  const history = { replaceState: (_: unknown, __: string, url: string) => void shown.push(url) } as unknown as History;
  const at = (hash: string): Location => ({ ...page, pathname: '/', search: '?a=1', hash }) as Location;
  expect(readLink(at('#token=abc.def'), history, memory).token).toBe('abc.def');
  expect(shown).toEqual(['/?a=1']);
  expect(readLink(at(''), history, memory).token).toBe('abc.def');
  expect(shown).toHaveLength(1);
});
it('names the user a token is for', () => {
  const token = (claims: object): string => `x.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.y`;
  const link = { url: '', userId: null };
  expect(userOf({ ...link, token: token({ sub: 'zoë-7' }) })).toBe('zoë-7');
  expect(userOf({ ...link, token: token({}) })).toBe('');
  expect(userOf({ ...link, token: 'no token' })).toBe('');
  expect(userOf({ ...link, token: null, userId: 'bob' })).toBe('bob');
});
