//! How is what a reader made of a record written down? As one JSON object; `codec/vectors/README.md` explains it.

use purple_sector_codec::{
    ABSENT, Channel, Coding, DecodeError, Event, Facts, Gap, Position, Received, Samples, Schema, StreamId,
    WaitingFor,
};
use serde_json::{Map, Value, json};

/// What a reader gave for one record.
pub(crate) fn describe(received: &Result<Received<'_>, DecodeError>) -> Value {
    match received {
        Err(error) => json!({ "kind": "error", "code": error.code() }),
        Ok(Received::Samples(samples)) => describe_samples(samples),
        Ok(Received::Schema { stream, schema }) => {
            let channels: Vec<Value> = schema.channels().iter().map(describe_channel).collect();
            let hash = schema.hash().to_string();
            with_stream("schema", stream, json!({ "hash": hash, "channels": channels }))
        }
        Ok(Received::Facts { stream, facts }) => {
            with_stream("facts", stream, json!({ "facts": describe_facts(facts) }))
        }
        Ok(Received::Event { stream, event }) => {
            with_stream("event", stream, json!({ "event": describe_event(event) }))
        }
        Ok(Received::End { stream, missing }) => {
            with_stream("end", stream, json!({ "missing": describe_gap(missing) }))
        }
        Ok(Received::Repeat { epoch }) => json!({ "kind": "repeat", "epoch": epoch }),
        Ok(Received::Waiting { epoch, reason, missing }) => {
            let reason = match reason {
                WaitingFor::Key => "key",
                WaitingFor::Schema(_) => "schema",
            };
            json!({ "kind": "waiting", "epoch": epoch, "for": reason, "missing": describe_gap(missing) })
        }
        Ok(Received::Skipped { kind }) => json!({ "kind": "skipped", "number": kind }),
    }
}

fn describe_samples(samples: &Samples<'_>) -> Value {
    let mut columns = Map::new();
    let mut bits = Map::new();
    let schema: &Schema = samples.schema;
    for (channel, position) in schema.channels().iter().zip(schema.positions()) {
        let name = channel.name.clone();
        match *position {
            Position::Float(at) => {
                let column = samples.float_column(at);
                columns.insert(name.clone(), column.iter().copied().map(number).collect());
                if matches!(channel.coding, Coding::Lossless { .. }) {
                    let hex = column.iter().map(|value| json!(format!("{:08x}", value.to_bits())));
                    bits.insert(name, hex.collect());
                }
            }
            Position::Int(at) => {
                let present = |&value: &i32| (value != ABSENT).then_some(value);
                columns.insert(name, samples.int_column(at).iter().map(present).map(|v| json!(v)).collect());
            }
        }
    }
    let mut body = json!({
        "seq": samples.seq,
        "missing": describe_gap(&samples.missing),
        "schema": schema.hash().to_string(),
        "captured_at_us": samples.captured_at_us(),
        "columns": columns,
    });
    if !bits.is_empty() {
        body["bits"] = Value::Object(bits);
    }
    with_stream("samples", samples.stream, body)
}

fn describe_channel(channel: &Channel) -> Value {
    let (coding, resolution, min, max) = match channel.coding {
        Coding::Fixed { resolution, min, max } => ("fixed", number(resolution), number(min), number(max)),
        Coding::Lossless { min, max } => ("lossless", Value::Null, number(min), number(max)),
        Coding::Int { min, max } => ("int", Value::Null, json!(min), json!(max)),
    };
    json!({
        "id": channel.id.0, "name": channel.name, "unit": channel.unit, "coding": coding,
        "resolution": resolution, "min": min, "max": max,
        "pace": format!("{:?}", channel.pace).to_lowercase(), "labels": channel.labels,
    })
}

fn describe_facts(facts: &Facts) -> Value {
    let clock = facts
        .clock
        .map(|clock| json!({ "offset_us": clock.offset_us, "uncertainty_us": clock.uncertainty_us }));
    let more: Vec<Value> =
        facts.more.iter().map(|fact| json!({ "id": fact.id, "text": fact.text })).collect();
    json!({
        "game": facts.game, "car": facts.car, "track": facts.track,
        "track_length_m": facts.track_length_m.map(number), "driver": facts.driver,
        "tyre_compound": facts.tyre_compound, "collector_version": facts.collector_version,
        "clock": clock, "nominal_rate_hz": facts.nominal_rate_hz.map(number), "more": more,
    })
}

fn describe_event(event: &Event) -> Value {
    match event {
        Event::LapFinished { at_us, lap } => json!({
            "type": "lap_finished", "at_us": at_us, "number": lap.number, "time_ms": lap.time_ms,
            "sector_ms": lap.sector_ms, "valid": lap.valid, "pit": lap.pit,
            "fuel_used_l": lap.fuel_used_l.map(number), "top_speed_mps": lap.top_speed_mps.map(number),
        }),
        Event::Mark { at_us, label } => json!({ "type": "mark", "at_us": at_us, "label": label }),
        Event::StepsMissed { at_us, n_steps } => {
            json!({ "type": "steps_missed", "at_us": at_us, "n_steps": n_steps })
        }
        Event::Gap { at_us, from_us, to_us, n_samples } => {
            json!({ "type": "gap", "at_us": at_us, "from_us": from_us, "to_us": to_us, "n_samples": n_samples })
        }
        Event::OtherCars { at_us, cars } => {
            let cars: Vec<Value> = cars
                .iter()
                .map(|car| {
                    json!({
                        "car_index": car.car_index, "place": car.place, "laps": car.laps,
                        "lap_fraction": number(car.lap_fraction), "speed_mps": car.speed_mps.map(number),
                    })
                })
                .collect();
            json!({ "type": "other_cars", "at_us": at_us, "cars": cars })
        }
        _ => panic!("an event that this description does not know: {event:?}"),
    }
}

fn describe_gap(gap: &Option<Gap>) -> Value {
    gap.map_or(Value::Null, |gap| json!([gap.first_seq, gap.last_seq]))
}

/// A float as the exact decimal; absent is null, and what JSON has no number for is a string.
fn number(value: f32) -> Value {
    if value.is_nan() {
        Value::Null
    } else if value.is_infinite() {
        json!(if value > 0.0 { "Infinity" } else { "-Infinity" })
    } else {
        json!(f64::from(value))
    }
}

fn with_stream(kind: &str, stream: &StreamId, mut body: Value) -> Value {
    body["kind"] = json!(kind);
    body["session"] = json!(stream.session.as_str());
    body["epoch"] = json!(stream.epoch);
    body
}
