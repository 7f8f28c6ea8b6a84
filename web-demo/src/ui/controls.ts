// How does a person steer the page? Pause, back to live, and the crosshair: by pointer, touch and keys.

import type { View } from '../view';
import { byId, Text } from './dom';

/** How far an arrow key moves the crosshair, as a share of the plot. */
const KEY_STEP = 0.005;

export class Controls {
  private readonly pauseButton = byId<HTMLButtonElement>('pause');
  private readonly pauseText = Text.of('pause-text');
  private readonly live = byId<HTMLButtonElement>('back-to-live');

  constructor(private readonly view: View, private readonly setPaused: (paused: boolean) => void) {
    this.pauseButton.addEventListener('click', () => setPaused(!view.paused));
    this.live.addEventListener('click', () => {
      setPaused(false);
      this.pauseButton.focus();
    });
    document.addEventListener('keydown', (event) => this.key(event));
    this.followPointer(byId('plot'));
  }

  refresh(): void {
    this.pauseText.set(this.view.paused ? 'Go on' : 'Pause');
    if (this.pauseButton.ariaPressed !== String(this.view.paused)) this.pauseButton.ariaPressed = String(this.view.paused);
    this.live.hidden = !this.view.paused;
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const inControl = event.target instanceof HTMLButtonElement || event.target instanceof HTMLInputElement;
    switch (event.key) {
      case ' ':
        if (inControl) return;
        this.setPaused(!this.view.paused);
        break;
      case 'l':
      case 'L':
        this.setPaused(false);
        break;
      case 'ArrowLeft':
      case 'ArrowRight': {
        if (inControl) return;
        const step = event.key === 'ArrowLeft' ? -KEY_STEP : KEY_STEP;
        this.view.hover = Math.min(1, Math.max(0, (this.view.hover ?? 0.5) + step * (event.shiftKey ? 10 : 1)));
        break;
      }
      case 'Escape':
        this.view.hover = null;
        return;
      default:
        return;
    }
    event.preventDefault();
  }

  private followPointer(plot: HTMLElement): void {
    const follow = (event: PointerEvent): void => {
      const { left, width } = plot.getBoundingClientRect();
      this.view.hover = Math.min(1, Math.max(0, (event.clientX - left) / width));
    };
    plot.addEventListener('pointerdown', follow);
    plot.addEventListener('pointermove', follow);
    plot.addEventListener('pointerleave', () => (this.view.hover = null));
  }
}
