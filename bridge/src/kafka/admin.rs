//! What librdkafka's admin calls say and do that rdkafka has no functions for.
//!
//! Unsafe code is here because these calls are reached through their C interface only. Each call makes a queue, waits
//! for the one answer on it, and frees all it made, in this order, whatever happens between.

use std::collections::HashMap;
use std::ffi::{CStr, CString, c_char};
use std::ptr;
use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::client::{Client, ClientContext};
use rdkafka::error::{KafkaError as RdKafkaError, RDKafkaErrorCode};
use rdkafka_sys as sys;

use super::KafkaError;

/// Which topic a name stands for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TopicIdentity {
    /// Kafka's id; a topic that was deleted and made anew has another one.
    pub(super) id: (i64, i64),
    pub(super) n_partitions: usize,
}

/// The topics among `names` that exist.
pub(super) fn describe_topics<C: ClientContext>(
    client: &Client<C>,
    names: &[&str],
    within: Duration,
) -> Result<HashMap<String, TopicIdentity>, KafkaError> {
    let names: Vec<CString> = names.iter().filter_map(|name| CString::new(*name).ok()).collect();
    let mut pointers: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
    if pointers.is_empty() {
        return Ok(HashMap::new());
    }
    // SAFETY: the pointers are to strings that live until the end of this function; librdkafka copies them.
    let topics =
        unsafe { sys::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len()) };
    let topics = Owned { pointer: topics, free: sys::rd_kafka_TopicCollection_destroy };
    let call = Call::new(client, sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, within);
    // SAFETY: client, collection, options and queue are alive; the call keeps none of them but the queue, which it
    // counts a reference of.
    unsafe {
        sys::rd_kafka_DescribeTopics(
            client.native_ptr(),
            topics.pointer,
            call.options.pointer,
            call.queue.pointer,
        );
    }
    let event = call.answer()?;
    let mut described = HashMap::new();
    // SAFETY: `answer` gives an event without error, and this is the kind of event that the call leads to; it owns all
    // that is read here and lives until the end of this function. Null pointers are checked for, counts are its own.
    unsafe {
        let result = sys::rd_kafka_event_DescribeTopics_result(event.pointer);
        if result.is_null() {
            return Err(request_error(sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__BAD_MSG));
        }
        let mut n_topics = 0;
        let topics = sys::rd_kafka_DescribeTopics_result_topics(result, &mut n_topics);
        for i in 0..n_topics {
            let topic = *topics.add(i);
            let error = sys::rd_kafka_TopicDescription_error(topic);
            if !error.is_null() && sys::rd_kafka_error_code(error) != NO_ERROR {
                continue;
            }
            let mut n_partitions = 0;
            sys::rd_kafka_TopicDescription_partitions(topic, &mut n_partitions);
            let id = sys::rd_kafka_TopicDescription_topic_id(topic);
            let name = CStr::from_ptr(sys::rd_kafka_TopicDescription_name(topic));
            let id =
                (sys::rd_kafka_Uuid_most_significant_bits(id), sys::rd_kafka_Uuid_least_significant_bits(id));
            described.insert(name.to_string_lossy().into_owned(), TopicIdentity { id, n_partitions });
        }
    }
    Ok(described)
}

/// Writes how far a group has read, without being a member of it: what `kafka-consumer-groups` shows as its lag.
pub(super) fn publish_offsets<C: ClientContext>(
    client: &Client<C>,
    group: &str,
    positions: &TopicPartitionList,
    within: Duration,
) -> Result<(), KafkaError> {
    let Ok(group) = CString::new(group) else {
        return Err(request_error(sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__INVALID_ARG));
    };
    // SAFETY: both arguments are alive during the call, which copies them.
    let offsets = unsafe { sys::rd_kafka_AlterConsumerGroupOffsets_new(group.as_ptr(), positions.ptr()) };
    let offsets = Owned { pointer: offsets, free: sys::rd_kafka_AlterConsumerGroupOffsets_destroy };
    let call =
        Call::new(client, sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS, within);
    let mut groups = [offsets.pointer];
    // SAFETY: as for `rd_kafka_DescribeTopics`; the array has the one element that is said.
    unsafe {
        sys::rd_kafka_AlterConsumerGroupOffsets(
            client.native_ptr(),
            groups.as_mut_ptr(),
            1,
            call.options.pointer,
            call.queue.pointer,
        );
    }
    let event = call.answer()?;
    // SAFETY: as in `describe_topics`.
    unsafe {
        let result = sys::rd_kafka_event_AlterConsumerGroupOffsets_result(event.pointer);
        if result.is_null() {
            return Err(request_error(sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__BAD_MSG));
        }
        let mut n_groups = 0;
        let groups = sys::rd_kafka_AlterConsumerGroupOffsets_result_groups(result, &mut n_groups);
        for i in 0..n_groups {
            let error = sys::rd_kafka_group_result_error(*groups.add(i));
            if !error.is_null() && sys::rd_kafka_error_code(error) != NO_ERROR {
                return Err(request_error(sys::rd_kafka_error_code(error)));
            }
        }
    }
    Ok(())
}

const NO_ERROR: sys::rd_kafka_resp_err_t = sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR;

/// Options and queue of one admin call.
struct Call {
    options: Owned<sys::rd_kafka_AdminOptions_t>,
    queue: Owned<sys::rd_kafka_queue_t>,
    within: Duration,
}

impl Call {
    fn new<C: ClientContext>(client: &Client<C>, kind: sys::rd_kafka_admin_op_t, within: Duration) -> Self {
        let client = client.native_ptr();
        let timeout_ms = i32::try_from(within.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: the client is alive as long as its reference; the error text may be null if its size is 0.
        unsafe {
            let options = Owned {
                pointer: sys::rd_kafka_AdminOptions_new(client, kind),
                free: sys::rd_kafka_AdminOptions_destroy,
            };
            sys::rd_kafka_AdminOptions_set_request_timeout(options.pointer, timeout_ms, ptr::null_mut(), 0);
            let queue = Owned { pointer: sys::rd_kafka_queue_new(client), free: sys::rd_kafka_queue_destroy };
            Self { options, queue, within }
        }
    }

    /// Waits for the answer, a little longer than librdkafka itself does.
    fn answer(&self) -> Result<Owned<sys::rd_kafka_event_t>, KafkaError> {
        let wait = self.within + Duration::from_secs(1);
        let wait_ms = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: the queue is alive; what it gives is owned by the caller, and null after the wait.
        let event = unsafe { sys::rd_kafka_queue_poll(self.queue.pointer, wait_ms) };
        if event.is_null() {
            return Err(request_error(sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__TIMED_OUT));
        }
        let event = Owned { pointer: event, free: sys::rd_kafka_event_destroy };
        // SAFETY: the event is alive.
        let error = unsafe { sys::rd_kafka_event_error(event.pointer) };
        if error == NO_ERROR { Ok(event) } else { Err(request_error(error)) }
    }
}

/// Something of librdkafka's that is freed when dropped.
struct Owned<T> {
    pointer: *mut T,
    free: unsafe extern "C" fn(*mut T),
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        if !self.pointer.is_null() {
            // SAFETY: the pointer came from the function that `free` belongs to, and is freed only here.
            unsafe { (self.free)(self.pointer) };
        }
    }
}

fn request_error(code: sys::rd_kafka_resp_err_t) -> KafkaError {
    KafkaError::Request(RdKafkaError::AdminOp(RDKafkaErrorCode::from(code)))
}
