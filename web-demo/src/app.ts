// What runs the page? One loop: every frame draws what is new, every fifteenth of a second writes what changed.

import { TrackMap } from './draw/map';
import { Traces } from './draw/traces';
import type { Feed } from './feed';
import { lapTime } from './model/format';
import { LatencyMeter } from './model/latency';
import { Quantiles } from './model/quantiles';
import { shownState, type Shown } from './model/state';
import { Telemetry } from './model/telemetry';
import { Announcer } from './ui/announcer';
import { Cluster } from './ui/cluster';
import { Controls } from './ui/controls';
import { byId, Text } from './ui/dom';
import { Fuel } from './ui/fuel';
import { Header } from './ui/header';
import { Health } from './ui/health';
import { LaneLabels } from './ui/lanelabels';
import { LapTable } from './ui/laptable';
import { Notice } from './ui/notice';
import { Sessions } from './ui/sessions';
import { Tyres } from './ui/tyres';
import { emptyView, follow, hasLapFraction, pause, type View } from './view';

/** Texts are written this often; the eye does not read faster. */
const TEXT_INTERVAL_MS = 66;
/** Script time is the median of this many frames. */
const FRAMES = 240;
/** The game shows a replay. */
const GAME_REPLAY = 1;

/** The page's clock in Unix microseconds; steady while the page lives. */
export const pageUs = (): number => (performance.timeOrigin + performance.now()) * 1000;

/** Runs the page for one feed. */
export class App {
  readonly #feed: Feed;
  readonly #view = emptyView();
  readonly #telemetry: Telemetry;
  readonly #traces = new Traces(byId('plot'));
  readonly #map = new TrackMap(byId('map'));
  readonly #cluster = new Cluster();
  readonly #header = new Header();
  readonly #laps = new LapTable();
  readonly #tyres = new Tyres();
  readonly #fuel = new Fuel();
  readonly #labels = new LaneLabels();
  readonly #health = new Health();
  readonly #notice = new Notice();
  readonly #announcer = new Announcer();
  readonly #latency = new LatencyMeter();
  readonly #sessions: Sessions;
  readonly #controls: Controls;
  readonly #axis = Text.of('traces-axis');
  readonly #reference = Text.of('traces-reference');
  readonly #mapNote = Text.of('map-note');
  /** Newest sample drawn so far, on the driver's clock. */
  #drawnUs = NaN;
  #textsMs = -Infinity;
  readonly #framesMs = new Quantiles(FRAMES);

  constructor(feed: Feed) {
    this.#feed = feed;
    this.#telemetry = new Telemetry(feed, pageUs);
    this.#sessions = new Sessions(this.#telemetry, () => this.#setPaused(false));
    this.#controls = new Controls(this.#view, (paused) => this.#setPaused(paused));
  }

  /** Draws from now on. A hidden tab gets no frames, while its samples are kept as they come. */
  run(): void {
    const frame = (nowMs: number): void => {
      const startMs = performance.now();
      this.#drawFrame(nowMs);
      this.#framesMs.push(performance.now() - startMs);
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }

  #setPaused(paused: boolean): void {
    if (!paused) this.#view.paused = false;
    else if (!this.#view.paused) {
      // Pictures and texts are written at different times; now they come to the same one.
      this.#follow();
      pause(this.#view);
      this.#refreshMoment();
    }
  }

  #drawFrame(nowMs: number): void {
    const view = this.#view;
    if (!view.paused) this.#follow();
    this.#traces.draw(view);
    const hovered = this.#traces.hovered(view);
    this.#map.draw(view, hovered);
    this.#cluster.draw(view);
    if (nowMs - this.#textsMs < TEXT_INTERVAL_MS) return;
    this.#textsMs = nowMs;
    this.#refresh(hovered, nowMs);
  }

  /** Moves the view to the newest sample, and measures how old that is. */
  #follow(): void {
    const view = this.#view;
    const nowUs = pageUs();
    const session = this.#telemetry.shown;
    if (session !== view.session) {
      this.#drawnUs = NaN;
      this.#latency.clear();
    }
    follow(view, session, nowUs);
    if (session === null) return;
    const { newestUs } = session;
    // The first sample drawn of a session may come from before the page was opened.
    if (newestUs > this.#drawnUs) this.#latency.add(nowUs, newestUs, this.#feed.clock(session.name));
    this.#drawnUs = newestUs;
  }

  #refresh(hovered: { row: number; fraction: number } | null, nowMs: number): void {
    const view = this.#view;
    const feed = this.#feed;
    const { session } = view;
    const now = this.#shownState();
    this.#labels.refresh(view, this.#traces.ranges, hovered);
    this.#health.refresh(now, session, feed.counts, this.#latency, session === null ? null : feed.clock(session.name), this.#framesMs.at(0.5)[0] ?? NaN);
    this.#notice.refresh(now, session, feed.user);
    this.#announcer.refresh(now, view, nowMs);
    this.#controls.refresh();
    this.#sessions.refresh(session);
    if (!view.paused) this.#refreshMoment();
  }

  /** Writes the texts of the view's moment; some are of the newest sample, so the view must be, too. */
  #refreshMoment(): void {
    const view = this.#view;
    this.#header.refresh(view, this.#feed.user);
    this.#cluster.refresh(view);
    this.#laps.refresh(view);
    this.#tyres.refresh(view);
    this.#fuel.refresh(view);
    const overLap = hasLapFraction(view) || view.session === null;
    this.#axis.set(overLap ? 'over lap distance' : 'last 30 s: the source does not give the position on the lap');
    const { reference } = view;
    this.#reference.set(!overLap || reference === null ? '' : `reference: lap ${reference.lapNumber}, ${lapTime(reference.timeMs)}`);
    this.#mapNote.set(mapNote(view));
  }

  #shownState(): Shown {
    const { session, paused, endRow } = this.#view;
    const nowUs = pageUs();
    return shownState({
      feed: this.#feed.state,
      reason: this.#feed.reason,
      paused,
      session: session === null ? null : {
        ageMs: (nowUs - session.arrivedUs) / 1000,
        ended: session.ended,
        replay: session.latest.get('gameStatus') === GAME_REPLAY,
      },
      behindMs: session === null ? 0 : (session.newestUs - session.history.timeUs(endRow - 1)) / 1000,
    });
  }
}

function mapNote({ session, track }: View): string {
  if (session === null || track !== null) return '';
  const { history } = session;
  if (!Number.isNaN(history.at('positionXM', history.end - 1))) return 'drawing the first clean lap';
  return Number.isNaN(history.at('lapFraction', history.end - 1)) ? 'the source does not give a position' : 'only the position on the lap is known';
}
