// What are the values of the traces? Name, unit and number of each, now or under the crosshair.

import { LANES, type Ranges } from '../draw/lanes';
import { AXIS_PX } from '../draw/traces';
import { number } from '../model/format';
import { profileAt } from '../model/profile';
import type { View } from '../view';
import { add, byId, Text } from './dom';

/** The labels to the left of the traces. */
export class LaneLabels {
  readonly #values: Text[] = [];
  readonly #references: Text[] = [];
  readonly #limits: { max: Text; min: Text }[] = [];
  readonly #host = byId('lane-labels');

  constructor() {
    this.#host.style.gridTemplateRows = `${LANES.map((lane) => `minmax(0, ${lane.weight}fr)`).join(' ')} ${AXIS_PX}px`;
    for (const lane of LANES) {
      const label = add(this.#host, 'div', 'lane-label');
      label.style.setProperty('--lane', `var(--${lane.color})`);
      add(label, 'span', 'lane-name', lane.name);
      this.#values.push(new Text(add(label, 'span', 'lane-value', '–')));
      add(label, 'span', 'lane-unit', lane.unit);
      this.#references.push(new Text(add(label, 'span', 'lane-reference', '')));
      this.#limits.push({ max: new Text(add(label, 'span', 'lane-max', '')), min: new Text(add(label, 'span', 'lane-min', '')) });
    }
  }

  refresh(view: View, ranges: Ranges, hovered: { row: number; fraction: number } | null): void {
    const { session, reference } = view;
    const row = hovered === null ? view.endRow - 1 : hovered.row;
    const fraction = hovered === null || Number.isNaN(hovered.fraction) ? session?.history.at('lapFraction', row) : hovered.fraction;
    LANES.forEach((lane, i) => {
      this.#values[i]?.set(number((session?.history.at(lane.channel, row) ?? NaN) * lane.factor, lane.digits));
      this.#limits[i]?.max.set(number(ranges.max[i]));
      this.#limits[i]?.min.set(number(ranges.min[i]));
      const column = reference?.columns[lane.channel];
      const compared = column === undefined || fraction === undefined || Number.isNaN(fraction) ? NaN : profileAt(column, fraction);
      this.#references[i]?.set(Number.isNaN(compared) ? '' : `ref ${number(compared * lane.factor, lane.digits)}`);
    });
  }
}
