//! What does an answer change?

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::link::{Asked, State};
use super::{Condition, LinkId, LookBack, News, Now, Output, RETRY, Reader, Record};
use super::{LOOK_EVERY, back_off};
use crate::TopicId;
use crate::batch::{self, Unreadable};
use crate::error_code::{ErrorCode, Remedy};
use crate::partition::{Learnt, Partition, Question};
use crate::response::{self, Fetched, FetchedPartition, ListedOffset, Malformed, Metadata};

/// The longest pause that a broker can ask for; a longer one would look like silence.
const MAX_THROTTLE: Duration = Duration::from_secs(30);

impl Reader {
    pub(super) fn take_answer(
        &mut self,
        link: LinkId,
        bytes: &[u8],
        now: Now,
        out: &mut dyn FnMut(Output<'_>),
    ) {
        let Some(index) = self.links.iter().position(|other| other.id == link) else { return };
        let state = std::mem::replace(&mut self.links[index].state, State::Idle { since: now.at });
        let State::Busy { asked, number, flexible, .. } = state else {
            return self.break_off(link, now.at, out);
        };
        let taken = response::body(bytes, number, flexible).and_then(|body| match asked {
            Asked::Metadata => self.take_metadata(body, now.at, out),
            Asked::Offsets(asked) => self.take_offsets(index, &asked, body, now.at, out),
            Asked::Records(asked) => self.take_records(index, &asked, body, now.at, out),
            Asked::LogIn(log_in) => self.take_login(index, log_in, body, now, out),
        });
        match taken {
            Ok(throttle_ms) => {
                // The link may be gone by now, if the topic is.
                if let Some(link) = self.links.iter_mut().find(|other| other.id == link)
                    && let State::Idle { since } = &mut link.state
                {
                    let pause = Duration::from_millis(u64::try_from(throttle_ms).unwrap_or(0));
                    *since = now.at + pause.min(MAX_THROTTLE);
                    let address = link.address.clone();
                    self.failed.retain(|door| door.0 != address);
                }
            }
            Err(Malformed) => self.break_off(link, now.at, out),
        }
    }

    fn take_metadata(
        &mut self,
        body: &[u8],
        now: Instant,
        out: &mut dyn FnMut(Output<'_>),
    ) -> Result<i32, Malformed> {
        let metadata = Metadata::parse(body, &self.topic)?;
        self.brokers.clear();
        for broker in &metadata.brokers {
            self.brokers.push((broker.node, Arc::from(format!("{}:{}", broker.host, broker.port))));
        }
        match metadata.error.0 {
            0 => self.take_partitions(&metadata, now, out),
            3 | 100 => {
                let was = match self.condition {
                    Condition::Known(id) => Some(id),
                    _ => None,
                };
                self.condition = Condition::Missing(was);
                out(Output::News(News::Missing));
            }
            17 | 29 | 31 => {
                self.condition = Condition::Refused;
                out(Output::News(News::Refused { error: metadata.error }));
            }
            _ => self.look_later(now),
        }
        Ok(metadata.throttle_ms)
    }

    fn take_partitions(&mut self, metadata: &Metadata<'_>, now: Instant, out: &mut dyn FnMut(Output<'_>)) {
        let id = metadata.topic_id;
        let question = match self.condition {
            Condition::Known(before) if before != id => {
                // Whatever is in it is new.
                self.partitions.clear();
                self.suspects.clear();
                self.links.iter_mut().for_each(|link| link.session.reset());
                out(Output::News(News::Replaced { id }));
                Question::Oldest
            }
            Condition::Known(_) => Question::Oldest,
            _ => {
                out(Output::News(News::Topic { id }));
                Question::End
            }
        };
        self.condition = Condition::Known(id);
        for led in &metadata.partitions {
            let known = self.partitions.iter_mut().find(|partition| partition.number == led.partition);
            match known {
                Some(partition) => partition.set_leader(led),
                None => {
                    let mut partition = Partition::new(led.partition, question, now);
                    partition.set_leader(led);
                    self.partitions.push(partition);
                }
            }
        }
        let n_brokers_known = |leader: i32| self.brokers.iter().any(|(node, _)| *node == leader);
        let all_led = self.partitions.iter().all(|partition| partition.leader.is_some_and(n_brokers_known));
        if all_led && !self.partitions.is_empty() {
            self.look_at = now + LOOK_EVERY;
            self.n_vain_looks = 0;
        } else {
            self.look_later(now);
        }
    }

    /// Looks again, a little later each time.
    fn look_later(&mut self, now: Instant) {
        let wait = self.spread(back_off(self.n_vain_looks, RETRY.0, RETRY.1));
        self.n_vain_looks = self.n_vain_looks.saturating_add(1);
        self.look_at = now + wait;
    }

    fn take_offsets(
        &mut self,
        index: usize,
        asked: &[(u16, Question)],
        body: &[u8],
        now: Instant,
        out: &mut dyn FnMut(Output<'_>),
    ) -> Result<i32, Malformed> {
        let (throttle_ms, listed) = response::listed_offsets(body)?;
        let look_back = match self.settings.look_back {
            LookBack::Time(_) => i64::MAX,
            LookBack::Records(n) => i64::from(n),
        };
        for ListedOffset { partition: number, error, offset } in listed {
            let Ok(number) = u16::try_from(number) else { return Err(Malformed) };
            let Some((_, question)) = asked.iter().find(|asked| asked.0 == number) else { continue };
            if error != ErrorCode::NONE {
                self.take_error(index, number, error, now, out);
                continue;
            }
            let partition = self.partitions.iter_mut().find(|partition| partition.number == number);
            let Some(partition) = partition.filter(|partition| partition.question == Some(*question)) else {
                continue;
            };
            partition.forget_failures();
            match partition.learn(offset, look_back) {
                Learnt::More => {}
                Learnt::Started { from, end } => {
                    out(Output::News(News::Started { partition: number, from, end }));
                }
                Learnt::Lost { from, to } => {
                    out(Output::News(News::Lost { partition: number, from, to }));
                }
            }
        }
        // What was not answered is not asked again immediately.
        for partition in &mut self.partitions {
            let is_open =
                |(number, question)| partition.number == number && partition.question == Some(question);
            if partition.not_before <= now && asked.iter().copied().any(is_open) {
                partition.pause(now);
            }
        }
        Ok(throttle_ms)
    }

    fn take_records(
        &mut self,
        index: usize,
        asked: &[u16],
        body: &[u8],
        now: Instant,
        out: &mut dyn FnMut(Output<'_>),
    ) -> Result<i32, Malformed> {
        let mut fetched = Fetched::parse(body)?;
        let Condition::Known(topic_id) = self.condition else { return Ok(fetched.throttle_ms) };
        match fetched.error.remedy() {
            Remedy::None => self.links[index].session.take_answer(fetched.session_id),
            remedy => {
                self.links[index].session.reset();
                if remedy != Remedy::NewSession {
                    for number in asked {
                        self.take_error(index, *number, fetched.error, now, out);
                    }
                }
                return Ok(fetched.throttle_ms);
            }
        }
        self.suspects.retain(|suspect| !asked.contains(suspect));
        self.allowance.refill(now);
        while let Some(partition) = fetched.next()? {
            if partition.topic_id != topic_id {
                self.drop_foreign(index, asked, &partition, now, out);
                continue;
            }
            let Some(number) =
                u16::try_from(partition.partition).ok().filter(|number| asked.contains(number))
            else {
                continue;
            };
            if partition.error == ErrorCode::NONE {
                self.read(number, partition.records, out);
            } else {
                self.take_error(index, number, partition.error, now, out);
            }
        }
        Ok(fetched.throttle_ms)
    }

    /// Drops what came of another topic; a broker that confuses topics is left alone for a while.
    fn drop_foreign(
        &mut self,
        index: usize,
        asked: &[u16],
        partition: &FetchedPartition<'_>,
        now: Instant,
        out: &mut dyn FnMut(Output<'_>),
    ) {
        if partition.topic_id != TopicId::default() || !partition.records.is_empty() {
            out(Output::News(News::Foreign));
        }
        self.links[index].session.reset();
        for partition in self.partitions.iter_mut().filter(|partition| asked.contains(&partition.number)) {
            partition.pause(now);
        }
    }

    fn read(&mut self, number: u16, mut bytes: &[u8], out: &mut dyn FnMut(Output<'_>)) {
        let Some(partition) = self.partitions.iter_mut().find(|partition| partition.number == number) else {
            return;
        };
        if partition.question.is_some() {
            return;
        }
        partition.forget_failures();
        // Kafka always sends the first batch whole: one that is not whole now never will be.
        let is_stuck = !bytes.is_empty() && batch::next(&mut { bytes }).is_none();
        while let Some(batch) = batch::next(&mut bytes) {
            if batch.next_offset <= partition.next {
                continue;
            }
            let from = partition.next;
            let read = batch.records(from, &mut self.allowance, |record| {
                let record = Record {
                    partition: number,
                    offset: u64::try_from(record.offset).unwrap_or(0),
                    time_ms: u64::try_from(record.time_ms).unwrap_or(0),
                    value: record.value,
                };
                out(Output::News(News::Record(record)));
            });
            partition.next = batch.next_offset;
            if let Err(why) = read {
                out(Output::News(News::Unreadable { partition: number, offset: from, why }));
            }
        }
        if is_stuck {
            let (offset, why) = (partition.next, Unreadable::TooLong);
            out(Output::News(News::Unreadable { partition: number, offset, why }));
            partition.question = Some(Question::EndAfter { lost: offset });
        }
    }

    /// Does what an error of a partition calls for; mostly it is left out until it is well again.
    fn take_error(
        &mut self,
        index: usize,
        number: u16,
        error: ErrorCode,
        now: Instant,
        out: &mut dyn FnMut(Output<'_>),
    ) {
        let Some(partition) = self.partitions.iter_mut().find(|partition| partition.number == number) else {
            return;
        };
        let remedy = error.remedy();
        if !matches!(remedy, Remedy::None | Remedy::GiveUp) {
            out(Output::News(News::Failed { partition: number, error }));
        }
        match remedy {
            Remedy::None => {}
            Remedy::LookUpOffset => {
                partition.question = Some(Question::OldestAfter { lost: partition.next });
                partition.pause(now);
            }
            Remedy::AskMetadata => {
                partition.pause(now);
                partition.leader = None;
                self.look_at = self.look_at.min(partition.not_before);
            }
            Remedy::NewSession => self.links[index].session.reset(),
            Remedy::TryLater => partition.pause(now),
            Remedy::GiveUp => {
                self.condition = Condition::Refused;
                out(Output::News(News::Refused { error }));
            }
        }
    }
}
