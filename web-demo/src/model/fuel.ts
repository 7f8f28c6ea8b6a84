// How far does the fuel go? Use per lap as the game says, else from the laps driven here.

/** Laps averaged. */
const N_LAPS = 5;

/** How much fuel there is, and how far it goes. */
export interface FuelState {
  /** Litres; NaN where absent, as all below. */
  litres: number;
  perLap: number;
  lapsLeft: number;
}

/** Averages what laps use. */
export class FuelMeter {
  readonly #used: number[] = [];
  #atLine = NaN;

  /** A lap ended with `litres` in the tank; `whole` if it was seen from line to line. */
  endLap(litres: number, whole: boolean): void {
    const used = this.#atLine - litres;
    if (whole && used > 0) this.#used.push(used);
    if (this.#used.length > N_LAPS) this.#used.shift();
    this.#atLine = litres;
  }

  state(litres: number, gamePerLap: number, gameLapsLeft: number): FuelState {
    const average = this.#used.reduce((sum, used) => sum + used, 0) / this.#used.length;
    const perLap = gamePerLap > 0 ? gamePerLap : average;
    return { litres, perLap, lapsLeft: gameLapsLeft > 0 ? gameLapsLeft : litres / perLap };
  }
}
