// Where do samples come from without a bridge? A car that follows a made-up track, faster than real time if asked.

import { ABSENT } from 'purple-sector-codec';

import type { Clock, Feed, FeedListener, FeedState } from '../src/feed';
import type { Column } from '../src/model/history';

const LENGTH_M = 5200;
const N = 2000;
const track = Array.from({ length: N }, (_, i) => {
  const a = (i / N) * 2 * Math.PI;
  const r = 640 + 190 * Math.sin(2 * a + 0.6) + 120 * Math.cos(3 * a) + 70 * Math.sin(5 * a + 1) + 22 * Math.sin(11 * a);
  return { x: r * 1.25 * Math.cos(a), z: r * Math.sin(a) };
});
const bend = track.map((_, i) => {
  const at = (k: number): { x: number; z: number } => track[(i + k + N) % N] as { x: number; z: number };
  const h1 = Math.atan2(at(0).z - at(-8).z, at(0).x - at(-8).x);
  const h2 = Math.atan2(at(8).z - at(0).z, at(8).x - at(0).x);
  return Math.atan2(Math.sin(h2 - h1), Math.cos(h2 - h1)) / 21;
});
const limit = bend.map((k) => Math.min(78, Math.sqrt(15 / Math.max(Math.abs(k), 1e-4))));
for (let i = 2 * N; i > 0; i -= 1) {
  const next = limit[i % N] as number;
  limit[(i - 1) % N] = Math.min(limit[(i - 1) % N] as number, Math.sqrt(next * next + 2 * 13 * (LENGTH_M / N)));
}

class Car {
  #metres = 40;
  #v = 30;
  #lap = 0;
  #lapMs = 600;
  #sectorMs = 0;
  #lastLap = NaN;
  #best = NaN;
  #lastSector = NaN;
  #form = 1;
  #fuel = 62;
  #temp = 70;
  #t = 0;

  step(dt: number): Record<string, number> {
    this.#t += dt;
    const fraction = this.#metres / LENGTH_M;
    const i = Math.floor(fraction * N) % N;
    const target = (limit[i] as number) * this.#form;
    const accel = Math.max(-14, Math.min(this.#v < target ? 11 - this.#v * 0.11 : (target - this.#v) * 6, 9));
    this.#v = Math.max(5, this.#v + accel * dt);
    const before = Math.floor(fraction * 3);
    this.#metres += this.#v * dt;
    this.#lapMs += dt * 1000;
    this.#fuel -= dt * 0.031;
    this.#temp += (88 + 10 * Math.sin(this.#t / 40) - this.#temp) * dt * 0.05;
    const sector = Math.floor(Math.min(this.#metres / LENGTH_M, 0.9999) * 3);
    if (this.#metres >= LENGTH_M) this.#crossLine();
    else if (sector !== before) this.#endSector();
    const gear = Math.min(6, Math.max(1, Math.floor(this.#v / 12.5) + 1));
    const place = this.#metres / LENGTH_M;
    const here = track[Math.floor(place * N) % N] as { x: number; z: number };
    const there = track[(Math.floor(place * N) + 1) % N] as { x: number; z: number };
    const share = (place * N) % 1;
    const noise = Math.sin(this.#t * 31) * 0.003;
    const wheel = (base: number, spread: number): Record<string, number> =>
      Object.fromEntries(['Fl', 'Fr', 'Rl', 'Rr'].map((w, k) => [w, base + spread * Math.sin(this.#t / 9 + k)]));
    return {
      speedMps: this.#v, throttle: accel > 0.3 ? Math.min(1, accel / 5 + 0.2) : 0, brake: accel < -1 ? Math.min(1, -accel / 13) : 0,
      steer: Math.max(-1, Math.min(1, (bend[i] as number) * 38)) + noise, gear, engineRpm: 4200 + ((this.#v % 12.5) / 12.5) * 3900 + noise * 4000,
      engineMaxRpm: 8400, lapFraction: place, positionXM: here.x + (there.x - here.x) * share, positionZM: here.z + (there.z - here.z) * share,
      currentLapMs: Math.round(this.#lapMs), lapsCompleted: this.#lap, lastLapMs: this.#lastLap, bestLapMs: this.#best, sector: this.#lap < 0 ? 0 : sector,
      lastSectorMs: this.#lastSector, lapValid: this.#lap === 3 ? 0 : 1, inPitLane: this.#lap === 0 && place < 0.05 ? 1 : 0, inPitBox: 0, pitLimiter: this.#lap === 0 && place < 0.05 ? 1 : 0,
      tcActive: accel > 5 && this.#v < 30 ? 1 : 0, absActive: accel < -12 ? 1 : 0, tcLevel: 3, absLevel: 4, sessionKind: 2, racePosition: 4, flag: 0, gameStatus: 2,
      fuelL: this.#fuel, ...named('tyreCoreTempC', wheel(this.#temp, 4)), ...named('tyrePressureKpa', wheel(186, 3)), ...named('tyreWear', wheel(0.96, 0.01)),
      ...named('brakeTempC', wheel(410, 90)), ...named('tyreInnerTempC', wheel(this.#temp + 7, 3)), ...named('tyreMiddleTempC', wheel(this.#temp + 2, 3)), ...named('tyreOuterTempC', wheel(this.#temp - 6, 3)),
    };
  }

  #endSector(): void {
    this.#lastSector = Math.round(this.#lapMs - this.#sectorMs);
    this.#sectorMs = this.#lapMs;
  }

  #crossLine(): void {
    this.#endSector();
    this.#lastLap = Math.round(this.#lapMs);
    if (!(this.#best <= this.#lastLap) && this.#lap > 0) this.#best = this.#lastLap;
    this.#metres -= LENGTH_M;
    this.#lapMs = 0;
    this.#sectorMs = 0;
    this.#lap += 1;
    this.#form = 0.97 + Math.random() * 0.04;
  }
}

const named = (name: string, wheels: Record<string, number>): Record<string, number> =>
  Object.fromEntries(Object.entries(wheels).map(([wheel, value]) => [name + wheel, value]));
const INTS = new Set(['gear', 'currentLapMs', 'lapsCompleted', 'lastLapMs', 'bestLapMs', 'sector', 'lastSectorMs', 'lapValid', 'inPitLane', 'inPitBox', 'pitLimiter',
  'tcActive', 'absActive', 'tcLevel', 'absLevel', 'sessionKind', 'racePosition', 'flag', 'gameStatus']);

export function syntheticFeed(query: URLSearchParams): Feed {
  const speed = Number(query.get('speed') ?? 1);
  const rate = Number(query.get('rate') ?? 60);
  const without = (query.get('without') ?? '').split(',').filter((word) => word !== '');
  const forced = query.get('state') as FeedState | null;
  let listener: FeedListener | null = null;
  let frozen = query.has('freeze');
  setTimeout(() => (frozen = false), 0);
  const clock: Clock | null = query.has('noclock') ? null : { offsetUs: 0, uncertaintyUs: 700 };
  const cars = Array.from({ length: Number(query.get('sessions') ?? 1) }, () => new Car());
  const stopAtMs = Number(query.get('stop') ?? Infinity) * 1000;
  let doneUs = (performance.timeOrigin + performance.now()) * 1000;
  let atUs = doneUs;
  const tick = (): void => {
    const nowUs = (performance.timeOrigin + performance.now()) * 1000;
    const n = Math.min(Math.floor(((nowUs - doneUs) * speed * rate) / 1e6), 120);
    if (n <= 0 || listener === null || frozen || performance.now() > stopAtMs) return;
    doneUs = nowUs;
    const base = speed === 1 ? nowUs - (n * 1e6) / rate : atUs;
    atUs = base + (n * 1e6) / rate;
    cars.forEach((car, c) => {
      const rows = Array.from({ length: n }, () => car.step(1 / rate));
      const columns = new Map<string, Column>();
      for (const key of Object.keys(rows[0] as object)) {
        const values = rows.map((row) => (without.some((word) => key.startsWith(word)) ? NaN : (row[key] as number)));
        columns.set(key, INTS.has(key) ? Int32Array.from(values, (v) => (Number.isNaN(v) ? ABSENT : v)) : Float32Array.from(values));
      }
      listener?.onSamples({ session: `20261123-21300${c}-7f`, epoch: 1, length: n, columns, channels: [...columns.keys()], capturedAtUs: rows.map((_, i) => base + ((i + 1) * 1e6) / rate) });
      listener?.onFacts(`20261123-21300${c}-7f`, { game: 'Synthetic', car: c === 0 ? 'ferrari_296_gt3' : 'porsche_992_gt3_r', track: 'spa-francorchamps', driver: 'A. Driver', trackLengthM: LENGTH_M, tyreCompound: 'Medium' });
    });
  };
  setInterval(tick, 33);
  return {
    get state() { return forced ?? (listener === null ? 'connecting' : 'live'); },
    get reason() { return forced === 'refused' ? (query.get('reason') ?? 'the token has expired') : ''; },
    user: 'alice',
    counts: { gaps: 0, repeats: 0, reconnects: 0 },
    clock: () => clock,
    listen: (given) => {
      if (forced === null) listener = given;
    },
  };
}
