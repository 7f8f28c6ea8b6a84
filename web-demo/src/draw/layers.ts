// How do canvases lie over each other and follow the size of their place?

/** Canvases on top of each other that fill one element. */
export class Layers {
  readonly contexts: CanvasRenderingContext2D[];
  /** Size in CSS pixels. */
  width = 0;
  height = 0;
  /** Device pixels per CSS pixel. */
  scale = 1;
  #stale = true;

  /** Puts `n` canvases into `host`, the first one lowest. */
  constructor(host: HTMLElement, n: number) {
    this.contexts = Array.from({ length: n }, () => {
      const canvas = document.createElement('canvas');
      canvas.className = 'layer';
      host.append(canvas);
      return canvas.getContext('2d') as CanvasRenderingContext2D;
    });
    new ResizeObserver(([entry]) => {
      if (entry === undefined) return;
      this.width = Math.round(entry.contentRect.width);
      this.height = Math.round(entry.contentRect.height);
      this.#stale = true;
    }).observe(host);
  }

  /** Takes over a new size; true if every layer is empty now and must be drawn again. */
  fit(): boolean {
    const scale = Math.min(window.devicePixelRatio || 1, 3);
    if (!this.#stale && scale === this.scale) return false;
    this.#stale = false;
    this.scale = scale;
    for (const context of this.contexts) {
      context.canvas.width = Math.max(1, Math.round(this.width * scale));
      context.canvas.height = Math.max(1, Math.round(this.height * scale));
      context.setTransform(scale, 0, 0, scale, 0, 0);
    }
    return true;
  }

  clear(layer: number): void {
    this.contexts[layer]?.clearRect(0, 0, this.width, this.height);
  }
}
