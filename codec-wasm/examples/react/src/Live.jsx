import { useFeed, useSnapshot } from './useFeed.js';

export function Live({ bridge }) {
  const feed = useFeed(bridge);
  const state = useSnapshot(feed, 'state', ({ state }) => state);
  const sessions = useSnapshot(feed, 'session', ({ sessions }) => sessions);
  // Once per block. For 60 times a second and many values draw from `feed.history()` in an animation frame instead.
  const latest = useSnapshot(feed, 'samples', (feed) => feed.latest());
  return (
    <main>
      <p role="status">{state ?? 'starting'}</p>
      <ul>
        {sessions?.map(({ session, ended }) => <li key={session}>{session}{ended && ' (over)'}</li>)}
      </ul>
      <p>
        <output id="speed">{latest?.speedMps?.toFixed(1) ?? '–'}</output> m/s in gear <output id="gear">{latest?.gear ?? '–'}</output>
      </p>
    </main>
  );
}
