// How does a person steer the page? Pause, back to live, and the crosshair: by pointer, touch and keys.

import type { View } from '../view';
import { byId, setData } from './dom';
import { actionOf } from './keys';

/** Where the browser remembers that single keys are off. */
const KEYS = 'purple-sector.keys';

/** Buttons, keys and pointer. */
export class Controls {
  readonly #view: View;
  readonly #setPaused: (paused: boolean) => void;
  readonly #app = byId('app');
  readonly #pauseButton = byId<HTMLButtonElement>('pause');
  readonly #live = byId<HTMLButtonElement>('back-to-live');
  readonly #characters = byId<HTMLInputElement>('single-keys');

  constructor(view: View, setPaused: (paused: boolean) => void) {
    this.#view = view;
    this.#setPaused = setPaused;
    this.#pauseButton.addEventListener('click', () => setPaused(!view.paused));
    this.#live.addEventListener('click', () => this.#backToLive());
    this.#characters.checked = remembered() !== 'off';
    this.#characters.addEventListener('change', () => {
      this.#showKeys();
      remember(this.#characters.checked ? 'on' : 'off');
    });
    this.#showKeys();
    document.addEventListener('keydown', (event) => this.#pressKey(event));
    this.#followPointer(byId('plot'));
  }

  refresh(): void {
    // The label stays: that the button is pressed says the rest.
    const pressed = String(this.#view.paused);
    if (this.#pauseButton.ariaPressed !== pressed) this.#pauseButton.ariaPressed = pressed;
    this.#live.hidden = !this.#view.paused;
  }

  #backToLive(): void {
    this.#setPaused(false);
    // The button that was pressed goes away, and the focus would go with it.
    if (document.activeElement === this.#live) this.#pauseButton.focus();
  }

  #showKeys(): void {
    setData(this.#app, 'keys', this.#characters.checked ? 'on' : 'off');
  }

  #pressKey(event: KeyboardEvent): void {
    const inControl = event.target instanceof HTMLButtonElement || event.target instanceof HTMLInputElement;
    const action = actionOf(event, inControl, this.#characters.checked);
    switch (action?.type) {
      case 'pause':
        this.#setPaused(!this.#view.paused);
        break;
      case 'live':
        this.#backToLive();
        break;
      case 'move':
        this.#view.hover = Math.min(1, Math.max(0, (this.#view.hover ?? 0.5) + action.by));
        break;
      case 'leave':
        this.#view.hover = null;
        // The browser closes an open menu with it.
        return;
      default:
        return;
    }
    event.preventDefault();
  }

  #followPointer(plot: HTMLElement): void {
    const follow = (event: PointerEvent): void => {
      const { left, width } = plot.getBoundingClientRect();
      this.#view.hover = Math.min(1, Math.max(0, (event.clientX - left) / width));
    };
    plot.addEventListener('pointerdown', follow);
    plot.addEventListener('pointermove', follow);
    plot.addEventListener('pointerleave', () => (this.#view.hover = null));
  }
}

/** A browser that keeps nothing for pages throws; then the setting lasts as long as the page. */
function remembered(): string | null {
  try {
    return localStorage.getItem(KEYS);
  } catch {
    return null;
  }
}

function remember(value: 'on' | 'off'): void {
  try {
    localStorage.setItem(KEYS, value);
  } catch {
    // As above.
  }
}
