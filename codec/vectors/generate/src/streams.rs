//! How does a reader follow streams? What opens one, keeps it, breaks it and ends it; which schemas it knows.

use purple_sector_codec::{Coding, Event, Facts, Header, Pace, Schema};

use super::Case;
use super::cases::{EPOCH, pattern};
use super::hand::{Act, Bits, DELTA, Hand, first, record};
use super::schemas::{channel, encoder, own};

/// Vectors of streams that are written by hand.
pub(crate) fn all() -> Vec<Case> {
    vec![
        Case {
            name: "sequence-numbers",
            about: "Numbers of blocks of every length, to the last one that there is.",
            records: sequence_numbers(),
        },
        Case {
            name: "repeats",
            about: "Keys and blocks that were here before or are older, in a whole stream and in a broken one.",
            records: repeats(),
        },
        Case {
            name: "links",
            about: "A block follows only with the whole link, and only on the block before it.",
            records: links(),
        },
        Case {
            name: "many-streams",
            about: "Eight streams are followed; what keeps one from being forgotten, and what does not.",
            records: many_streams(),
        },
        Case {
            name: "one-epoch",
            about: "Two sessions with one epoch: the blocks belong to the one whose key came last.",
            records: one_epoch(),
        },
        Case {
            name: "refused-blocks",
            about: "A key or block whose body is refused is missing, and its stream waits for a key.",
            records: refused_blocks(),
        },
        Case {
            name: "ends",
            about: "What is missing at the end; records after it; ends of streams that are not followed.",
            records: ends(),
        },
        Case {
            name: "changed-schema",
            about: "A stream goes over to another schema with a key, once the schema is known.",
            records: changed_schema(),
        },
        Case {
            name: "many-schemas",
            about: "Sixteen schemas are kept; the one that was learned first is forgotten first.",
            records: many_schemas(),
        },
        Case {
            name: "known-schemas-more",
            about: "The other three built-in schemas, and that they count among the sixteen once they are used.",
            records: known_schemas_more(),
        },
    ]
}

/// A schema of one int channel of this name.
fn schema(name: &str) -> Schema {
    own(vec![channel(0, name, "1", Coding::Int { min: 0, max: 9 }, Pace::Fast)])
}

/// A stream of one int channel.
fn stream(session: &str, epoch: u32) -> Hand {
    Hand::new(session, EPOCH + epoch, schema("count"))
}

/// A key block of one sample.
fn key(hand: &mut Hand) -> Vec<u8> {
    let number = hand.seq as i32;
    hand.key(1, &[first(number)], &[], &[])
}

/// A block of one sample, the same again.
fn block(hand: &mut Hand) -> Vec<u8> {
    hand.block(1, &[], &[])
}

fn sequence_numbers() -> Vec<Vec<u8>> {
    let mut hand = stream("golden-1", 0);
    let mut records = vec![hand.schema_record()];
    for seq in
        [0, 1, 24, 25, 26, 126, 254, 16_382, 65_534, 65_536, 2_097_150, 1 << 24, 268_435_454, u32::MAX - 3]
    {
        hand.seq = seq;
        records.push(key(&mut hand));
        records.push(block(&mut hand));
        records.push(block(&mut hand));
    }
    let mut last = hand.clone();
    records.push(block(&mut hand));
    records.push(block(&mut hand));
    records.push(key(&mut last));
    last.seq = u32::MAX;
    records.push(key(&mut last));
    records.push(hand.end(u32::MAX));
    records.push(hand.end(0));
    // The first block of a stream may be any.
    let mut other = stream("golden-1", 1);
    other.seq = u32::MAX;
    records.push(key(&mut other));
    records.push(block(&mut other));
    let mut third = stream("golden-1", 2);
    third.seq = 5;
    records.push(key(&mut third));
    records.push(third.end(u32::MAX));
    records
}

fn repeats() -> Vec<Vec<u8>> {
    let mut hand = stream("golden-1", 0);
    let mut records = vec![hand.schema_record()];
    hand.seq = 40;
    let told = [key(&mut hand), block(&mut hand), key(&mut hand), block(&mut hand), block(&mut hand)];
    records.extend(told.clone());
    // All of it again, keys too, and ones that are older than the first.
    records.extend(told.clone());
    let mut older = stream("golden-1", 0);
    older.seq = 38;
    records.extend([key(&mut older), block(&mut older), key(&mut older)]);
    // It goes on after all that.
    records.push(block(&mut hand));
    // With other contents they are repeats too, whatever their link, schema or body.
    hand.seq = 45;
    records.push(hand.clone().key_of(&[]));
    let mut foreign = Hand::new("golden-1", EPOCH, schema("unknown"));
    foreign.seq = 45;
    records.push(key(&mut foreign));
    hand.seq = 46;
    records.push(block(&mut hand));
    // In a broken stream: what is not above the last decoded block is a repeat, the rest waits.
    hand.seq = 49;
    records.push(block(&mut hand));
    records.push(told[1].clone());
    hand.seq = 46;
    records.push(hand.clone().block(1, &[], &[]));
    hand.seq = 47;
    records.push(hand.clone().block(1, &[], &[]));
    records.push(hand.clone().key(1, &[first(9)], &[], &[]));
    hand.seq = 49;
    records.push(block(&mut hand));
    records.push(key(&mut hand));
    records
}

fn links() -> Vec<Vec<u8>> {
    let mut hand = stream("golden-1", 0);
    let mut records = vec![hand.schema_record()];
    for wrong in [1, 0x80, 0x100, 0x8000, 0xFFFF] {
        records.extend([key(&mut hand), block(&mut hand)]);
        let right = hand.link;
        hand.link ^= wrong;
        let mut broken = hand.clone();
        records.push(block(&mut broken));
        hand.link = right;
        // The right one is of no use any more.
        records.push(block(&mut hand));
        records.push(block(&mut hand));
    }
    records.push(key(&mut hand));
    // A right link with a wrong number.
    hand.seq += 1;
    records.push(block(&mut hand));
    records
}

fn many_streams() -> Vec<Vec<u8>> {
    let mut hands: Vec<Hand> =
        (0..40).map(|at| stream(if at % 2 == 0 { "even" } else { "odd" }, at)).collect();
    let mut records = vec![hands[0].schema_record()];
    let mut next = 8;
    records.extend(hands[..8].iter_mut().map(key));
    records.extend(hands[..8].iter_mut().map(block));
    // Stream 0 is the quietest now. Each of these is a sign of life: another stream is forgotten in its place.
    let mut unknown = Hand { schema: schema("unknown"), ..hands[0].clone() };
    unknown.seq = 9;
    let signs: [Vec<u8>; 4] = [
        block(&mut hands[0]),
        Hand { seq: 0, ..hands[0].clone() }.key(1, &[], &[], &[]),
        Hand { seq: 7, ..hands[0].clone() }.block(1, &[], &[]),
        key(&mut unknown),
    ];
    for sign in signs {
        records.push(sign);
        records.push(key(&mut hands[next]));
        records.push(Hand { seq: 0, ..hands[0].clone() }.block(1, &[], &[]));
        next += 1;
        // Bring every other stream of the eight ahead of stream 0 again.
        for hand in &mut hands[next - 7..next] {
            records.push(block(hand));
        }
    }
    // These are none: schema, facts, event, end, a kind of the future, a block that is refused for its header.
    let Hand { session, epoch, .. } = hands[0];
    let mut facts = vec![0; 64];
    let length = Facts::default().encode(&mut facts).expect("facts within the limits");
    facts.truncate(length);
    let mut event = vec![0; 64];
    let length =
        Event::StepsMissed { at_us: 1, n_steps: 1 }.encode(&mut event).expect("an event within the limits");
    event.truncate(length);
    records.push(hands[0].schema_record());
    records.push(record(epoch, Header::Facts { session }, &facts));
    records.push(record(epoch, Header::Event { session }, &event));
    records.push(hands[0].end(9));
    records.push(record(epoch, Header::Unknown(77), &[]));
    records.push(key(&mut hands[next]));
    records.push(Hand { seq: 0, ..hands[0].clone() }.block(1, &[], &[]));
    next += 1;
    // So it begins from the start, and one that opens with a body that is refused takes a place as well.
    records.push(hands[0].clone().key_of(&[]));
    for hand in &mut hands[next - 8..next] {
        records.push(block(hand));
    }
    // A key that waits for its schema opens nothing.
    let mut waiting = Hand::new("waits", EPOCH + 99, schema("unknown"));
    records.push(key(&mut waiting));
    records.push(block(&mut waiting));
    for hand in &mut hands[next - 7..next] {
        records.push(block(hand));
    }
    records
}

fn one_epoch() -> Vec<Vec<u8>> {
    let (mut a, mut b) = (stream("a", 0), stream("b", 0));
    let mut records = vec![a.schema_record()];
    let a_first = key(&mut a);
    records.extend([a_first.clone(), block(&mut a)]);
    let b_first = key(&mut b);
    records.extend([b_first, block(&mut b)]);
    // Blocks of the first are not those of the second, which they break if they do not look old.
    records.push(Hand { seq: 1, ..a.clone() }.block(1, &[], &[]));
    records.push(block(&mut a));
    records.push(block(&mut b));
    // The end of the one that is not followed says nothing, that of the other one does.
    records.push(a.end(9));
    records.push(b.end(9));
    // A key of the first session begins it from the start: nothing is a repeat, nothing is missing.
    records.push(a_first);
    a.seq = 5;
    records.push(key(&mut a));
    // A key that waits for its schema takes nothing over.
    let mut c = Hand::new("c", EPOCH, schema("unknown"));
    c.seq = 7;
    records.push(key(&mut c));
    records.push(block(&mut a));
    // With eight streams, a key of another session takes the place of the one with its epoch, and of no other.
    let mut others: Vec<Hand> = (1..8).map(|epoch| stream("other", epoch)).collect();
    records.extend(others.iter_mut().map(key));
    let mut e = stream("e", 0);
    records.push(key(&mut e));
    records.extend(others.iter_mut().map(block));
    records.push(block(&mut e));
    // Taken over, it is the one that was heard of last.
    let mut f = stream("f", 1);
    records.push(key(&mut f));
    records.extend(others[1..].iter_mut().map(block));
    let mut g = stream("g", 2);
    records.extend([key(&mut g), block(&mut e), block(&mut f), key(&mut stream("h", 8)), block(&mut g)]);
    records.extend(others[2..].iter_mut().map(block));
    records.push(block(&mut f));
    a = stream("a", 0);
    records.extend([key(&mut a), block(&mut a)]);
    // One whose body is refused takes it over too.
    let mut d = stream("d", 0);
    records.push(d.key_of(&[]));
    records.push(block(&mut a));
    records.push(key(&mut d));
    records
}

fn refused_blocks() -> Vec<Vec<u8>> {
    let mut hand = stream("golden-1", 0);
    let mut records = vec![hand.schema_record()];
    // The first key of a stream: nothing is missing, because nothing was there.
    records.push(hand.key_of(&[0]));
    records.extend([block(&mut hand), key(&mut hand), block(&mut hand)]);
    // A block in order.
    let good = hand.clone().block(1, &[], &[]);
    records.push(hand.block_of(&[]));
    records.push(good);
    records.extend([block(&mut hand), key(&mut hand), block(&mut hand)]);
    // A key in order, and the right one of the same number after it.
    let good = hand.clone().key(1, &[first(5)], &[], &[]);
    records.push(hand.key_of(&[0, 0, 0, 0]));
    records.push(good);
    hand.seq += 3;
    // A key after a hole; then a block that would have followed before it.
    let mut left = hand.clone();
    left.seq = hand.seq - 3;
    records.push(hand.key_of(&[7]));
    records.push(block(&mut left));
    records.extend([block(&mut hand), key(&mut hand)]);
    // Refused for its times, after all numbers were there: its state is not taken over.
    hand.origin_us = 10;
    records.push(hand.key(1, &[first(3), first(5)], &[], &[]));
    records.push(hand.clone().block(2, &[Act::Full(DELTA, 3), Act::Full(DELTA, 5)], &[&[1, 2], &[31, 31]]));
    records.extend([block(&mut hand), hand.end(20)]);
    // Refused in a header: nothing has happened.
    records.extend([key(&mut hand)]);
    let mut damaged = hand.clone().block(1, &[], &[]);
    damaged[3] ^= 1;
    records.push(damaged);
    records.push(block(&mut hand));
    // A body that is wrong where nobody looks at it.
    hand.seq += 2;
    records.push(hand.block_of(&[]));
    let mut unknown = Hand { schema: schema("unknown"), ..hand.clone() };
    records.push(unknown.key_of(&[]));
    let mut bits = Bits::default();
    bits.put(0, 8);
    records.push(Hand { seq: 0, ..hand }.key_of(&bits.bytes()));
    records
}

fn ends() -> Vec<Vec<u8>> {
    let mut hand = stream("golden-1", 0);
    let mut records = vec![hand.end(0), hand.end(5), hand.schema_record()];
    let told = [key(&mut hand), block(&mut hand), block(&mut hand)];
    records.extend(told.clone());
    records.extend([0, 2, 3, 4, 5, 200].map(|next_seq| hand.end(next_seq)));
    // What was here before the end is a repeat after it, and a stream may go on.
    records.push(told[2].clone());
    records.push(told[0].clone());
    records.push(block(&mut hand));
    records.push(hand.end(4));
    // A broken stream: all from the first hole to the end.
    hand.seq += 1;
    records.push(block(&mut hand));
    records.push(hand.end(6));
    // Other sessions and epochs know nothing of it.
    records.push(stream("golden-2", 0).end(6));
    records.push(stream("golden-1", 1).end(6));
    records
}

fn changed_schema() -> Vec<Vec<u8>> {
    let mut hand = stream("golden-1", 0);
    let mut records = vec![hand.schema_record(), key(&mut hand)];
    records.push(hand.block(2, &[Act::Full(DELTA, 3)], &[&[1, 2]]));
    // The new schema is not known: the stream is broken, and this key is missing.
    let channels = ["count", "more"].map(|name| {
        channel(
            name.len() as u16,
            name,
            "1",
            Coding::Fixed { resolution: 0.5, min: 0.0, max: 9.0 },
            Pace::Fast,
        )
    });
    hand = Hand { seq: hand.seq, link: hand.link, ..Hand::new("golden-1", EPOCH, own(channels.into())) };
    let mut old = Hand { slots: vec![], ..hand.clone() };
    records.push(hand.key(1, &[first(7), first(8)], &[], &[]));
    // A block that would have followed before it is of no use now.
    records.push(old.block(1, &[], &[]));
    records.push(block(&mut hand));
    records.push(hand.schema_record());
    records.push(block(&mut hand));
    records.push(hand.key(1, &[first(7), first(8)], &[], &[]));
    records.push(hand.block(2, &[Act::Rest, Act::Full(DELTA, 3)], &[&[1, 2]]));
    // Back to the first one, whose blocks go on with nothing of before.
    let mut first_one = stream("golden-1", 0);
    (first_one.seq, first_one.link) = (hand.seq, hand.link);
    records.push(key(&mut first_one));
    records.push(block(&mut first_one));
    // A key of a known schema, refused: the stream waits, whichever schema the next has.
    (hand.seq, hand.link) = (first_one.seq, first_one.link);
    records.push(hand.key_of(&[]));
    (first_one.seq, first_one.link) = (hand.seq, hand.link);
    records.push(block(&mut first_one));
    records.push(key(&mut first_one));
    records
}

fn many_schemas() -> Vec<Vec<u8>> {
    let mut hands: Vec<Hand> = (0..18)
        .map(|at| Hand::new("golden-1", EPOCH + at % 4, schema(&format!("n_{at}"))))
        .enumerate()
        .map(|(at, hand)| Hand { seq: 10 * at as u32, ..hand })
        .collect();
    let mut records: Vec<Vec<u8>> = hands[..16].iter().map(Hand::schema_record).collect();
    // All sixteen are known. Told again or used, the first one is still the first to be forgotten.
    records.push(key(&mut hands[0]));
    records.push(key(&mut hands[15]));
    records.push(hands[0].schema_record());
    records.push(hands[16].schema_record());
    records.push(hands[16].schema_record());
    records.push(block(&mut hands[0]));
    records.push(key(&mut hands[0]));
    records.push(key(&mut hands[1]));
    records.push(hands[17].schema_record());
    records.push(key(&mut hands[1]));
    records.push(key(&mut hands[2]));
    records.push(key(&mut hands[17]));
    // Told again it is the last to be forgotten.
    records.push(hands[0].schema_record());
    records.push(key(&mut hands[0]));
    records.push(key(&mut hands[2]));
    records.push(key(&mut hands[3]));
    records
}

fn known_schemas_more() -> Vec<Vec<u8>> {
    let schemas = [Schema::assetto_corsa(), Schema::full().lossless(), Schema::acc().lossless()];
    let mut records = Vec::new();
    for (epoch, schema) in (EPOCH..).zip(schemas) {
        records.extend(pattern(&mut encoder("golden-1", epoch, schema, 1), 1));
    }
    // Thirteen more make sixteen, three more push the built-in ones out, which is no harm to them.
    let mut hands: Vec<Hand> =
        (0..16).map(|at| Hand::new("golden-1", EPOCH + 9, schema(&format!("n_{at}")))).collect();
    records.extend(hands[..13].iter().map(Hand::schema_record));
    hands[0].seq = 3;
    records.push(key(&mut hands[0]));
    records.extend(hands[13..].iter().map(Hand::schema_record));
    hands[0].seq = 4;
    records.push(key(&mut hands[0]));
    // One that is used again pushes the first of the others out.
    records.extend(pattern(&mut encoder("golden-2", EPOCH + 1, Schema::acc(), 1), 1));
    hands[0].seq = 5;
    records.push(key(&mut hands[0]));
    hands[1].seq = 6;
    records.push(key(&mut hands[1]));
    records
}
