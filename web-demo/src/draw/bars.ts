// How far are engine, pedals and gap to the best lap? Small bars that move with every frame.

import type { View } from '../view';
import { Layers } from './layers';
import { color, font, type Token } from './palette';

const N_LIGHTS = 15;

/** Shift lights: green, then red, then all blue when it is time to shift. They never flash. */
export class ShiftLights {
  readonly #layers: Layers;
  #shown = -1;

  constructor(host: HTMLElement) {
    this.#layers = new Layers(host, 1);
  }

  /** `share` of the highest engine speed; NaN where unknown. */
  draw(share: number): void {
    // The lowest 60 % of the range carry no information for shifting.
    const lit = share >= 0.975 ? N_LIGHTS + 1 : Math.max(0, Math.min(N_LIGHTS, Math.round(((share - 0.6) / 0.375) * N_LIGHTS) || 0));
    if (!this.#layers.fit() && lit === this.#shown) return;
    this.#shown = lit;
    const { width, height } = this.#layers;
    const context = this.#layers.contexts[0] as CanvasRenderingContext2D;
    this.#layers.clear(0);
    const step = (width + 4) / N_LIGHTS;
    for (let i = 0; i < N_LIGHTS; i += 1) {
      const token: Token = lit > N_LIGHTS ? 'blue' : i >= lit ? 'hairline' : i < 8 ? 'green' : i < 12 ? 'yellow' : 'red';
      context.fillStyle = color(token);
      context.beginPath();
      context.roundRect(i * step, 0, step - 4, height, 2);
      context.fill();
    }
  }
}

/** Brake and throttle as upright bars. */
export class Pedals {
  readonly #layers: Layers;

  constructor(host: HTMLElement) {
    this.#layers = new Layers(host, 1);
  }

  draw(view: View): void {
    this.#layers.fit();
    const { width, height } = this.#layers;
    const context = this.#layers.contexts[0] as CanvasRenderingContext2D;
    this.#layers.clear(0);
    const bars: [Token, string, number][] = [
      ['trace-brake', 'B', view.session?.history.at('brake', view.endRow - 1) ?? NaN],
      ['trace-throttle', 'T', view.session?.history.at('throttle', view.endRow - 1) ?? NaN],
    ];
    const step = (width + 8) / bars.length;
    context.font = font(10);
    context.textAlign = 'center';
    bars.forEach(([token, letter, value], i) => {
      context.fillStyle = color('hairline');
      context.fillRect(i * step, 0, step - 8, height);
      context.fillStyle = color(token);
      if (value > 0) context.fillRect(i * step, height * (1 - Math.min(value, 1)), step - 8, height);
      context.fillStyle = color(value > 0.15 ? 'bg' : 'muted');
      context.fillText(letter, i * step + step / 2 - 4, height - 4);
    });
  }
}

/** Time against the best lap: left and green when faster, right and red when slower; full scale one second. */
export class DeltaBar {
  readonly #layers: Layers;

  constructor(host: HTMLElement) {
    this.#layers = new Layers(host, 1);
  }

  draw(seconds: number): void {
    this.#layers.fit();
    const { width, height } = this.#layers;
    const context = this.#layers.contexts[0] as CanvasRenderingContext2D;
    this.#layers.clear(0);
    context.fillStyle = color('hairline');
    context.fillRect(0, 0, width, height);
    const length = (Math.min(Math.max(seconds || 0, -1), 1) * width) / 2;
    context.fillStyle = color(length < 0 ? 'green' : 'red');
    context.fillRect(width / 2 + Math.min(length, 0), 0, Math.abs(length), height);
    context.fillStyle = color('muted');
    context.fillRect(width / 2 - 1, 0, 2, height);
  }
}
