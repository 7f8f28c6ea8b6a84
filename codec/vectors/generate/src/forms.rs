//! Which bodies may a block have? Every width, mode, length and prediction, at their limits and beyond: also what no
//! encoder writes.

use purple_sector_codec::{Coding, Pace};

use super::Case;
use super::cases::EPOCH;
use super::hand::{Act, Bits, DELTA, First, Hand, LINEAR, MEAN, SPARSE, first, zigzag};
use super::schemas::{channel, own};

/// Vectors of bodies that are written by hand.
pub(crate) fn all() -> Vec<Case> {
    vec![
        Case {
            name: "widths",
            about: "Residuals of every width in every mode, in blocks of seven samples.",
            records: widths(),
        },
        Case {
            name: "width-steps",
            about: "Widths that grow and shrink by one and by two, from one end of their range to the other.",
            records: width_steps(),
        },
        Case {
            name: "long-blocks",
            about: "Blocks of 8 to 256 samples, keys and others.",
            records: long_blocks(),
        },
        Case {
            name: "first-numbers",
            about: "First numbers and first differences of every length, also longer than they need to be.",
            records: first_numbers(),
        },
        Case {
            name: "predictions",
            about: "What each mode predicts, and what a slot takes along from block to block.",
            records: predictions(),
        },
        Case {
            name: "groups",
            about: "Six to seventeen slots, so that groups are whole and not, with an event in each; floats come first.",
            records: groups(),
        },
        Case {
            name: "times",
            about: "Times that fall, lie before the origin, at the first and the last one that is allowed, and beyond.",
            records: times(),
        },
        Case {
            name: "fixed-values",
            about: "Numbers that an f32 cannot hold are rounded twice; numbers outside the channel's range stay as they are.",
            records: fixed_values(),
        },
        Case {
            name: "other-nans",
            about: "NaNs that no encoder writes arrive as they are.",
            records: other_nans(),
        },
        Case {
            name: "most-numbers",
            about: "A block has at most 16,384 numbers, however short it is.",
            records: most_numbers(),
        },
        Case {
            name: "block-errors",
            about: "Bodies that end early or late, or have a width out of its range. Each breaks its stream.",
            records: block_errors(),
        },
    ]
}

/// A stream of int channels, its schema record first.
fn ints(n_channels: u16, epoch: u32) -> (Hand, Vec<Vec<u8>>) {
    let coding = Coding::Int { min: 0, max: 9 };
    let channels = (0..n_channels).map(|at| channel(at, &format!("n_{at}"), "1", coding, Pace::Fast));
    let hand = Hand::new("golden-1", epoch, own(channels.collect()));
    let records = vec![hand.schema_record()];
    (hand, records)
}

/// Zigzag numbers of this width: none, all bits, one, and bits from both ends.
fn of_width(width: u32) -> [u32; 7] {
    let all = ((1_u64 << width) - 1) as u32;
    [0, all, 1, 0x5555_5555, 0xAAAA_AAAA, all - (all >> 1), 0x1234_5678].map(|number| number & all)
}

fn widths() -> Vec<Vec<u8>> {
    let (mut hand, mut records) = ints(1, EPOCH);
    records.push(hand.key(1, &[], &[], &[]));
    for mode in [SPARSE, DELTA, LINEAR, MEAN] {
        // From another mode, because a slot that becomes sparse rests first.
        records.push(hand.block(1, &[Act::Full(DELTA, 0)], &[]));
        records.push(hand.block(1, &[Act::Full(mode, 0)], &[]));
        for width in (0..=30).chain([32]) {
            let residuals = of_width(width);
            let residuals: &[&[u32]] = if width == 0 { &[] } else { &[&residuals] };
            records.push(hand.block(7, &[Act::Full(mode, width)], residuals));
            if width == 30 {
                records.push(hand.block(7, &[Act::Step(1)], &[&of_width(31)]));
            }
        }
    }
    records
}

fn width_steps() -> Vec<Vec<u8>> {
    let (mut hand, mut records) = ints(2, EPOCH);
    records.push(hand.key(1, &[], &[], &[]));
    records.push(hand.block(1, &[Act::Full(SPARSE, 1), Act::Full(LINEAR, 2)], &[&[1], &[2]]));
    // One slot goes from 1 to 32 and down to 0, the other from 2 to 31 and down to 1.
    let up = [2, 1].into_iter().cycle().take(20);
    let down = [-2, -1].into_iter().cycle().take(20);
    let mut widths = [1, 2];
    for (at, step) in up.chain([1]).chain(down).chain([-2]).enumerate() {
        let second = if at == 0 || at == 20 || at == 41 { 0 } else { step };
        widths = [widths[0] + step, widths[1] + second];
        let acts = [Act::Step(step), if second == 0 { Act::Rest } else { Act::Step(second) }];
        let residuals = widths.map(|width| of_width(width as u32));
        let residuals: Vec<&[u32]> =
            widths.iter().zip(&residuals).filter(|(width, _)| **width > 0).map(|(_, r)| &r[..]).collect();
        records.push(hand.block(7, &acts, &residuals));
    }
    records
}

fn long_blocks() -> Vec<Vec<u8>> {
    let (mut hand, mut records) = ints(1, EPOCH);
    for (n, width) in [(256, 1), (255, 13), (9, 19), (8, 32)] {
        let pattern = |n: usize| of_width(width).into_iter().cycle().take(n).collect::<Vec<u32>>();
        records.push(hand.key(n, &[first(1000)], &[Act::Full(DELTA, width)], &[&pattern(n - 1)]));
        records.push(hand.block(n, &[], &[&pattern(n)]));
        records.push(hand.block(1, &[Act::Full(SPARSE, width)], &[]));
        records.push(hand.block(n, &[], &[]));
        records.push(hand.block(n, &[Act::Move], &[&pattern(n)]));
    }
    records
}

/// Each length code with its smallest own number, its largest, one that needs fewer bits, and 0.
fn firsts() -> Vec<First> {
    let of_code = |code: u32| {
        let width = if code == 30 { 32 } else { code % 31 };
        let all = (1_u64 << width) - 1;
        [all - (all >> 1), all, all >> 1, 0].map(|zigzag| First { code, zigzag })
    };
    (0..=31).flat_map(of_code).collect()
}

fn first_numbers() -> Vec<Vec<u8>> {
    let (mut hand, mut records) = ints(1, EPOCH);
    for first in firsts() {
        records.push(hand.key(1, &[first], &[], &[]));
    }
    for difference in firsts() {
        records.push(hand.key(3, &[first(-7)], &[Act::Linear(1, difference)], &[&[1, 0]]));
    }
    records
}

/// Number of samples, acts, residuals of the slots that move.
type Block<'a> = (usize, &'a [Act], &'a [&'a [u32]]);

fn predictions() -> Vec<Vec<u8>> {
    use Act::{Full, Linear, Move, Rest, Step};
    let (mut hand, mut records) = ints(2, EPOCH);
    // Each stretch begins with a key, and so with every slot sparse, without width and difference.
    let stretches: &[&[Block]] = &[
        // A sparse slot that moves keeps its last difference; the other one rests, and so has none.
        &[
            (2, &[Full(SPARSE, 4), Full(SPARSE, 4)], &[&[6, 10], &[6, 10]]),
            (1, &[Full(LINEAR, 0)], &[]),
            (1, &[Rest, Full(LINEAR, 0)], &[]),
            (2, &[], &[]),
        ],
        // The same after blocks of one sample.
        &[
            (1, &[Full(SPARSE, 4), Full(SPARSE, 4)], &[&[6], &[7]]),
            (1, &[Full(MEAN, 0), Full(MEAN, 0)], &[]),
            (5, &[], &[]),
        ],
        // A slot that becomes sparse rests in that block, whatever its width, and moves in the next.
        &[
            (3, &[Full(DELTA, 5), Full(LINEAR, 5)], &[&[6, 8, 31], &[30, 1, 2]]),
            (3, &[Full(SPARSE, 3), Full(SPARSE, 3)], &[]),
            (2, &[Move, Move], &[&[7, 6], &[7, 6]]),
            (2, &[Rest, Move], &[&[1, 4]]),
            (2, &[Full(LINEAR, 0), Full(LINEAR, 0)], &[]),
        ],
        // A sparse slot that stays sparse in a full change moves, and one that gets a width of 0 rests.
        &[
            (1, &[Full(SPARSE, 3), Full(SPARSE, 2)], &[&[5], &[3]]),
            (2, &[Full(SPARSE, 5), Full(SPARSE, 0)], &[&[30, 17]]),
            (1, &[Step(-1), Full(SPARSE, 2)], &[&[9], &[3]]),
            (1, &[Full(SPARSE, 0), Step(-2)], &[]),
            (1, &[Full(DELTA, 1), Full(MEAN, 1)], &[&[1], &[1]]),
        ],
        // Delta remembers its difference, also a width of 0 that made it 0.
        &[
            (2, &[Full(DELTA, 4), Full(DELTA, 4)], &[&[4, 6], &[4, 6]]),
            (1, &[Full(DELTA, 0)], &[&[10]]),
            (3, &[Full(LINEAR, 0), Full(LINEAR, 0)], &[]),
        ],
        // Half of a difference is rounded down: of -3 it is -2, of 3 it is 1, of -1 it is -1.
        &[
            (1, &[Full(DELTA, 3), Full(DELTA, 3)], &[&[5], &[6]]),
            (1, &[Full(MEAN, 0), Full(MEAN, 0)], &[]),
            (4, &[], &[]),
            (4, &[Full(MEAN, 3), Full(MEAN, 3)], &[&[1, 2, 3, 4], &[7, 5, 6, 0]]),
        ],
        // Numbers and differences wrap at 32 bits.
        &[
            (2, &[Full(DELTA, 32), Full(LINEAR, 32)], &[&[u32::MAX - 1, 3], &[u32::MAX - 1, 5]]),
            (3, &[], &[&[u32::MAX, u32::MAX, 2], &[u32::MAX, u32::MAX - 1, 7]]),
            (3, &[Full(MEAN, 32), Full(MEAN, 32)], &[&[u32::MAX, 0, 1], &[u32::MAX - 1, 0, 1]]),
            (4, &[Full(LINEAR, 0), Full(MEAN, 0)], &[]),
        ],
    ];
    for (at, stretch) in (0..).zip(stretches) {
        records.push(hand.key(1, &[first(100 * at), first(-at)], &[], &[]));
        for (n, acts, residuals) in *stretch {
            records.push(hand.block(*n, acts, residuals));
        }
    }
    // In a key block itself: a mean has no difference yet, a linear slot brings its own.
    let residuals: &[&[u32]] = &[&[3, 0, 0, 0], &[1, 0, 0, 0]];
    records.push(hand.key(
        5,
        &[first(5), first(i32::MAX)],
        &[Full(MEAN, 2), Linear(1, first(-9))],
        residuals,
    ));
    // It stands for the last difference, even if the next number lies elsewhere; a block without changes goes on.
    records.push(hand.block(2, &[], &[&[0, 3], &[0, 1]]));
    // A key block begins with nothing of all that.
    records.push(hand.key(3, &[first(1), first(2)], &[], &[]));
    records.push(hand.block(2, &[Full(LINEAR, 0), Full(MEAN, 0)], &[]));
    // Absent is a number like others to a prediction.
    records.push(hand.key(1, &[first(i32::MIN), first(3)], &[], &[]));
    records.push(hand.block(
        4,
        &[Full(LINEAR, 32), Full(DELTA, 32)],
        &[&[1, 2, 0, 0], &[zigzag(i32::MIN) - 5, 6, 0, 1]],
    ));
    // A change to what is there already, and a width that is more than needed.
    records.push(hand.block(2, &[Full(LINEAR, 32), Full(DELTA, 32)], &[&[0, 1], &[0, 1]]));
    records
}

fn groups() -> Vec<Vec<u8>> {
    let mut records = Vec::new();
    for n_channels in [5, 6, 7, 8, 14, 15, 16] {
        let codings = [
            Coding::Int { min: 0, max: 9 },
            Coding::Fixed { resolution: 0.5, min: 0.0, max: 9.0 },
            Coding::Lossless { min: 0.0, max: 9.0 },
        ];
        let channels = (0..n_channels).map(|at| {
            let coding = codings[usize::from(at) % codings.len()];
            // Ids fall and have gaps: their order means nothing.
            channel(900 - 7 * at, &format!("c_{at}"), "1", coding, Pace::Slow)
        });
        let schema = own(channels.collect());
        let mut hand = Hand::new("golden-1", EPOCH + u32::from(n_channels), schema);
        records.push(hand.schema_record());
        let n_slots = i32::from(n_channels) + 1;
        let firsts: Vec<First> = (0..n_slots).map(first).collect();
        records.push(hand.key(1, &firsts, &[], &[]));
        // One slot after the other moves, then all at once.
        for at in 0..n_slots {
            let mut acts = vec![Act::Rest; at as usize];
            acts.push(Act::Full(SPARSE, 3));
            records.push(hand.block(1, &acts, &[&[(at as u32 + 1) % 8]]));
        }
        let residuals: Vec<Vec<u32>> = (0..n_slots as u32).map(|at| vec![at % 8, 1]).collect();
        let residuals: Vec<&[u32]> = residuals.iter().map(Vec::as_slice).collect();
        records.push(hand.block(2, &vec![Act::Move; n_slots as usize], &residuals));
        // Groups that say there are events, and have none.
        let mut bits = Bits::default();
        bits.put(2, 8);
        let mut left = n_slots as u32;
        while left > 0 {
            bits.put(1, 1);
            bits.put(0, left.min(8));
            left -= left.min(8);
        }
        records.push(hand.block_of(&bits.bytes()));
        records.push(hand.block(1, &[], &[]));
        // A long key block, in which the second slot and the time move.
        let mut acts = vec![Act::Rest; n_slots as usize];
        (acts[1], acts[n_slots as usize - 1]) = (Act::Full(DELTA, 4), Act::Full(MEAN, 2));
        let residuals: [&[u32]; 2] = [&[1, 2, 3, 4, 5, 6, 7, 15], &[2; 8]];
        records.push(hand.key(9, &firsts, &acts, &residuals));
    }
    records
}

fn times() -> Vec<Vec<u8>> {
    let (mut hand, mut records) = ints(1, EPOCH);
    let last = (1 << 53) - 1;
    // A first time that is not the origin's, then times that fall below it.
    records.push(hand.key(1, &[first(0), first(5000)], &[], &[]));
    let falling: Vec<u32> = [-3000, -4000, 1, 0].map(zigzag).to_vec();
    records.push(hand.block(4, &[Act::Rest, Act::Full(DELTA, 13)], &[&falling]));
    // As far from the origin as a slot can say.
    for number in [i32::MIN, i32::MIN + 1, -1, i32::MAX] {
        records.push(hand.key(1, &[first(0), first(number)], &[], &[]));
        // Times wrap too.
        records.push(hand.block(2, &[Act::Rest, Act::Full(LINEAR, 2)], &[&[1, 2]]));
    }
    for (origin_us, number, next) in [
        (0, 0, 0),
        (0, -1, 0),
        (7, -7, 0),
        (7, -8, 0),
        (7, 0, -7),
        (7, 0, -8),
        (1 << 31, i32::MIN, 1),
        ((1 << 31) - 1, i32::MIN, 1),
        (last, 0, 0),
        (last, 0, 1),
        (last, 1, 0),
        (last - 5, 5, 0),
        (last - 5, 5, 1),
    ] {
        hand.origin_us = origin_us;
        records.push(hand.key(
            2,
            &[first(0), first(number)],
            &[Act::Rest, Act::Full(DELTA, 6)],
            &[&[zigzag(next)]],
        ));
        records.push(hand.block(1, &[], &[&[1]]));
    }
    records
}

fn fixed_values() -> Vec<Vec<u8>> {
    let resolutions = [0.1, 0.01, 0.001, 1.0 / 3.0, 1.0, 1e30, f32::MIN_POSITIVE];
    let channels = (0..).zip(resolutions).map(|(at, resolution)| {
        let coding = Coding::Fixed { resolution, min: 0.0, max: resolution };
        channel(at, &format!("f_{at}"), "1", coding, Pace::Fast)
    });
    let schema = own(channels.collect());
    let mut hand = Hand::new("golden-1", EPOCH, schema);
    let mut records = vec![hand.schema_record()];
    for number in [
        0,
        1,
        3,
        7,
        (1 << 24) - 1,
        1 << 24,
        (1 << 24) + 1,
        (1 << 24) + 3,
        (1 << 25) + 2,
        (1 << 25) + 6,
        50_331_651,
        123_456_789,
        (1 << 30) + 65,
        i32::MAX,
        i32::MAX - 63,
    ] {
        for number in [number, -number] {
            records.push(hand.key(1, &[first(number); 7], &[], &[]));
        }
    }
    records.push(hand.key(1, &[first(i32::MIN + 1); 7], &[], &[]));
    records.push(hand.key(1, &[first(i32::MIN); 7], &[], &[]));
    records
}

fn other_nans() -> Vec<Vec<u8>> {
    let schema = own(vec![channel(0, "exact", "1", Coding::Lossless { min: 0.0, max: 1.0 }, Pace::Fast)]);
    let mut hand = Hand::new("golden-1", EPOCH, schema);
    let mut records = vec![hand.schema_record()];
    for bits in
        [0x7F80_0000_u32, 0x7F80_0001, 0x7FC0_0000, 0x7FFF_FFFF, 0xFF80_0000, 0xFF80_0001, 0xFFC0_0000]
    {
        let number = bits as i32;
        let number = if number < 0 { number ^ i32::MAX } else { number };
        records.push(hand.key(1, &[first(number)], &[], &[]));
    }
    // The number of absence, written as a number, and one above it.
    records.push(hand.key(1, &[First { code: 30, zigzag: u32::MAX.into() }], &[], &[]));
    records.push(hand.key(1, &[first(i32::MIN + 1)], &[], &[]));
    records
}

fn most_numbers() -> Vec<Vec<u8>> {
    let mut records = Vec::new();
    // 64 slots times 256 samples are 16,384 numbers, 113 times 145 are one more.
    for (epoch, n_channels, n_samples) in [(0, 63, 256), (1, 112, 145), (2, 1024, 15), (3, 1024, 16)] {
        let (mut hand, schema) = ints(n_channels, EPOCH + epoch);
        records.extend(schema);
        records.push(hand.key(1, &[first(9)], &[], &[]));
        records.push(hand.block(n_samples, &[], &[]));
        records.push(hand.block(1, &[], &[]));
        if n_samples * (usize::from(n_channels) + 1) > 16_384 {
            records.push(hand.key(n_samples, &[], &[], &[]));
            // It is refused for its count alone, whatever follows.
            records.push(hand.key_of(&[255, 1, 2, 3]));
        }
    }
    records
}

fn block_errors() -> Vec<Vec<u8>> {
    let (mut hand, mut records) = ints(2, EPOCH);
    let acts = [Act::Full(DELTA, 9), Act::Full(LINEAR, 5), Act::Full(SPARSE, 3)];
    let start = |hand: &mut Hand| hand.key(1, &[first(77), first(-7), first(0)], &[], &[]);
    let good: [&[u32]; 3] = [&[500, 1, 2], &[31, 1, 2], &[0, 1, 2]];
    // Every cut of a key and of a block, and a byte too many.
    let key = hand.clone().key_body(
        3,
        &[first(77), first(i32::MAX)],
        &[Act::Full(MEAN, 9), Act::Linear(5, first(700))],
        &[&good[0][..2], &good[1][..2]],
    );
    for length in 0..key.len() {
        records.push(hand.key_of(&key[..length]));
    }
    records.push(hand.key_of(&[&key[..], &[0]].concat()));
    records.push(hand.key_of(&[&key[..], &[1]].concat()));
    records.push(hand.key_of(&key));
    records.push(start(&mut hand));
    let block = hand.clone().block_body(3, &acts, &good);
    for length in 0..block.len() {
        let mut broken = hand.clone();
        records.push(broken.block_of(&block[..length]));
        hand.seq = broken.seq;
        records.push(start(&mut hand));
    }
    for more in [&[0][..], &[0x80], &[0, 0]] {
        let mut broken = hand.clone();
        records.push(broken.block_of(&[&block[..], more].concat()));
        hand.seq = broken.seq;
        records.push(start(&mut hand));
    }
    // A body that fills its last byte, and a byte too many.
    let whole = hand.clone().block_body(1, &[Act::Full(SPARSE, 5)], &[&[21]]);
    records.push(hand.block_of(&whole));
    records.push(start(&mut hand));
    for more in [0, 1, 0x80] {
        records.push(hand.block_of(&[&whole[..], &[more]].concat()));
        records.push(start(&mut hand));
    }
    // Bits after the end: each of those of the last byte.
    let mut bits = Bits::default();
    bits.put(0, 8);
    bits.put(0, 1);
    for at in 1..8 {
        let mut body = bits.bytes();
        body[1] |= 1 << at;
        records.push(hand.block_of(&body));
        records.push(start(&mut hand));
    }
    // Widths out of their range.
    for (width, step) in
        [(0, -1), (0, -2), (1, -2), (32, 1), (32, 2), (31, 2), (31, 1), (30, 2), (1, -1), (2, -2)]
    {
        let mut acts = vec![Act::Full(DELTA, width.min(30))];
        let (zeros, none): (&[&[u32]], &[&[u32]]) = (&[&[0]], &[]);
        if width == 32 {
            acts = vec![Act::Full(DELTA, 32)];
        }
        records.push(hand.block(1, &acts, if width == 0 { none } else { zeros }));
        if width == 31 {
            records.push(hand.block(1, &[Act::Step(1)], zeros));
        }
        // The change alone, and zeros where residuals would be.
        let mut bits = Bits::default();
        bits.put(0, 8);
        bits.put(0b0011, 4);
        match step {
            1 => bits.put(0b00, 2),
            -1 => bits.put(0b10, 2),
            2 => bits.put(0b001, 3),
            _ => bits.put(0b101, 3),
        }
        let after = width as i32 + step;
        bits.put(0, after.clamp(0, 32) as u32);
        records.push(hand.block_of(&bits.bytes()));
        records.push(start(&mut hand));
    }
    // The second slot's change would leave its range, if the body did not end within the first one's.
    records.push(hand.block(1, &[Act::Full(DELTA, 32), Act::Full(DELTA, 32)], &[&[0], &[0]]));
    let mut cut = Bits::default();
    cut.put(0, 8);
    cut.put(0b0111, 4);
    cut.put(0b1111, 4);
    records.push(hand.block_of(&cut.bytes()));
    records.push(start(&mut hand));
    // A sparse slot's width, which has a bit in front of its change.
    records.push(hand.block(1, &[Act::Full(SPARSE, 1)], &[&[1]]));
    records.push(hand.block(1, &[Act::Step(-1)], &[]));
    records.push(hand.block(1, &[Act::Full(SPARSE, 1)], &[&[1]]));
    let mut below = Bits::default();
    below.put(0, 8);
    below.put(0b0011, 4);
    below.put(0b1, 1);
    below.put(0b101, 3);
    records.push(hand.block_of(&below.bytes()));
    records
}
