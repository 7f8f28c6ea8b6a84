//! A third-party logger's text of a lap in Assetto Corsa Competizione ("player,v8"): which column is which channel?
//!
//! Eight header lines, wheels in the order RL RR FL FR. Left out: columns that this game always leaves zero, and wheel
//! speeds, which are given at a rim whose radius is not. The world speeds are labelled km/h but are m/s.

use std::collections::VecDeque;

use purple_sector_codec::{ChannelId, Facts, FloatChannel, IntChannel, Sample, ch};

use super::SourceError;
use super::csv::{CsvFormat, Fields, Item, Lines, names};
use crate::source::{LineError, LineFault};

const FIRST_LINE: &str = "player,v8,";
const G: f64 = 9.806_65;
const KPA_PER_PSI: f64 = 6.894_757;
const PERCENT: f64 = 0.01;

/// Column, channel, and what one unit of the column is in the channel's unit.
const FLOATS: [(&str, FloatChannel, f64); 44] = [
    ("Speed [km/h]", ch::SPEED_MPS, 1.0 / 3.6),
    ("EngineRevs [rpm]", ch::ENGINE_RPM, 1.0),
    ("ThrottlePercentage [%]", ch::THROTTLE, PERCENT),
    ("BrakePercentage [%]", ch::BRAKE, PERCENT),
    ("Steer [%]", ch::STEER, 1.0),
    ("Clutch [%]", ch::CLUTCH, PERCENT),
    ("EngineTemperature [C]", ch::WATER_TEMP_C, 1.0),
    ("FuelRemaining [l]", ch::FUEL_L, 1.0),
    ("TotalDistance [m]", ch::DISTANCE_M, 1.0),
    ("X [m]", ch::POSITION_X_M, 1.0),
    ("Y [m]", ch::POSITION_Y_M, 1.0),
    ("Z [m]", ch::POSITION_Z_M, 1.0),
    ("GForceLatitudinal [G]", ch::ACCEL_LATERAL_MPS2, G),
    ("GForceLongitudinal [G]", ch::ACCEL_LONGITUDINAL_MPS2, G),
    ("GForceVertical [G]", ch::ACCEL_VERTICAL_MPS2, G),
    ("BrakeTemperatureRearLeft [C]", ch::BRAKE_TEMP_C_RL, 1.0),
    ("BrakeTemperatureRearRight [C]", ch::BRAKE_TEMP_C_RR, 1.0),
    ("BrakeTemperatureFrontLeft [C]", ch::BRAKE_TEMP_C_FL, 1.0),
    ("BrakeTemperatureFrontRight [C]", ch::BRAKE_TEMP_C_FR, 1.0),
    ("TyreTemperatureRearLeft [C]", ch::TYRE_CORE_TEMP_C_RL, 1.0),
    ("TyreTemperatureRearRight [C]", ch::TYRE_CORE_TEMP_C_RR, 1.0),
    ("TyreTemperatureFrontLeft [C]", ch::TYRE_CORE_TEMP_C_FL, 1.0),
    ("TyreTemperatureFrontRight [C]", ch::TYRE_CORE_TEMP_C_FR, 1.0),
    ("SuspensionPositionRearLeft [m]", ch::SUSPENSION_TRAVEL_M_RL, 1.0),
    ("SuspensionPositionRearRight [m]", ch::SUSPENSION_TRAVEL_M_RR, 1.0),
    ("SuspensionPositionFrontLeft [m]", ch::SUSPENSION_TRAVEL_M_FL, 1.0),
    ("SuspensionPositionFrontRight [m]", ch::SUSPENSION_TRAVEL_M_FR, 1.0),
    ("Yaw [rad]", ch::HEADING_RAD, 1.0),
    ("Roll [rad]", ch::ROLL_RAD, 1.0),
    ("Pitch [rad]", ch::PITCH_RAD, 1.0),
    ("TyrePressureRearLeft [PSI]", ch::TYRE_PRESSURE_KPA_RL, KPA_PER_PSI),
    ("TyrePressureRearRight [PSI]", ch::TYRE_PRESSURE_KPA_RR, KPA_PER_PSI),
    ("TyrePressureFrontLeft [PSI]", ch::TYRE_PRESSURE_KPA_FL, KPA_PER_PSI),
    ("TyrePressureFrontRight [PSI]", ch::TYRE_PRESSURE_KPA_FR, KPA_PER_PSI),
    ("WheelSlipRearLeft [%]", ch::WHEEL_SLIP_RL, 1.0),
    ("WheelSlipRearRight [%]", ch::WHEEL_SLIP_RR, 1.0),
    ("WheelSlipFrontLeft [%]", ch::WHEEL_SLIP_FL, 1.0),
    ("WheelSlipFrontRight [%]", ch::WHEEL_SLIP_FR, 1.0),
    ("WoldSpeedX [km/h]", ch::VELOCITY_X_MPS, 1.0),
    ("WoldSpeedY [km/h]", ch::VELOCITY_Y_MPS, 1.0),
    ("WoldSpeedZ [km/h]", ch::VELOCITY_Z_MPS, 1.0),
    ("LocalAngularVelocityX [rad/s]", ch::PITCH_RATE_RADPS, 1.0),
    ("LocalAngularVelocityY [rad/s]", ch::YAW_RATE_RADPS, 1.0),
    ("LocalAngularVelocityZ [rad/s]", ch::ROLL_RATE_RADPS, 1.0),
];

const INTS: [(&str, IntChannel); 4] = [
    ("Gear [int]", ch::GEAR),
    ("RacePosition [int]", ch::RACE_POSITION),
    ("Sector [int]", ch::SECTOR),
    ("InPits [int]", ch::IN_PIT_LANE),
];

/// Reads such a file.
pub(super) struct AccFragment {
    columns: Vec<String>,
    facts: Facts,
    track_length_m: f64,
    floats: Vec<(usize, FloatChannel, f64)>,
    ints: Vec<(usize, IntChannel)>,
    lap_time: usize,
    lap_distance: usize,
    invalid: usize,
    first_us: Option<u64>,
    last_us: u64,
}

impl AccFragment {
    /// Reads the other header lines too if the first one fits.
    pub(super) fn recognise(first: &str, lines: &mut Lines) -> Result<Option<Self>, SourceError> {
        if !first.starts_with(FIRST_LINE) {
            return Ok(None);
        }
        let mut header = Vec::new();
        for _ in 2..=8 {
            header.push(lines.next_line()?.unwrap_or_default().to_owned());
        }
        let value = |line: usize, column: usize| header[line].split(',').nth(column).map(str::to_owned);
        let track_length_m =
            value(3, 1).and_then(|text| text.parse::<f64>().ok()).filter(|&length| length > 0.0);
        let Some(track_length_m) = track_length_m else {
            return Err(lines.wrong(LineFault::NoTrackLength));
        };
        let columns = names(&header[6]);
        let find = |name: &str| {
            let found = columns.iter().position(|column| column == name);
            found.ok_or_else(|| lines.wrong(LineFault::NoColumn { name: name.to_owned() }))
        };
        let floats = FLOATS.iter().map(|&(name, channel, factor)| Ok((find(name)?, channel, factor)));
        let ints = INTS.iter().map(|&(name, channel)| Ok((find(name)?, channel)));
        Ok(Some(Self {
            facts: Facts {
                game: Some("Assetto Corsa Competizione".to_owned()),
                track: value(1, 3),
                car: value(1, 4),
                track_length_m: Some(track_length_m as f32),
                nominal_rate_hz: Some(120.0),
                ..Facts::default()
            },
            track_length_m,
            floats: floats.collect::<Result<_, SourceError>>()?,
            ints: ints.collect::<Result<_, SourceError>>()?,
            lap_time: find("LapTime [s]")?,
            lap_distance: find("LapDistance [m]")?,
            invalid: find("CurrentLapInvalid [int]")?,
            first_us: None,
            last_us: 0,
            columns,
        }))
    }
}

impl CsvFormat for AccFragment {
    fn channels(&self) -> Vec<ChannelId> {
        let floats = FLOATS.iter().map(|(_, channel, _)| channel.id()).chain([ch::LAP_FRACTION.id()]);
        let ints = INTS.iter().map(|(_, channel)| channel.id());
        floats.chain(ints).chain([ch::CURRENT_LAP_MS.id(), ch::LAP_VALID.id()]).collect()
    }

    fn facts(&self) -> Facts {
        self.facts.clone()
    }

    fn take(&mut self, line: &str, items: &mut VecDeque<Item>) -> Result<(), LineError> {
        let fields = Fields::split(&self.columns, line)?;
        let lap_time_us = (fields.number(self.lap_time)? * 1e6).round().max(0.0) as u64;
        let first_us = *self.first_us.get_or_insert(lap_time_us);
        let elapsed_us = lap_time_us.saturating_sub(first_us);
        if elapsed_us < self.last_us {
            return Err(fields.wrong(self.lap_time, LineFault::ClockRunsBack));
        }
        self.last_us = elapsed_us;
        let mut sample = Sample::absent(0);
        for &(column, channel, factor) in &self.floats {
            sample[channel] = (fields.number(column)? * factor) as f32;
        }
        for &(column, channel) in &self.ints {
            sample[channel] = fields.number(column)? as i32;
        }
        let fraction = fields.number(self.lap_distance)? / self.track_length_m;
        sample[ch::LAP_FRACTION] = fraction.clamp(0.0, 1.0) as f32;
        sample[ch::CURRENT_LAP_MS] = (lap_time_us / 1_000) as i32;
        sample[ch::LAP_VALID] = i32::from(fields.number(self.invalid)? == 0.0);
        items.push_back(Item::Sample { elapsed_us, sample: Box::new(sample) });
        Ok(())
    }
}
