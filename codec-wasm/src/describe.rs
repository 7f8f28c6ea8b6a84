//! In which order do schemas, facts and events stand in a note? One function for each; `npm/src` reads them back.

use purple_sector_codec::bridge_protocol::ServerMessage;
use purple_sector_codec::{Coding, Event, Facts, Schema, StreamId};

use crate::note::Note;
use crate::shared::{coding, event as number};

/// Epoch and session.
pub(crate) fn stream(stream: &StreamId, note: &mut Note) {
    note.number(stream.epoch).text(stream.session.as_str());
}

/// The hash's upper and lower half, then the channels of a schema in order: id, name, unit, coding, resolution (0 where
/// values are exact), range, labels.
pub(crate) fn schema(schema: &Schema, note: &mut Note) {
    let hash = schema.hash().0;
    note.large(hash >> 32).large(hash & 0xffff_ffff).large(schema.channels().len() as u64);
    for channel in schema.channels() {
        note.number(channel.id.0).text(&channel.name).text(&channel.unit);
        match channel.coding {
            Coding::Fixed { resolution, min, max } => {
                note.number(coding::FIXED).number(resolution).number(min).number(max)
            }
            Coding::Lossless { min, max } => note.number(coding::LOSSLESS).number(0).number(min).number(max),
            Coding::Int { min, max } => note.number(coding::INT).number(0).number(min).number(max),
        };
        note.large(channel.labels.len() as u64);
        for label in &channel.labels {
            note.text(label);
        }
    }
}

/// The facts, in the order of their fields.
pub(crate) fn facts(facts: &Facts, note: &mut Note) {
    note.optional_text(facts.game.as_deref())
        .optional_text(facts.car.as_deref())
        .optional_text(facts.track.as_deref())
        .optional(facts.track_length_m)
        .optional_text(facts.driver.as_deref())
        .optional_text(facts.tyre_compound.as_deref())
        .optional_text(facts.collector_version.as_deref())
        .optional(facts.clock.map(|clock| clock.offset_us as f64))
        .optional(facts.clock.map(|clock| clock.uncertainty_us as f64))
        .optional(facts.nominal_rate_hz)
        .large(facts.more.len() as u64);
    for fact in &facts.more {
        note.number(fact.id).text(&fact.text);
    }
}

/// An event: its number, when, and its fields in order.
pub(crate) fn event(event: &Event, note: &mut Note) {
    match event {
        Event::LapFinished { at_us, lap } => {
            note.number(number::LAP_FINISHED)
                .large(*at_us)
                .number(lap.number)
                .number(lap.time_ms)
                .large(lap.sector_ms.len() as u64);
            for sector_ms in &lap.sector_ms {
                note.number(*sector_ms);
            }
            note.number(u8::from(lap.valid))
                .number(u8::from(lap.pit))
                .optional(lap.fuel_used_l)
                .optional(lap.top_speed_mps);
        }
        Event::Mark { at_us, label } => {
            note.number(number::MARK).large(*at_us).text(label);
        }
        Event::StepsMissed { at_us, n_steps } => {
            note.number(number::STEPS_MISSED).large(*at_us).number(*n_steps);
        }
        Event::Gap { at_us, from_us, to_us, n_samples } => {
            note.number(number::GAP).large(*at_us).large(*from_us).large(*to_us).large(*n_samples);
        }
        Event::OtherCars { at_us, cars } => {
            note.number(number::OTHER_CARS).large(*at_us).large(cars.len() as u64);
            for car in cars {
                note.number(car.car_index).optional(car.place).number(car.laps).number(car.lap_fraction);
                note.optional(car.speed_mps);
            }
        }
        other => {
            note.number(number::OTHER).large(other.at_us());
        }
    }
}

/// A message of the bridge that carries no record: its fields in order. Enumerations are their numbers.
pub(crate) fn message(message: &ServerMessage<'_>, note: &mut Note) {
    match *message {
        ServerMessage::Hello {
            version,
            user,
            server_time_us,
            heartbeat_ms,
            queue_messages,
            topic_id,
            capabilities,
        } => {
            note.number(version).text(user).large(server_time_us).number(heartbeat_ms).number(queue_messages);
            for byte in topic_id {
                note.number(byte);
            }
            note.number(capabilities);
        }
        ServerMessage::Gap { partition, from_offset, to_offset, reason, n_records } => {
            note.number(partition)
                .optional(from_offset.map(|offset| offset as f64))
                .optional(to_offset.map(|offset| offset as f64))
                .number(u8::from(reason))
                .large(n_records);
        }
        ServerMessage::State { state, age_ms } => {
            note.number(u8::from(state)).optional(age_ms.map(|age| age as f64));
        }
        ServerMessage::Time { client_us, received_us, sent_us } => {
            note.large(client_us).large(received_us).large(sent_us);
        }
        ServerMessage::TokenExpiring { in_s } => {
            note.number(in_s);
        }
        ServerMessage::Bye { code, reason } => {
            note.number(code).text(reason);
        }
        // A data message is described by its record; an unknown one has nothing to say.
        _ => {}
    }
}
