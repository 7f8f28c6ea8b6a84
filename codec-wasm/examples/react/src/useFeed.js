// A feed as React sees it: an effect opens and closes it, snapshots of it are read while rendering.

import { connect } from 'purple-sector-codec';
import { useCallback, useEffect, useState, useSyncExternalStore } from 'react';

/**
 * A feed that lives as long as the component; null before the first effect. StrictMode mounts twice in development: the
 * first feed is closed in the same tick and never connects.
 */
export function useFeed(bridge, token) {
  const [feed, setFeed] = useState(null);
  useEffect(() => {
    const opened = connect(bridge, { token });
    setFeed(opened);
    return () => opened.close();
  }, [bridge, token]);
  return feed;
}

/** What `read(feed)` gives, again after each event of this name. `read` must give the same object while nothing changed. */
export function useSnapshot(feed, event, read) {
  const subscribe = useCallback((changed) => feed?.on(event, changed) ?? (() => {}), [feed, event]);
  return useSyncExternalStore(subscribe, () => (feed === null ? null : read(feed)));
}
