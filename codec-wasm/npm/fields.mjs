// What do the `.d.ts` say about each channel? One documented property each, from the codec's own table.

const key = (name) => name.replace(/_+([a-z0-9])/g, (_, letter) => letter.toUpperCase());

/** The TypeScript of `fields.ts`, from the table that `examples/channels.rs` prints. */
export function fieldsSource(channels) {
  const floats = channels.filter(({ kind }) => kind === 'float');
  const ints = channels.filter(({ kind }) => kind === 'int');
  const property = (channel, type) => `${doc(channel)}\n  readonly ${key(channel.name)}${type};`;
  const type = ({ kind }) => (kind === 'float' ? ': Float32Array' : ': Int32Array');
  return `// Which channels are there? Generated from the codec's table (codec/src/channels/table.rs).

/** One column for each channel of the built-in table. Absent is NaN in a Float32Array, {@link ABSENT} in an Int32Array. */
export interface ChannelColumns {
${channels.map((channel) => property(channel, type(channel))).join('\n')}
}

/** The values of all channels of the built-in table at one instant; what the source does not give is missing. */
export interface ChannelValues {
  /** When the values were read: Unix µs on the driver's clock. */
  readonly capturedAtUs: number;
${channels.map((channel) => property(channel, '?: number')).join('\n')}
}

/** The keys of the float channels. */
export const FLOAT_KEYS: readonly string[] = '${floats.map(({ name }) => key(name)).join(' ')}'.split(' ');

/** The keys of the int channels. */
export const INT_KEYS: readonly string[] = '${ints.map(({ name }) => key(name)).join(' ')}'.split(' ');
`;
}

/** The comment of a channel: meaning, unit, resolution and range, and the names of its values. */
function doc({ unit, kind, resolution, min, max, labels, meaning }) {
  const step = kind === 'float' ? `, in steps of ${resolution}` : '';
  const lines = [meaning, `Unit: ${unit}${step}; ${min} to ${max}.`];
  const bits = unit === 'bits';
  const names = labels.map((label, at) => `${bits ? 2 ** at : min + at} ${label}`);
  if (names.length > 0) lines.push(`${bits ? 'Bits' : 'Values'}: ${names.join(', ')}.`);
  return `  /**\n${lines.map((line) => `   * ${line.replaceAll('*/', '* /')}`).join('\n')}\n   */`;
}
