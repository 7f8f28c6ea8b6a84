import { expect, it } from 'vitest';

import { drive } from '../model/drive';
import type { Session } from '../model/session';
import { emptyView, follow, pause, type View } from '../view';
import { LANES } from './lanes';
import { TracesProgress } from './progress';

const RPM = LANES.findIndex((lane) => lane.channel === 'engineRpm');

function shown(session: Session): View {
  const view = emptyView();
  follow(view, session, 0);
  return view;
}

/** Draws a frame, as far as it goes without a canvas. */
function frame(progress: TracesProgress, view: View, resized = false): { base: boolean; live: boolean } {
  const redraw = progress.next(view, resized);
  progress.drawnRow = view.endRow;
  return redraw;
}

it('strokes only what is new while a lap goes on', () => {
  const session = drive({ laps: 1, until: 0.3, seconds: () => 20 });
  const progress = new TracesProgress();
  expect(frame(progress, shown(session))).toEqual({ base: true, live: true });
  drive({ laps: 1, from: 0.3, until: 0.32, seconds: () => 20 }, session);
  expect(progress.next(shown(session), false)).toEqual({ base: false, live: false });
  expect([progress.drawnRow, session.history.end]).toEqual([300, 320]);
  drive({ laps: 1, from: 0.32, seconds: () => 20 }, session);
  drive({ laps: 1, until: 0.1, completed: 1, seconds: () => 20 }, session);
  expect(progress.next(shown(session), false).live).toBe(true);
  expect(progress.drawnRow).toBe(1000);
});

it('keeps nothing of another session, however alike they are', () => {
  const short = drive({ laps: 1, until: 0.3, seconds: () => 20, constant: { engineRpm: 12_500 } });
  const long = drive({ laps: 1, until: 0.6, seconds: () => 20, constant: { engineRpm: 6_000 } });
  for (const [first, second] of [[short, long], [long, short]] as const) {
    const progress = new TracesProgress();
    frame(progress, shown(first));
    const view = shown(second);
    expect(progress.next(view, false)).toEqual({ base: true, live: true });
    expect(progress.drawnRow).toBe(0);
    expect(progress.ranges.max[RPM]).toBe(second === short ? 13_000 : 8_000);
    expect(view.maxRpm).toBe(second === short ? 12_500 : 6_000);
  }
});

it('draws nothing again in a pause, and the same moment after a resize', () => {
  const session = drive({ laps: 3, until: 0.99, seconds: (lap) => 20 - lap });
  const progress = new TracesProgress();
  const paused = shown(session);
  pause(paused);
  frame(progress, paused);
  expect(paused.momentUs).toBe(session.newestUs);
  const before = { ...paused };
  drive({ laps: 2, until: 0.4, completed: 3, seconds: () => 15, constant: { engineMaxRpm: 15_000 } }, session);
  expect(shown(session).reference).not.toBe(paused.reference);
  expect(paused).toEqual(before);
  expect(frame(progress, paused)).toEqual({ base: false, live: false });
  expect(progress.next(paused, true)).toEqual({ base: true, live: true });
  expect([progress.drawnRow, progress.ranges.max[RPM]]).toEqual([before.lapRow, 8_000]);
});
