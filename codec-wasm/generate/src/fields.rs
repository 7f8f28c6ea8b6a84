//! What do the types say about each channel? One documented property each, from the codec's own table.

use purple_sector_codec::channels::{ABSENT, FLOAT_CHANNELS, FloatInfo, INT_CHANNELS, IntInfo};

use crate::key;

/// A channel as its property needs it.
struct Field {
    key: String,
    column: &'static str,
    doc: String,
}

/// The content of `fields.ts`.
pub(crate) fn source() -> String {
    let fields: Vec<Field> =
        FLOAT_CHANNELS.iter().map(Field::of_float).chain(INT_CHANNELS.iter().map(Field::of_int)).collect();
    let properties = |type_of: fn(&Field) -> String| {
        let property =
            |field: &Field| format!("{}\n  readonly {}{};\n", field.doc, field.key, type_of(field));
        fields.iter().map(property).collect::<String>()
    };
    let columns = properties(|field| format!(": {}", field.column));
    let values = properties(|_| "?: number".to_owned());
    let floats = keys(FLOAT_CHANNELS.iter().map(|info| info.name));
    let ints = keys(INT_CHANNELS.iter().map(|info| info.name));
    format!(
        "// Which channels are there? Generated from the codec's table (codec/src/channels/table.rs).

/** The value of an int channel that the source does not give. (A float channel has NaN.) */
export const ABSENT = {ABSENT};

/** One column for each channel of the built-in table. Absent is NaN in a Float32Array, {{@link ABSENT}} in an Int32Array. */
export interface ChannelColumns {{
{columns}}}

/** The values of all channels of the built-in table at one instant; what the source does not give is missing. */
export interface ChannelValues {{
  /** When the values were read: Unix µs on the driver's clock. */
  readonly capturedAtUs: number;
{values}}}

/** The keys of the float channels. */
export const FLOAT_KEYS: readonly string[] = '{floats}'.split(' ');

/** The keys of the int channels. */
export const INT_KEYS: readonly string[] = '{ints}'.split(' ');
"
    )
}

impl Field {
    fn of_float(info: &FloatInfo) -> Self {
        let FloatInfo { name, unit, resolution, min, max, meaning, .. } = info;
        let unit = format!("Unit: {unit}, in steps of {resolution}; {min} to {max}.");
        Self { key: key(name), column: "Float32Array", doc: doc(&[meaning, &unit]) }
    }

    fn of_int(info: &IntInfo) -> Self {
        let IntInfo { name, unit, min, max, labels, meaning, .. } = *info;
        let line = format!("Unit: {unit}; {min} to {max}.");
        let mut lines = vec![meaning, &line];
        let bits = unit == "bits";
        let names = (0..).zip(labels).map(|(at, label)| {
            let value = if bits { 1_i64 << at } else { i64::from(min) + at };
            format!("{value} {label}")
        });
        let values =
            format!("{}: {}.", if bits { "Bits" } else { "Values" }, names.collect::<Vec<_>>().join(", "));
        if !labels.is_empty() {
            lines.push(&values);
        }
        Self { key: key(name), column: "Int32Array", doc: doc(&lines) }
    }
}

/// A comment of these lines for a property. The table's texts do not end comments.
fn doc(lines: &[&str]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| format!("   * {}", line.replace("*/", "* /"))).collect();
    format!("  /**\n{}\n   */", lines.join("\n"))
}

/// The keys of these names with spaces between them: shorter in a page than a list of strings.
fn keys(names: impl Iterator<Item = &'static str>) -> String {
    names.map(key).collect::<Vec<_>>().join(" ")
}
