// How does a feed tell the page? Listeners by event name, with types.

/** Calls listeners by event name; `Events` maps each name to what its listeners get. */
export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<(value: never) => void>>();

  /** Adds a listener; the function that comes back takes it away again, and so does `signal`. */
  on<Name extends keyof Events>(name: Name, listener: (value: Events[Name]) => void, signal?: AbortSignal): () => void {
    const off = (): void => {
      this.off(name, listener);
      signal?.removeEventListener('abort', off);
    };
    if (signal?.aborted) return off;
    let listeners = this.#listeners.get(name);
    if (listeners === undefined) this.#listeners.set(name, (listeners = new Set()));
    listeners.add(listener);
    signal?.addEventListener('abort', off);
    return off;
  }

  off<Name extends keyof Events>(name: Name, listener: (value: Events[Name]) => void): void {
    this.#listeners.get(name)?.delete(listener);
  }

  /** Whether anyone listens to this event. */
  hears(name: keyof Events): boolean {
    return (this.#listeners.get(name)?.size ?? 0) > 0;
  }

  /** A listener that throws does not keep the others from being called: its error is reported like an uncaught one. */
  emit<Name extends keyof Events>(name: Name, value: Events[Name]): void {
    for (const listener of this.#listeners.get(name) ?? []) {
      try {
        (listener as (value: Events[Name]) => void)(value);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
