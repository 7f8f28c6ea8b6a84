//! How do general formats write the same samples? One message per block, as a list of plain structs.
//!
//! Every codec appends to a `Vec` that is kept from message to message, and decodes to owned structs. With zstd
//! (level 1, its context kept too) a message is compressed after encoding and decompressed before decoding.

use anyhow::{Context, Result, ensure};
use prost::Message;

use crate::layouts::Plain;

/// A general format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    SerdeJson,
    Prost,
    Postcard,
    Bitcode,
}

impl Format {
    pub(crate) const ALL: [Format; 4] = [Self::SerdeJson, Self::Prost, Self::Postcard, Self::Bitcode];
}

/// A general format, alone or with zstd.
pub(crate) struct General {
    format: Format,
    zstd: Option<Zstd>,
    bitcode: bitcode::Buffer,
    plain: Vec<u8>,
}

struct Zstd {
    compressor: zstd::bulk::Compressor<'static>,
    decompressor: zstd::bulk::Decompressor<'static>,
}

/// More than any message of the traces has.
const MAX_MESSAGE_LEN: usize = 1 << 20;

impl General {
    pub(crate) fn new(format: Format, with_zstd: bool) -> Result<Self> {
        let zstd = with_zstd.then(|| {
            anyhow::Ok(Zstd {
                compressor: zstd::bulk::Compressor::new(1)?,
                decompressor: zstd::bulk::Decompressor::new()?,
            })
        });
        Ok(Self { format, zstd: zstd.transpose()?, bitcode: bitcode::Buffer::new(), plain: Vec::new() })
    }

    pub(crate) fn name(&self) -> &'static str {
        match (self.format, self.zstd.is_some()) {
            (Format::SerdeJson, false) => "serde_json",
            (Format::SerdeJson, true) => "serde_json+zstd",
            (Format::Prost, false) => "prost",
            (Format::Prost, true) => "prost+zstd",
            (Format::Postcard, false) => "postcard",
            (Format::Postcard, true) => "postcard+zstd",
            (Format::Bitcode, false) => "bitcode",
            (Format::Bitcode, true) => "bitcode+zstd",
        }
    }

    /// Encodes one block; `protos` are the same samples as protobuf messages. `out` is emptied first.
    pub(crate) fn encode<P: Plain>(
        &mut self,
        samples: &[P],
        protos: &[P::Proto],
        out: &mut Vec<u8>,
    ) -> Result<()> {
        let target = if self.zstd.is_some() { &mut self.plain } else { &mut *out };
        target.clear();
        match self.format {
            Format::SerdeJson => serde_json::to_writer(&mut *target, samples)?,
            Format::Prost => protos.iter().try_for_each(|proto| proto.encode_length_delimited(target))?,
            Format::Postcard => *target = postcard::to_extend(samples, std::mem::take(target))?,
            Format::Bitcode => target.extend_from_slice(self.bitcode.encode(samples)),
        }
        if let Some(zstd) = &mut self.zstd {
            out.resize(zstd::zstd_safe::compress_bound(self.plain.len()), 0);
            let len = zstd.compressor.compress_to_buffer(&self.plain, out.as_mut_slice())?;
            out.truncate(len);
        }
        Ok(())
    }

    /// Decodes one block and hands the structs to `see`.
    pub(crate) fn decode<P: Plain>(&mut self, bytes: &[u8], see: impl FnOnce(Decoded<P>)) -> Result<()> {
        let bytes = match &mut self.zstd {
            Some(zstd) => {
                self.plain.resize(MAX_MESSAGE_LEN, 0);
                let len = zstd.decompressor.decompress_to_buffer(bytes, self.plain.as_mut_slice())?;
                &self.plain[..len]
            }
            None => bytes,
        };
        see(match self.format {
            Format::SerdeJson => Decoded::Plain(serde_json::from_slice(bytes)?),
            Format::Prost => Decoded::Proto(decode_protos::<P>(bytes)?),
            Format::Postcard => Decoded::Plain(postcard::from_bytes(bytes)?),
            Format::Bitcode => Decoded::Plain(self.bitcode.decode(bytes)?),
        });
        Ok(())
    }

    /// Whether `bytes` decode to exactly `samples`.
    ///
    /// # Errors
    /// A sentence that names the codec.
    pub(crate) fn check<P: Plain>(&mut self, bytes: &[u8], samples: &[P], protos: &[P::Proto]) -> Result<()> {
        let name = self.name();
        let mut equal = false;
        let decoded = self.decode(bytes, |decoded: Decoded<P>| {
            equal = match decoded {
                Decoded::Plain(found) => found == samples,
                Decoded::Proto(found) => found == protos,
            };
        });
        decoded.with_context(|| format!("{name} does not read what it wrote"))?;
        ensure!(equal, "{name} reads other samples than it wrote");
        Ok(())
    }
}

/// What a general format gives.
pub(crate) enum Decoded<P: Plain> {
    Plain(Vec<P>),
    Proto(Vec<P::Proto>),
}

fn decode_protos<P: Plain>(mut bytes: &[u8]) -> Result<Vec<P::Proto>> {
    let mut protos = Vec::new();
    while !bytes.is_empty() {
        protos.push(P::Proto::decode_length_delimited(&mut bytes)?);
    }
    Ok(protos)
}
