// What would the driver see on the dashboard? Gear, speed, engine, lamps, and the gap to the best lap.

import { DeltaBar, Pedals, ShiftLights } from '../draw/bars';
import { gear, number, signed } from '../model/format';
import type { View } from '../view';
import { byId, setData, Text } from './dom';

const ARROWS = { faster: '▲ ', slower: '▼ ', none: '' };

type LampState = 'on' | 'off' | 'absent';

const FLAGS = ['No flag', 'Blue', 'Yellow', 'Black', 'White', 'Finish', 'Penalty', 'Green', 'Orange'];

/** The cockpit panel. */
export class Cluster {
  readonly #gear = Text.of('gear');
  readonly #speed = Text.of('speed');
  readonly #rpm = Text.of('rpm');
  readonly #delta = Text.of('delta');
  readonly #deltaBox = byId('delta-box');
  readonly #lights = new ShiftLights(byId('shift-lights'));
  readonly #pedals = new Pedals(byId('pedals'));
  readonly #deltaBar = new DeltaBar(byId('delta-bar'));
  readonly #lamps = new Map(['tc', 'abs', 'limiter', 'pit', 'flag'].map((name) => [name, byId(`lamp-${name}`)]));

  draw(view: View): void {
    const rpm = view.session?.history.at('engineRpm', view.endRow - 1) ?? NaN;
    this.#lights.draw(rpm / view.maxRpm);
    this.#pedals.draw(view);
    this.#deltaBar.draw(view.deltaS);
  }

  refresh({ session, endRow, deltaS }: View): void {
    const at = (channel: 'gear' | 'speedMps' | 'engineRpm'): number => session?.history.at(channel, endRow - 1) ?? NaN;
    this.#gear.set(gear(at('gear')));
    this.#speed.set(number(at('speedMps') * 3.6));
    this.#rpm.set(number(at('engineRpm')));
    // What rounds to zero is neither.
    const sign = !(Math.abs(deltaS) >= 0.005) ? 'none' : deltaS < 0 ? 'faster' : 'slower';
    this.#delta.set(`${ARROWS[sign]}${signed(deltaS)}`);
    setData(this.#deltaBox, 'sign', sign);

    const latest = (key: string): number => session?.latest.get(key) ?? NaN;
    this.#showLamp('tc', 'TC', stateOf(latest('tcActive')), latest('tcLevel'));
    this.#showLamp('abs', 'ABS', stateOf(latest('absActive')), latest('absLevel'));
    this.#showLamp('limiter', 'LIM', stateOf(latest('pitLimiter')), NaN);
    const [box, lane] = [latest('inPitBox'), latest('inPitLane')];
    this.#showLamp('pit', box === 1 ? 'BOX' : 'PIT', stateOf(Number.isNaN(box) ? lane : Math.max(box, lane || 0)), NaN);
    const flag = latest('flag');
    this.#showLamp('flag', FLAGS[flag] ?? 'Flag', stateOf(flag), NaN);
    setData(this.#lamps.get('flag') as HTMLElement, 'flag', String(flag || 0));
  }

  #showLamp(name: string, label: string, state: LampState, level: number): void {
    const element = this.#lamps.get(name) as HTMLElement;
    const text = state === 'absent' && Number.isNaN(level) ? `${label} –` : Number.isNaN(level) ? label : `${label} ${level}`;
    if (element.textContent !== text) element.textContent = text;
    setData(element, 'lamp', state);
    const spoken = `${text}: ${state === 'absent' ? 'unknown' : state}`;
    if (element.ariaLabel !== spoken) element.ariaLabel = spoken;
  }
}

function stateOf(value: number): LampState {
  if (Number.isNaN(value)) return 'absent';
  return value > 0 ? 'on' : 'off';
}
