// How are the tyres and brakes? One card per corner of the car, as they lie on it.

import { DASH, number } from '../model/format';
import type { View } from '../view';
import { add, byId, setData, Text } from './dom';

const CORNERS = [
  { key: 'Fl', name: 'Front left', short: 'FL', left: true },
  { key: 'Fr', name: 'Front right', short: 'FR', left: false },
  { key: 'Rl', name: 'Rear left', short: 'RL', left: true },
  { key: 'Rr', name: 'Rear right', short: 'RR', left: false },
] as const;
const TREAD = ['Inner', 'Middle', 'Outer'] as const;
/** Upper limits of the temperature bands, in °C; the last band has none. */
const BANDS = [60, 75, 95, 110] as const;
const BAND_NAMES = ['cold', 'cool', 'good', 'warm', 'hot'] as const;
/** Pounds per square inch in one kPa: what drivers set. */
const PSI = 0.1450377;

class Card {
  readonly #corner: (typeof CORNERS)[number];
  readonly #treads: { box: HTMLElement; text: Text }[];
  readonly #core: { box: HTMLElement; text: Text };
  readonly #pressure: Text;
  readonly #wear: Text;
  readonly #brake: Text;
  readonly #card: HTMLElement;

  constructor(parent: Element, corner: (typeof CORNERS)[number]) {
    this.#corner = corner;
    this.#card = add(parent, 'div', 'tyre');
    this.#card.setAttribute('role', 'group');
    this.#card.ariaLabel = corner.name;
    add(this.#card, 'h3', '', corner.short);
    const treads = add(this.#card, 'div', 'treads');
    // Seen from above: a left wheel's outer side is on the left.
    const order = corner.left ? [...TREAD].reverse() : TREAD;
    this.#treads = order.map((part) => {
      const box = add(treads, 'span', 'tread');
      box.title = `${part.toLowerCase()} third of the tread, °C`;
      return { box, text: new Text(add(box, 'span', '', DASH)) };
    });
    const core = add(treads, 'span', 'tread tread-core');
    core.title = 'core, °C';
    this.#core = { box: core, text: new Text(add(core, 'span', '', DASH)) };
    const figures = add(this.#card, 'dl', 'tyre-figures');
    this.#pressure = addFigure(figures, 'psi');
    this.#wear = addFigure(figures, 'left');
    this.#brake = addFigure(figures, 'brake');
  }

  refresh(latest: (key: string) => number): void {
    const { key, left } = this.#corner;
    const parts = left ? [...TREAD].reverse() : TREAD;
    const surface = parts.map((part) => latest(`tyre${part}TempC${key}`));
    const core = latest(`tyreCoreTempC${key}`);
    const known = surface.some((value) => !Number.isNaN(value));
    setData(this.#card, 'surface', known ? 'known' : 'absent');
    this.#treads.forEach((tread, i) => show(tread, surface[i] as number));
    show(this.#core, core);
    this.#pressure.set(number(latest(`tyrePressureKpa${key}`) * PSI, 1));
    this.#wear.set(percent(latest(`tyreWear${key}`)));
    this.#brake.set(degrees(latest(`brakeTempC${key}`)));
  }
}

/** The panel of tyres and brakes. */
export class Tyres {
  readonly #cards = CORNERS.map((corner) => new Card(byId('tyre-grid'), corner));
  readonly #note = Text.of('tyres-note');

  refresh({ session }: View): void {
    for (const card of this.#cards) card.refresh((key) => session?.latest.get(key) ?? NaN);
    this.#note.set(session?.facts.tyreCompound ?? '');
  }
}

function show({ box, text }: { box: HTMLElement; text: Text }, celsius: number): void {
  text.set(degrees(celsius));
  const band = BANDS.findIndex((limit) => celsius < limit);
  setData(box, 'band', Number.isNaN(celsius) ? 'absent' : (BAND_NAMES[band] ?? 'hot'));
}

function degrees(celsius: number): string {
  return Number.isNaN(celsius) ? DASH : `${number(celsius)}°`;
}

function percent(share: number): string {
  return Number.isNaN(share) ? DASH : `${number(share * 100)}%`;
}

function addFigure(parent: Element, label: string): Text {
  const pair = add(parent, 'div', '');
  add(pair, 'dt', '', label);
  return new Text(add(pair, 'dd', '', DASH));
}
