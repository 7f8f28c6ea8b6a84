// What does the page's address ask for? The bridge, the token, the user.
//
// Token and bridge stand in the fragment only, which browsers never send. They leave the address bar at once and stay in
// the tab's session storage, so that a reload works and a copied address does not hand them on.
//
// Anyone can make a link to this page. So a link never moves a token that it did not bring: token and bridge are kept
// and replaced as one, and to another origin than the page's a token goes only when the viewer has agreed.

/** What the address and the tab's memory ask for. */
export interface Link {
  /** The WebSocket address of the bridge's stream. */
  url: string;
  token: string | null;
  /** For a bridge in open mode. */
  userId: string | null;
  /** The host that the viewer must agree to before anything is sent there; null where there is nothing to ask. */
  ask: string | null;
}

/** What a tab remembers of the last link. */
interface Stored {
  token: string;
  /** The stream's address; null for the page's own origin. */
  bridge: string | null;
  agreed: boolean;
}

const KEY = 'purple-sector.link';

/** Reads the address and the tab's memory, and takes the fragment out of the address bar. */
export function readLink(location: Location, history: globalThis.History, memory: Storage): Link {
  const brought = broughtBy(location.hash);
  if (brought !== null) store(memory, brought);
  if (location.hash !== '') history.replaceState(null, '', location.pathname + location.search);

  const own = `${location.protocol === 'https:' ? 'wss:' : 'ws:'}//${location.host}/v1/stream`;
  const stored = recall(memory);
  const url = stored?.bridge ?? own;
  const foreign = stored !== null && !stored.agreed && new URL(url).origin !== new URL(own).origin;
  return {
    url,
    token: stored?.token ?? null,
    userId: new URLSearchParams(location.search).get('userId'),
    ask: foreign ? new URL(url).host : null,
  };
}

/** Remembers that the viewer agreed to the bridge of the last link. */
export function agree(memory: Storage): void {
  const stored = recall(memory);
  if (stored !== null) store(memory, { ...stored, agreed: true });
}

/** Forgets the last link. */
export function forget(memory: Storage): void {
  memory.removeItem(KEY);
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

/** What a link's fragment brings; null where it has no token, or a bridge that is not a WebSocket address. */
function broughtBy(hash: string): Stored | null {
  const fragment = new URLSearchParams(hash.slice(1));
  const token = fragment.get('token');
  const bridge = fragment.get('bridge');
  if (token === null || token === '') return null;
  if (bridge === null) return { token, bridge, agreed: false };
  const stream = streamOf(bridge);
  return stream === null ? null : { token, bridge: stream, agreed: false };
}

/** The address of a bridge's stream, without log-in and fragment; null for what is not a WebSocket address. */
function streamOf(bridge: string): string | null {
  if (!URL.canParse(bridge)) return null;
  const url = new URL(bridge);
  if (url.protocol !== 'ws:' && url.protocol !== 'wss:') return null;
  if (url.pathname === '/') url.pathname = '/v1/stream';
  return `${url.origin}${url.pathname}${url.search}`;
}

function store(memory: Storage, link: Stored): void {
  memory.setItem(KEY, JSON.stringify(link));
}

function recall(memory: Storage): Stored | null {
  try {
    const { token, bridge, agreed } = JSON.parse(memory.getItem(KEY) ?? '{}') as Partial<Stored>;
    if (typeof token !== 'string') return null;
    return { token, bridge: typeof bridge === 'string' ? streamOf(bridge) : null, agreed: agreed === true };
  } catch {
    return null;
  }
}
