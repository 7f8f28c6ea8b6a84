//! How are changes read? Slot by slot, by a table of what the next bits say.

use super::GROUP;
use super::bits::{BitReader, WordReader};
use super::quad::{DecoderQuad, LANES};
use super::slot::{Mode, unzigzag};
use crate::channels::ABSENT;

/// Where the slots of a schema are among the quads: its floats, its ints and the time each start a new quad.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub(super) n_floats: usize,
    pub(super) n_ints: usize,
}

impl Layout {
    /// Slots, the time among them.
    pub(super) const fn n_slots(self) -> usize {
        self.n_floats + self.n_ints + 1
    }

    pub(super) const fn n_float_quads(self) -> usize {
        self.n_floats.div_ceil(LANES)
    }

    pub(super) const fn n_channel_quads(self) -> usize {
        self.n_float_quads() + self.n_ints.div_ceil(LANES)
    }

    /// Quad and lane of a slot.
    #[inline(always)]
    pub(super) const fn place(self, slot: usize) -> (usize, usize) {
        let n_channels = self.n_floats + self.n_ints;
        let lane = if slot < self.n_floats {
            slot
        } else if slot < n_channels {
            slot - self.n_floats + self.n_float_quads() * LANES
        } else {
            self.n_channel_quads() * LANES
        };
        (lane / LANES, lane % LANES)
    }
}

/// What the bits of a change say, packed into a byte: how many they are, and the step of the width plus [`NO_STEP`].
/// [`FULL`] for full changes.
type Meaning = u8;
const FULL: Meaning = 0;
const NO_STEP: u8 = 2;
const STEP_SHIFT: u32 = 3;

/// The kinds of slots that read their next bits differently, as places in [`MEANINGS`].
const DENSE: usize = 0;
const SPARSE: usize = 16;
/// A sparse slot of width 0.
const NEW: usize = 32;

/// For each kind of slot, by the next four bits.
const MEANINGS: [Meaning; 48] = {
    let mut table = [FULL; 48];
    let mut bits = 0;
    while bits < 16 {
        table[DENSE + bits] = step_of(bits as u8, 0);
        let moves_only = 1 | NO_STEP << STEP_SHIFT;
        table[SPARSE + bits] = if bits & 1 == 0 { moves_only } else { step_of(bits as u8 >> 1, 1) };
        bits += 1;
    }
    table
};

/// The meaning of a change of width behind `n_before` bits. 00, 10: one up or down; 001, 101: two; 11: a full change.
const fn step_of(bits: u8, n_before: u8) -> Meaning {
    let (n_bits, size, shrinks) = match bits & 0b11 {
        0b00 => (2, 1, false),
        0b10 => (2, 1, true),
        0b01 => (3, 2, bits & 0b100 != 0),
        _ => return FULL,
    };
    let step = if shrinks { NO_STEP - size } else { NO_STEP + size };
    (n_before + n_bits) | (step << STEP_SHIFT)
}

/// Part 2 of a body: the first number of every slot.
pub(super) fn take_firsts(quads: &mut [DecoderQuad], layout: Layout, bits: &mut BitReader<'_>) {
    for slot in 0..layout.n_slots() {
        let (quad, lane) = layout.place(slot);
        let number = take_absolute(bits);
        if let Some(quad) = quads.get_mut(quad) {
            quad.start(lane, number);
        }
    }
}

/// Part 3 of a body. Nothing if a width leaves its range, and then `bits` are behind the change that does it.
#[inline(never)]
pub(super) fn take_changes(
    quads: &mut [DecoderQuad],
    layout: Layout,
    is_key: bool,
    bits: &mut BitReader<'_>,
) -> Option<()> {
    let mut reader = WordReader::new(*bits);
    let n_slots = layout.n_slots();
    for first in (0..n_slots).step_by(GROUP) {
        let n_in_group = GROUP.min(n_slots - first);
        let next = reader.peek::<{ 1 + GROUP as u32 }>();
        if next & 1 == 0 {
            reader.skip(1);
            continue;
        }
        reader.skip(1 + n_in_group as u32);
        let mut events = next >> 1 & ((1 << n_in_group) - 1);
        while events != 0 {
            let (quad, lane) = layout.place(first + events.trailing_zeros() as usize);
            events &= events - 1;
            if take_change(quads.get_mut(quad)?, lane, is_key, &mut reader).is_none() {
                *bits = reader.rest();
                return None;
            }
        }
    }
    *bits = reader.rest();
    Some(())
}

/// Reads what follows a slot's event bit; nothing if the width leaves its range.
#[inline(always)]
fn take_change(quad: &mut DecoderQuad, lane: usize, is_key: bool, reader: &mut WordReader<'_>) -> Option<()> {
    let width = quad.width(lane);
    let kind = match (quad.mode(lane), width) {
        (Mode::Sparse, 0) => NEW,
        (Mode::Sparse, _) => SPARSE,
        _ => DENSE,
    };
    let next = reader.peek::<4>();
    let meaning = MEANINGS[kind + (next & 15) as usize];
    if meaning == FULL {
        *reader = WordReader::new(change_fully(quad, lane, kind, is_key, reader.rest()));
        return Some(());
    }
    reader.skip(u32::from(meaning) & ((1 << STEP_SHIFT) - 1));
    let width = (width + u32::from(meaning >> STEP_SHIFT)).checked_sub(NO_STEP.into());
    quad.set_width(lane, width.filter(|width| *width <= 32)?);
    Some(())
}

/// Reads a full change, mode and width, and gives what comes after.
#[inline(never)]
fn change_fully<'a>(
    quad: &mut DecoderQuad,
    lane: usize,
    kind: usize,
    is_key: bool,
    mut bits: BitReader<'a>,
) -> BitReader<'a> {
    bits.skip(match kind {
        DENSE => 2,
        SPARSE => 3,
        _ => 0,
    });
    let next = bits.take(7);
    let mode = Mode::from_bits(next);
    quad.set_mode(lane, mode);
    quad.set_width(lane, if next >> 2 == 31 { 32 } else { next >> 2 });
    if kind == DENSE && mode == Mode::Sparse {
        quad.rest(lane);
    }
    if is_key && mode == Mode::Linear {
        quad.set_delta(lane, take_absolute(&mut bits));
    }
    bits
}

/// One number on its own.
fn take_absolute(bits: &mut BitReader<'_>) -> i32 {
    match bits.take(5) {
        31 => ABSENT,
        30 => unzigzag(bits.take(32)),
        width => unzigzag(bits.take(width)),
    }
}
