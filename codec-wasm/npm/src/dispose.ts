// How does `using` find what to call? By `Symbol.dispose`, which older browsers and compilers do not have.

declare global {
  // As @types/node declares them; TypeScript merges both with its own.
  interface SymbolConstructor {
    readonly dispose: unique symbol;
  }
  interface Disposable {
    [Symbol.dispose](): void;
  }
}

/** The type of a method `[Symbol.dispose]`. A declaration that uses it brings the symbol along, for compilers that lack it. */
export type Dispose = () => void;

/** Lets `using` call `dispose` on instances of this class, where the platform has `using`. */
export function makeDisposable<T>(Class: { readonly prototype: T }, dispose: (this: T) => void): void {
  const symbol = Symbol.dispose as symbol | undefined;
  if (symbol !== undefined) Object.defineProperty(Class.prototype, symbol, { value: dispose });
}
