//! The synthetic reference trace, 60 Hz: which column is which channel?
//!
//! Its values are already in the channels' units, except for the steering: radians at the wheel, here shares of a lock
//! of 4 rad. Its vertical acceleration includes gravity, which games leave out. What no channel holds is left out
//! (oil, steering torque in Nm, headlights, the tick).

use std::collections::VecDeque;

use purple_sector_codec::{ABSENT, ChannelId, Facts, FloatChannel, IntChannel, Sample, ch};

use super::csv::{CsvFormat, Fields, Item, names};
use crate::source::{LineError, LineFault};

const HEADER_START: &str =
    "abs_level,abs_on,acc_lat,acc_long,acc_vert,air_temp,best_lap_ms,boost,brake,brake_bias";
const FULL_LOCK_RAD: f64 = 4.0;
const GRAVITY: f64 = 9.806_65;

/// Column, channel, factor, and what to add after it.
const FLOATS: [(&str, FloatChannel, f64, f64); 57] = [
    ("speed", ch::SPEED_MPS, 1.0, 0.0),
    ("throttle", ch::THROTTLE, 1.0, 0.0),
    ("brake", ch::BRAKE, 1.0, 0.0),
    ("clutch", ch::CLUTCH, 1.0, 0.0),
    ("steer", ch::STEER, 1.0 / FULL_LOCK_RAD, 0.0),
    ("rpm", ch::ENGINE_RPM, 1.0, 0.0),
    ("boost", ch::BOOST_BAR, 1.0, 0.0),
    ("brake_bias", ch::BRAKE_BIAS, 1.0, 0.0),
    ("lap_pct", ch::LAP_FRACTION, 1.0, 0.0),
    ("delta_best", ch::DELTA_BEST_S, 1.0, 0.0),
    ("pos_x", ch::POSITION_X_M, 1.0, 0.0),
    ("pos_y", ch::POSITION_Y_M, 1.0, 0.0),
    ("pos_z", ch::POSITION_Z_M, 1.0, 0.0),
    ("vel_x", ch::VELOCITY_X_MPS, 1.0, 0.0),
    ("vel_y", ch::VELOCITY_Y_MPS, 1.0, 0.0),
    ("vel_z", ch::VELOCITY_Z_MPS, 1.0, 0.0),
    ("yaw", ch::HEADING_RAD, 1.0, 0.0),
    ("pitch", ch::PITCH_RAD, 1.0, 0.0),
    ("roll", ch::ROLL_RAD, 1.0, 0.0),
    ("acc_lat", ch::ACCEL_LATERAL_MPS2, 1.0, 0.0),
    ("acc_vert", ch::ACCEL_VERTICAL_MPS2, 1.0, -GRAVITY),
    ("acc_long", ch::ACCEL_LONGITUDINAL_MPS2, 1.0, 0.0),
    ("yaw_rate", ch::YAW_RATE_RADPS, 1.0, 0.0),
    ("pitch_rate", ch::PITCH_RATE_RADPS, 1.0, 0.0),
    ("roll_rate", ch::ROLL_RATE_RADPS, 1.0, 0.0),
    ("wheel_speed_fl", ch::WHEEL_SPEED_RADPS_FL, 1.0, 0.0),
    ("wheel_speed_fr", ch::WHEEL_SPEED_RADPS_FR, 1.0, 0.0),
    ("wheel_speed_rl", ch::WHEEL_SPEED_RADPS_RL, 1.0, 0.0),
    ("wheel_speed_rr", ch::WHEEL_SPEED_RADPS_RR, 1.0, 0.0),
    ("slip_fl", ch::SLIP_RATIO_FL, 1.0, 0.0),
    ("slip_fr", ch::SLIP_RATIO_FR, 1.0, 0.0),
    ("slip_rl", ch::SLIP_RATIO_RL, 1.0, 0.0),
    ("slip_rr", ch::SLIP_RATIO_RR, 1.0, 0.0),
    ("tyre_press_fl", ch::TYRE_PRESSURE_KPA_FL, 1.0, 0.0),
    ("tyre_press_fr", ch::TYRE_PRESSURE_KPA_FR, 1.0, 0.0),
    ("tyre_press_rl", ch::TYRE_PRESSURE_KPA_RL, 1.0, 0.0),
    ("tyre_press_rr", ch::TYRE_PRESSURE_KPA_RR, 1.0, 0.0),
    ("tyre_temp_fl", ch::TYRE_CORE_TEMP_C_FL, 1.0, 0.0),
    ("tyre_temp_fr", ch::TYRE_CORE_TEMP_C_FR, 1.0, 0.0),
    ("tyre_temp_rl", ch::TYRE_CORE_TEMP_C_RL, 1.0, 0.0),
    ("tyre_temp_rr", ch::TYRE_CORE_TEMP_C_RR, 1.0, 0.0),
    ("wear_fl", ch::TYRE_WEAR_FL, 1.0, 0.0),
    ("wear_fr", ch::TYRE_WEAR_FR, 1.0, 0.0),
    ("wear_rl", ch::TYRE_WEAR_RL, 1.0, 0.0),
    ("wear_rr", ch::TYRE_WEAR_RR, 1.0, 0.0),
    ("brake_temp_fl", ch::BRAKE_TEMP_C_FL, 1.0, 0.0),
    ("brake_temp_fr", ch::BRAKE_TEMP_C_FR, 1.0, 0.0),
    ("brake_temp_rl", ch::BRAKE_TEMP_C_RL, 1.0, 0.0),
    ("brake_temp_rr", ch::BRAKE_TEMP_C_RR, 1.0, 0.0),
    ("susp_fl", ch::SUSPENSION_TRAVEL_M_FL, 1.0, 0.0),
    ("susp_fr", ch::SUSPENSION_TRAVEL_M_FR, 1.0, 0.0),
    ("susp_rl", ch::SUSPENSION_TRAVEL_M_RL, 1.0, 0.0),
    ("susp_rr", ch::SUSPENSION_TRAVEL_M_RR, 1.0, 0.0),
    ("fuel", ch::FUEL_L, 1.0, 0.0),
    ("water_temp", ch::WATER_TEMP_C, 1.0, 0.0),
    ("air_temp", ch::AIR_TEMP_C, 1.0, 0.0),
    ("track_temp", ch::ROAD_TEMP_C, 1.0, 0.0),
];

/// Column, channel, and what to add; a lap time of 0 is none.
const INTS: [(&str, IntChannel, i32); 15] = [
    ("gear", ch::GEAR, 0),
    ("tc", ch::TC_LEVEL, 0),
    ("abs_level", ch::ABS_LEVEL, 0),
    ("engine_map", ch::ENGINE_MAP, 0),
    ("tc_on", ch::TC_ACTIVE, 0),
    ("abs_on", ch::ABS_ACTIVE, 0),
    ("ignition", ch::IGNITION, 0),
    ("lap", ch::LAPS_COMPLETED, 0),
    ("sector", ch::SECTOR, -1),
    ("cur_lap_ms", ch::CURRENT_LAP_MS, 0),
    ("last_lap_ms", ch::LAST_LAP_MS, 0),
    ("best_lap_ms", ch::BEST_LAP_MS, 0),
    ("position", ch::RACE_POSITION, 0),
    ("in_pit", ch::IN_PIT_LANE, 0),
    ("drs", ch::DRS_OPEN, 0),
];

/// Reads the trace, or any other with its columns.
pub(super) struct Reference {
    columns: Vec<String>,
    time: usize,
    floats: Vec<(usize, FloatChannel, f64, f64)>,
    ints: Vec<(usize, IntChannel, i32)>,
    texts: [usize; 4],
    first_us: Option<f64>,
    told: bool,
}

impl Reference {
    pub(super) fn recognise(header: &str) -> Option<Self> {
        if !header.starts_with(HEADER_START) {
            return None;
        }
        let columns = names(header);
        let find = |name: &str| columns.iter().position(|column| column == name);
        let floats =
            FLOATS.iter().map(|&(name, channel, factor, add)| Some((find(name)?, channel, factor, add)));
        let ints = INTS.iter().map(|&(name, channel, add)| Some((find(name)?, channel, add)));
        Some(Self {
            time: find("t_us")?,
            floats: floats.collect::<Option<_>>()?,
            ints: ints.collect::<Option<_>>()?,
            texts: [find("car")?, find("track")?, find("driver")?, find("compound")?],
            first_us: None,
            told: false,
            columns,
        })
    }
}

impl CsvFormat for Reference {
    fn channels(&self) -> Vec<ChannelId> {
        let floats = FLOATS.iter().map(|(_, channel, ..)| channel.id());
        floats.chain(INTS.iter().map(|(_, channel, _)| channel.id())).collect()
    }

    fn facts(&self) -> Facts {
        Facts { game: Some("Reference trace".to_owned()), nominal_rate_hz: Some(60.0), ..Facts::default() }
    }

    fn take(&mut self, line: &str, items: &mut VecDeque<Item>) -> Result<(), LineError> {
        let fields = Fields::split(&self.columns, line)?;
        let time_us = fields.number(self.time)?;
        let first_us = *self.first_us.get_or_insert(time_us);
        if time_us < first_us {
            return Err(fields.wrong(self.time, LineFault::BeforeFirst));
        }
        if !self.told {
            self.told = true;
            let [car, track, driver, tyre_compound] =
                self.texts.map(|column| Some(fields.text(column).to_owned()));
            items.push_back(Item::Facts(Facts { car, track, driver, tyre_compound, ..self.facts() }));
        }
        let mut sample = Sample::absent(0);
        for &(column, channel, factor, add) in &self.floats {
            sample[channel] = (fields.number(column)? * factor + add) as f32;
        }
        for &(column, channel, add) in &self.ints {
            let value = fields.number(column)? as i32 + add;
            let is_lap_time = channel == ch::LAST_LAP_MS || channel == ch::BEST_LAP_MS;
            sample[channel] = if is_lap_time && value == 0 { ABSENT } else { value };
        }
        items.push_back(Item::Sample { elapsed_us: (time_us - first_us) as u64, sample: Box::new(sample) });
        Ok(())
    }
}
