//! How does our own codec write the same samples? As block bodies (payload), and as whole records of a stream.

use anyhow::{Context, Result, bail, ensure};
use purple_sector_codec::block::{OwnedBlockDecoder, OwnedBlockEncoder, column_stride, max_encoded_len};
use purple_sector_codec::{
    Coding, Columns, Envelope, Header, Position, Received, Row, Schema, SessionId, StreamEncoder,
    StreamReader, StreamSettings,
};

use crate::layouts::Plain;

/// The samples of a trace in schema order, as a source hands them over.
pub(crate) struct Rows {
    pub(crate) schema: Schema,
    rows: Vec<(u64, Vec<f32>, Vec<i32>)>,
}

impl Rows {
    pub(crate) fn of<P: Plain>(samples: &[P], lossless: bool) -> Result<Self> {
        let schema = Schema::new(P::channels())?;
        let schema = if lossless { schema.lossless() } else { schema };
        let row = |sample: &P| {
            let (mut floats, mut ints) = (Vec::new(), Vec::new());
            sample.values(&mut floats, &mut ints);
            (sample.time_us(), floats, ints)
        };
        Ok(Self { schema, rows: samples.iter().map(row).collect() })
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|(captured_at_us, floats, ints)| Row {
            captured_at_us: *captured_at_us,
            floats,
            ints,
        })
    }

    /// Whether these columns hold samples `from..from + n` within the stated error.
    fn check(
        &self,
        from: usize,
        n: usize,
        times: &[u64],
        columns: &dyn Fn(Position) -> Vec<f64>,
    ) -> Result<()> {
        for (channel, position) in self.schema.channels().iter().zip(self.schema.positions()) {
            let decoded = columns(*position);
            for (place, value) in decoded.iter().enumerate().take(n) {
                let (time, floats, ints) = &self.rows[from + place];
                ensure!(times[place] == *time, "sample {}: another time", from + place);
                let (original, allowed) = match (*position, channel.coding) {
                    (Position::Float(at), Coding::Fixed { resolution, .. }) => {
                        let value = floats[at];
                        let ulp = f64::from(value.abs().next_up() - value.abs());
                        (f64::from(value), f64::from(resolution) / 2.0 + ulp)
                    }
                    (Position::Float(at), _) => (f64::from(floats[at]), 0.0),
                    (Position::Int(at), _) => (f64::from(ints[at]), 0.0),
                };
                let same = (original.is_nan() && value.is_nan()) || (original - value).abs() <= allowed;
                ensure!(same, "sample {}, {}: {value} instead of {original}", from + place, channel.name);
            }
        }
        Ok(())
    }
}

/// The records of a trace, made once.
pub(crate) struct Records {
    /// The schema record, then the blocks.
    pub(crate) records: Vec<Vec<u8>>,
}

impl Records {
    pub(crate) fn of(rows: &Rows, samples_per_block: usize) -> Result<Self> {
        let mut encoder = stream_encoder(rows, samples_per_block)?;
        let mut records = vec![encoder.schema_record().to_vec()];
        encode_stream(&mut encoder, rows, |record| records.push(record.to_vec()))?;
        Ok(Self { records })
    }

    pub(crate) fn n_blocks(&self) -> usize {
        self.records.len() - 1
    }

    /// Bytes of all blocks with their envelopes. The schema record is sent every ten seconds and not counted.
    pub(crate) fn total_len(&self) -> usize {
        self.records[1..].iter().map(Vec::len).sum()
    }

    /// Bytes of all block bodies.
    pub(crate) fn total_body_len(&self) -> Result<usize> {
        Ok(self.bodies()?.iter().map(|(_, body)| body.len()).sum())
    }

    /// The block bodies, and the origin of those that are keys.
    pub(crate) fn bodies(&self) -> Result<Vec<(Option<u64>, &[u8])>> {
        self.records[1..].iter().map(|record| body(record)).collect()
    }

    /// Whether the stream reader gives back the rows.
    pub(crate) fn check(&self, rows: &Rows) -> Result<()> {
        let mut reader = StreamReader::new();
        let mut from = 0;
        for record in &self.records {
            match reader.push(record)? {
                Received::Samples(samples) => {
                    let column = |position| match position {
                        Position::Float(at) => {
                            samples.float_column(at).iter().copied().map(f64::from).collect()
                        }
                        Position::Int(at) => samples.int_column(at).iter().copied().map(f64::from).collect(),
                    };
                    rows.check(from, samples.len(), samples.captured_at_us(), &column)?;
                    from += samples.len();
                }
                Received::Schema { .. } => {}
                other => bail!("a record was read as {other:?}"),
            }
        }
        ensure!(from == rows.len(), "{from} of {} samples came back", rows.len());
        Ok(())
    }
}

/// Encodes the trace into block bodies, with the keys where the stream encoder puts them.
pub(crate) struct PayloadEncoder {
    kernel: OwnedBlockEncoder,
    out: Vec<u8>,
}

impl PayloadEncoder {
    pub(crate) fn new(rows: &Rows, samples_per_block: usize) -> Result<Self> {
        let slots = rows.schema.slots();
        let kernel = OwnedBlockEncoder::owned(&slots, samples_per_block)?;
        Ok(Self { kernel, out: vec![0; max_encoded_len(slots.len(), samples_per_block)] })
    }

    /// `bodies` tells which blocks are keys. Returns the number of bytes.
    pub(crate) fn encode(&mut self, rows: &Rows, bodies: &[(Option<u64>, &[u8])]) -> Result<usize> {
        let mut blocks = bodies.iter();
        let mut n_left = 0;
        let mut total = 0;
        let mut is_key = false;
        for row in rows.iter() {
            if n_left == 0 {
                let (origin, body) = blocks.next().context("there are more rows than blocks")?;
                (is_key, n_left) = (origin.is_some(), usize::from(body[0]) + 1);
            }
            self.kernel.push(row)?;
            n_left -= 1;
            if n_left == 0 {
                let encode = if is_key {
                    self.kernel.encode_key(&mut self.out)
                } else {
                    self.kernel.encode_block(&mut self.out)
                };
                total += encode?;
            }
        }
        Ok(total)
    }
}

/// Decodes block bodies into columns.
pub(crate) struct PayloadDecoder {
    kernel: OwnedBlockDecoder,
    n_floats: usize,
    n_ints: usize,
    stride: usize,
    captured_at_us: Vec<u64>,
    floats: Vec<f32>,
    ints: Vec<i32>,
}

impl PayloadDecoder {
    pub(crate) fn new(rows: &Rows, samples_per_block: usize) -> Result<Self> {
        let slots = rows.schema.slots();
        let stride = column_stride(samples_per_block);
        let (n_floats, n_ints) = (rows.schema.n_floats(), rows.schema.n_ints());
        Ok(Self {
            kernel: OwnedBlockDecoder::owned(&slots)?,
            n_floats,
            n_ints,
            stride,
            captured_at_us: vec![0; stride],
            floats: vec![0.0; stride * n_floats],
            ints: vec![0; stride * n_ints],
        })
    }

    /// Decodes all bodies; `see` gets the decoder and the number of samples after each.
    pub(crate) fn decode(
        &mut self,
        bodies: &[(Option<u64>, &[u8])],
        mut see: impl FnMut(&Self, usize),
    ) -> Result<()> {
        for (origin, body) in bodies {
            let mut columns = Columns {
                captured_at_us: &mut self.captured_at_us,
                floats: &mut self.floats,
                ints: &mut self.ints,
                stride: self.stride,
            };
            let n = match origin {
                Some(origin) => self.kernel.decode_key(*origin, body, &mut columns)?,
                None => self.kernel.decode_block(body, &mut columns)?,
            };
            see(self, n);
        }
        Ok(())
    }

    /// Reads every decoded value of a block of `n` samples, as a page that shows all of them would.
    pub(crate) fn read_all(&self, n: usize) -> f64 {
        let floats = (0..self.n_floats).flat_map(|at| &self.floats[at * self.stride..][..n]);
        let ints = (0..self.n_ints).flat_map(|at| &self.ints[at * self.stride..][..n]);
        floats.map(|value| f64::from(*value)).sum::<f64>() + ints.map(|value| f64::from(*value)).sum::<f64>()
    }
}

/// Makes a stream's blocks out of the rows.
pub(crate) fn encode_stream(
    encoder: &mut StreamEncoder,
    rows: &Rows,
    mut see: impl FnMut(&[u8]),
) -> Result<()> {
    for row in rows.iter() {
        if let Some(record) = encoder.push(row)? {
            see(&record);
        }
    }
    if let Some(record) = encoder.flush()? {
        see(&record);
    }
    Ok(())
}

pub(crate) fn stream_encoder(rows: &Rows, samples_per_block: usize) -> Result<StreamEncoder> {
    let session = SessionId::parse("bench").context("the session id is refused")?;
    let key_interval_us = StreamSettings::KEY_INTERVAL_US;
    let settings =
        StreamSettings { session, epoch: 1, schema: rows.schema.clone(), samples_per_block, key_interval_us };
    Ok(StreamEncoder::new(settings)?)
}

fn body(record: &[u8]) -> Result<(Option<u64>, &[u8])> {
    let envelope = Envelope::parse(record)?;
    let origin = match envelope.header {
        Header::Key { origin_us, .. } => Some(origin_us),
        _ => None,
    };
    Ok((origin, envelope.body))
}
