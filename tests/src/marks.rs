//! Whose record is this? Its session and each of its samples carry a mark that can only be made for one user, one session
//! and one number, so that a mark that was copied is found as well as one that is missing.

use anyhow::{Context, Result, ensure};
use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use purple_sector_codec::{Channel, ChannelId, Coding, Pace, Position, Samples, Schema, UserId};

/// The channel that holds each sample's mark.
pub const MARK: &str = "user_mark";
/// The channel that holds each sample's number in its session, from 1.
pub const NUMBER: &str = "sample_number";

/// What marks the records of one user.
#[derive(Debug, Clone)]
pub struct Marks {
    user: UserId,
    key: Key,
}

impl Marks {
    /// Those of `user`.
    pub fn of(user: &UserId) -> Self {
        Self {
            user: user.clone(),
            key: Key::new(HMAC_SHA256, b"known to those who publish and to those who check"),
        }
    }

    /// Whose marks these are.
    pub fn user(&self) -> &UserId {
        &self.user
    }

    /// The id of the session called `name`, with its mark.
    pub fn session(&self, name: &str) -> String {
        format!("{name}.{:08x}", self.mark(name, 0))
    }

    /// The mark of sample `number` (from 1) of a session. Never negative, as its channel wants it.
    pub fn sample(&self, session: &str, number: i32) -> i32 {
        (self.mark(session, number) >> 1).cast_signed()
    }

    /// Checks that a session is this user's.
    ///
    /// # Errors
    /// Where its id has no mark, or another one than [`Marks::session`] gives.
    pub fn check_session(&self, session: &str) -> Result<()> {
        let (name, _) = session.rsplit_once('.').with_context(|| format!("{session} has no mark"))?;
        ensure!(self.session(name) == session, "{} got something of the session {session}", self.user);
        Ok(())
    }

    /// Checks that every one of these samples is this user's, and the one that its number says.
    ///
    /// # Errors
    /// Where a channel for marks is missing, or a mark is another one than [`Marks::sample`] gives.
    pub fn check_samples(&self, samples: &Samples<'_>) -> Result<()> {
        let column = |name| match samples.schema.position(name) {
            Some(Position::Int(at)) => Ok(samples.int_column(at)),
            _ => Err(anyhow::anyhow!("{} got samples without the channel {name}", self.user)),
        };
        let session = samples.stream.session.as_str();
        for (mark, number) in column(MARK)?.iter().zip(column(NUMBER)?) {
            let own = self.sample(session, *number);
            ensure!(
                *mark == own,
                "{}: sample {number} of {session} has the mark {mark}, not {own}",
                self.user
            );
        }
        Ok(())
    }

    /// The beginning of HMAC-SHA256 over user, session and number.
    fn mark(&self, session: &str, number: i32) -> u32 {
        let signed = sign(&self.key, format!("{}\0{session}\0{number}", self.user).as_bytes());
        signed.as_ref().first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes))
    }
}

/// `schema` with the channels [`MARK`] and [`NUMBER`] as well.
///
/// # Errors
/// Where the schema already has such a channel.
pub fn marked_schema(schema: Schema) -> Result<Schema> {
    let channel = |nth, name: &str, unit: &str, pace| Channel {
        id: ChannelId(ChannelId::FIRST_FREE.0 + nth),
        name: name.to_owned(),
        unit: unit.to_owned(),
        coding: Coding::Int { min: 0, max: i32::MAX },
        pace,
        labels: Vec::new(),
    };
    let schema = schema.with_channel(channel(7, MARK, "user", Pace::Fast))?;
    Ok(schema.with_channel(channel(8, NUMBER, "samples", Pace::Fast))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(user: &str) -> Result<Marks> {
        Ok(Marks::of(&UserId::parse(user)?))
    }

    #[test]
    fn a_mark_is_of_one_user_one_session_and_one_number() -> Result<()> {
        let (alice, bob) = (marks("alice")?, marks("bob")?);
        let own = alice.sample("lap", 7);
        assert_eq!(own, alice.sample("lap", 7));
        for other in [bob.sample("lap", 7), alice.sample("lap", 8), alice.sample("lap2", 7)] {
            assert_ne!(own, other);
        }
        assert!((0..1_000).all(|number| alice.sample("lap", number) >= 0));
        Ok(())
    }

    #[test]
    fn a_session_is_known_by_its_mark() -> Result<()> {
        let (alice, bob) = (marks("alice")?, marks("bob")?);
        alice.check_session(&alice.session("lap"))?;
        for foreign in [bob.session("lap"), alice.session("lap").replace("lap", "lap2"), "lap".to_owned()] {
            assert!(alice.check_session(&foreign).is_err(), "{foreign}");
        }
        Ok(())
    }
}
