// How far does the fuel go? Litres, use per lap, laps left, and the lap on which it runs out.

import { number } from '../model/format';
import type { View } from '../view';
import { Text } from './dom';

/** The fuel panel. */
export class Fuel {
  readonly #litres = Text.of('fuel-litres');
  readonly #perLap = Text.of('fuel-per-lap');
  readonly #laps = Text.of('fuel-laps');
  readonly #note = Text.of('fuel-note');

  refresh({ session }: View): void {
    const latest = (key: string): number => session?.latest.get(key) ?? NaN;
    const fuel = session?.fuel.state(latest('fuelL'), latest('fuelPerLapL'), latest('fuelLapsLeft'));
    this.#litres.set(number(fuel?.litres, 1));
    this.#perLap.set(number(fuel?.perLap, 2));
    this.#laps.set(number(fuel?.lapsLeft, 1));
    const lap = session?.laps.current?.number ?? NaN;
    const fraction = session?.history.at('lapFraction', session.history.end - 1) ?? NaN;
    const dry = Math.floor(lap + (Number.isNaN(fraction) ? 0 : fraction) + (fuel?.lapsLeft ?? NaN));
    this.#note.set(Number.isFinite(dry) ? `empty on lap ${dry}` : '');
  }
}
