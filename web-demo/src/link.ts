// What does the page's address ask for? The bridge, the token, the user.
//
// The token stands in the fragment only, which browsers never send. It leaves the address bar at once and stays in
// the tab's session storage, so that a reload works and a copied address does not hand it on.

export interface Link {
  /** The WebSocket address of the bridge's stream. */
  url: string;
  token: string | null;
  /** For a bridge in open mode. */
  userId: string | null;
}

const TOKEN_KEY = 'purple-sector.token';
const BRIDGE_KEY = 'purple-sector.bridge';

/** Reads the address and the tab's memory, and takes the fragment out of the address bar. */
export function readLink(location: Location, history: globalThis.History, memory: Storage): Link {
  const fragment = new URLSearchParams(location.hash.slice(1));
  for (const [name, key] of [['token', TOKEN_KEY], ['bridge', BRIDGE_KEY]] as const) {
    const value = fragment.get(name);
    if (value !== null) memory.setItem(key, value);
  }
  if (location.hash !== '') history.replaceState(null, '', location.pathname + location.search);
  return linkOf(location, memory.getItem(TOKEN_KEY), memory.getItem(BRIDGE_KEY));
}

/** Whose link it is, for words on the page only: nothing here is verified, the bridge does that. */
export function userOf({ token, userId }: Link): string {
  if (token === null) return userId ?? '';
  try {
    const payload = (token.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/');
    const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0));
    const claims: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof claims === 'object' && claims !== null && 'sub' in claims ? String(claims.sub) : '';
  } catch {
    return '';
  }
}

/** Puts the parts together; a bridge's address that is no WebSocket address falls back to the page's own origin. */
export function linkOf(location: Pick<Location, 'protocol' | 'host' | 'search'>, token: string | null, bridge: string | null): Link {
  const own = `${location.protocol === 'https:' ? 'wss:' : 'ws:'}//${location.host}/v1/stream`;
  const given = bridge !== null && /^wss?:\/\/[^/?#]+/.test(bridge) ? bridge : null;
  const url = given === null ? own : new URL(given).pathname === '/' ? `${given.replace(/\/$/, '')}/v1/stream` : given;
  return { url, token, userId: new URLSearchParams(location.search).get('userId') };
}
