//! How small and how fast is each codec on one trace? All codecs take turns in each pass, so that a busy machine
//! slows them alike; the lowest of the passes is the figure, with the median next to it.

use std::hint::black_box;
use std::time::Instant;

use anyhow::{Context, Result};
use purple_sector_codec::StreamReader;

use crate::allocations;
use crate::general::{Format, General};
use crate::layouts::Plain;
use crate::ours::{PayloadDecoder, PayloadEncoder, Records, Rows, encode_stream, stream_encoder};
use crate::results::{Figure, Results};
use crate::trace::Trace;

/// Block sizes that are measured: from the lowest delay to an archive.
pub(crate) const SAMPLES_PER_BLOCK: [usize; 5] = [1, 2, 6, 12, 60];

/// One step of a pass.
type Step<'a> = dyn FnMut() -> Result<()> + 'a;

/// Runs a step and notes how long it took, under the name of its metric.
type Stopwatch<'a> = dyn FnMut(&'static str, &mut Step<'_>) -> Result<()> + 'a;

/// One codec on one trace: a pass gives the times of its metrics.
trait Contender {
    fn name(&self) -> String;
    /// Checks the round trip and gives the sizes: payload, and with the envelope where there is one.
    fn check(&mut self) -> Result<(usize, Option<usize>)>;
    /// Encodes and decodes the whole trace. Calls `time` around each step.
    fn pass(&mut self, time: &mut Stopwatch<'_>) -> Result<()>;
    /// Allocations per message, encoding and decoding, once warm.
    fn allocations(&mut self) -> Result<f64>;
}

/// Measures all codecs on `trace` and adds their figures to `results`.
pub(crate) fn measure<P: Plain>(trace: &Trace<P>, n_passes: u32, results: &mut Results) -> Result<()> {
    let protos: Vec<P::Proto> = trace.samples.iter().map(P::to_proto).collect();
    for samples_per_block in SAMPLES_PER_BLOCK {
        let mut contenders: Vec<Box<dyn Contender + '_>> = vec![
            Box::new(Ours::new(&trace.samples, samples_per_block, false)?),
            Box::new(Ours::new(&trace.samples, samples_per_block, true)?),
        ];
        for format in Format::ALL {
            for with_zstd in [false, true] {
                let codec = General::new(format, with_zstd)?;
                contenders.push(Box::new(Theirs::new(codec, &trace.samples, &protos, samples_per_block)?));
            }
        }
        let figure = |name: String, metric, unit, value| Figure {
            name,
            trace: trace.name.clone(),
            samples_per_block,
            metric,
            unit,
            value,
        };
        let n_samples = trace.samples.len() as f64;
        for contender in &mut contenders {
            let context = || format!("{}, {samples_per_block} samples per block", trace.name);
            let (payload, whole) = contender.check().with_context(context)?;
            let name = contender.name();
            results.add(figure(name.clone(), "bytes_per_sample", "B", payload as f64 / n_samples));
            if let Some(whole) = whole {
                results.add(figure(name.clone(), "envelope_bytes_per_sample", "B", whole as f64 / n_samples));
            }
            let allocations = contender.allocations()?;
            results.add(figure(name, "allocations_per_message", "allocations", allocations));
        }
        let mut times: Vec<Vec<(&'static str, Vec<f64>)>> = contenders.iter().map(|_| Vec::new()).collect();
        for _ in 0..n_passes {
            for (contender, times) in contenders.iter_mut().zip(&mut times) {
                contender.pass(&mut |metric, step| {
                    let start = Instant::now();
                    step()?;
                    let ns_per_sample = start.elapsed().as_nanos() as f64 / n_samples;
                    match times.iter_mut().find(|(known, _)| *known == metric) {
                        Some((_, values)) => values.push(ns_per_sample),
                        None => times.push((metric, vec![ns_per_sample])),
                    }
                    Ok(())
                })?;
            }
        }
        for (contender, times) in contenders.iter().zip(&mut times) {
            for (metric, values) in times {
                values.sort_by(f64::total_cmp);
                results.add(figure(contender.name(), metric, "ns", values[0]));
                if let Some(metric) = median_of(metric) {
                    results.add(figure(contender.name(), metric, "ns", values[values.len() / 2]));
                }
            }
        }
        results.print(&trace.name, samples_per_block);
    }
    Ok(())
}

fn median_of(metric: &str) -> Option<&'static str> {
    match metric {
        "encode_ns_per_sample" => Some("encode_ns_per_sample_median"),
        "decode_ns_per_sample" => Some("decode_ns_per_sample_median"),
        _ => None,
    }
}

/// Our own codec.
struct Ours {
    lossless: bool,
    samples_per_block: usize,
    rows: Rows,
    records: Records,
    encoder: PayloadEncoder,
    decoder: PayloadDecoder,
}

impl Ours {
    fn new<P: Plain>(samples: &[P], samples_per_block: usize, lossless: bool) -> Result<Self> {
        let rows = Rows::of(samples, lossless)?;
        let records = Records::of(&rows, samples_per_block)?;
        let encoder = PayloadEncoder::new(&rows, samples_per_block)?;
        let decoder = PayloadDecoder::new(&rows, samples_per_block)?;
        Ok(Self { lossless, samples_per_block, rows, records, encoder, decoder })
    }
}

impl Contender for Ours {
    fn name(&self) -> String {
        if self.lossless { "purple-sector-lossless".into() } else { "purple-sector".into() }
    }

    fn check(&mut self) -> Result<(usize, Option<usize>)> {
        self.records.check(&self.rows)?;
        Ok((self.records.total_body_len()?, Some(self.records.total_len())))
    }

    fn pass(&mut self, time: &mut Stopwatch<'_>) -> Result<()> {
        let Self { rows, records, encoder, decoder, .. } = self;
        let bodies = records.bodies()?;
        time("encode_ns_per_sample", &mut || {
            black_box(encoder.encode(rows, &bodies)?);
            Ok(())
        })?;
        time("decode_ns_per_sample", &mut || {
            decoder.decode(&bodies, |decoder, n| {
                black_box((decoder, n));
            })
        })?;
        time("decode_read_ns_per_sample", &mut || {
            decoder.decode(&bodies, |decoder, n| {
                black_box(decoder.read_all(n));
            })
        })?;
        let mut stream = stream_encoder(rows, self.samples_per_block)?;
        time("message_encode_ns_per_sample", &mut || {
            encode_stream(&mut stream, rows, |record| {
                black_box(record);
            })
        })?;
        let mut reader = StreamReader::new();
        reader.push(&records.records[0])?;
        time("message_decode_ns_per_sample", &mut || {
            for record in &records.records[1..] {
                black_box(reader.push(record)?);
            }
            Ok(())
        })
    }

    fn allocations(&mut self) -> Result<f64> {
        let mut stream = stream_encoder(&self.rows, self.samples_per_block)?;
        encode_stream(&mut stream, &self.rows, |_| {})?;
        let mut reader = StreamReader::new();
        let half = self.records.records.len() / 2;
        for record in &self.records.records[..half] {
            reader.push(record)?;
        }
        let mut result = Ok(());
        let encoding = allocations::during(|| {
            // The times are those of the first round: the stream makes key blocks as it goes.
            result = encode_stream(&mut stream, &self.rows, |record| {
                black_box(record);
            });
        });
        result?;
        let mut result = Ok(());
        let decoding = allocations::during(|| {
            for record in &self.records.records[half..] {
                result = reader.push(record).map(drop);
                if result.is_err() {
                    break;
                }
            }
        });
        result?;
        let n_decoded = self.records.records.len() - half;
        Ok(encoding as f64 / self.records.n_blocks() as f64 + decoding as f64 / n_decoded as f64)
    }
}

/// A general format.
struct Theirs<'a, P: Plain> {
    codec: General,
    samples: &'a [P],
    protos: &'a [P::Proto],
    samples_per_block: usize,
    messages: Vec<Vec<u8>>,
    out: Vec<u8>,
}

impl<'a, P: Plain> Theirs<'a, P> {
    fn new(
        mut codec: General,
        samples: &'a [P],
        protos: &'a [P::Proto],
        samples_per_block: usize,
    ) -> Result<Self> {
        let mut messages = Vec::new();
        let mut out = Vec::new();
        for (samples, protos) in samples.chunks(samples_per_block).zip(protos.chunks(samples_per_block)) {
            codec.encode(samples, protos, &mut out)?;
            messages.push(out.clone());
        }
        Ok(Self { codec, samples, protos, samples_per_block, messages, out })
    }

    fn encode_all(&mut self) -> Result<()> {
        let blocks =
            self.samples.chunks(self.samples_per_block).zip(self.protos.chunks(self.samples_per_block));
        for (samples, protos) in blocks {
            self.codec.encode(samples, protos, &mut self.out)?;
            black_box(&self.out);
        }
        Ok(())
    }

    fn decode_all(&mut self) -> Result<()> {
        for message in &self.messages {
            self.codec.decode::<P>(message, |decoded| {
                black_box(&decoded);
            })?;
        }
        Ok(())
    }
}

impl<P: Plain> Contender for Theirs<'_, P> {
    fn name(&self) -> String {
        self.codec.name().into()
    }

    fn check(&mut self) -> Result<(usize, Option<usize>)> {
        let blocks =
            self.samples.chunks(self.samples_per_block).zip(self.protos.chunks(self.samples_per_block));
        for ((samples, protos), message) in blocks.zip(&self.messages) {
            self.codec.check(message, samples, protos)?;
        }
        Ok((self.messages.iter().map(Vec::len).sum(), None))
    }

    fn pass(&mut self, time: &mut Stopwatch<'_>) -> Result<()> {
        time("encode_ns_per_sample", &mut || self.encode_all())?;
        time("decode_ns_per_sample", &mut || self.decode_all())
    }

    fn allocations(&mut self) -> Result<f64> {
        let mut result = Ok(());
        let count = allocations::during(|| result = self.encode_all().and_then(|()| self.decode_all()));
        result?;
        Ok(count as f64 / self.messages.len() as f64)
    }
}
