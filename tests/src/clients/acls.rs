//! How are rights granted in milliseconds? By librdkafka's admin calls, which rdkafka does not offer. Kafka's own tool takes
//! seconds for each.

use std::ffi::{CStr, CString, c_char};
use std::time::{Duration, Instant};
use std::{ptr, slice, thread};

use anyhow::{Context, Result, bail, ensure};
use rdkafka::ClientContext;
use rdkafka::admin::AdminClient;
use rdkafka::bindings::{
    rd_kafka_AclBinding_destroy, rd_kafka_AclBinding_new, rd_kafka_AclBindingFilter_new,
    rd_kafka_AclOperation_t, rd_kafka_AclPermissionType_t, rd_kafka_CreateAcls,
    rd_kafka_CreateAcls_result_acls, rd_kafka_DeleteAcls, rd_kafka_DeleteAcls_result_response_error,
    rd_kafka_DeleteAcls_result_response_matching_acls, rd_kafka_DeleteAcls_result_responses,
    rd_kafka_DescribeAcls, rd_kafka_DescribeAcls_result_acls, rd_kafka_ResourcePatternType_t,
    rd_kafka_ResourceType_t, rd_kafka_acl_result_error, rd_kafka_error_code, rd_kafka_error_string,
    rd_kafka_error_t, rd_kafka_event_CreateAcls_result, rd_kafka_event_DeleteAcls_result,
    rd_kafka_event_DescribeAcls_result, rd_kafka_event_destroy, rd_kafka_event_error,
    rd_kafka_event_error_string, rd_kafka_event_t, rd_kafka_queue_destroy, rd_kafka_queue_new,
    rd_kafka_queue_poll, rd_kafka_queue_t, rd_kafka_resp_err_t, rd_kafka_t,
};
use rdkafka::types::RDKafkaErrorCode;

use super::handles::Owned;
use crate::secure::acl::{Acl, Operation, Resource};

/// Longer than librdkafka itself waits for an answer (60 s).
const LIMIT_MS: i32 = 90_000;
/// How long a broker may need to follow its controller; a few milliseconds on an idle machine.
const SETTLE_LIMIT: Duration = Duration::from_secs(30);

/// A right in librdkafka's own form; it is a filter too, for the right that is exactly this.
type Binding = Owned<rdkafka::bindings::rd_kafka_AclBinding_t>;
/// As `rd_kafka_AclBinding_new` and `rd_kafka_AclBindingFilter_new` are, which differ in what wildcards they take.
type MakeBinding = unsafe extern "C" fn(
    rd_kafka_ResourceType_t,
    *const c_char,
    rd_kafka_ResourcePatternType_t,
    *const c_char,
    *const c_char,
    rd_kafka_AclOperation_t,
    rd_kafka_AclPermissionType_t,
    *mut c_char,
    usize,
) -> *mut rdkafka::bindings::rd_kafka_AclBinding_t;

/// Grants these rights, and waits until they hold. One that is there already is no error.
///
/// # Errors
/// Where Kafka refuses, in its words.
pub fn allow<C: ClientContext>(admin: &AdminClient<C>, acls: &[Acl]) -> Result<()> {
    let bindings: Vec<Binding> =
        acls.iter().map(|acl| binding(acl, rd_kafka_AclBinding_new)).collect::<Result<_>>()?;
    let mut pointers: Vec<_> = bindings.iter().map(Owned::pointer).collect();
    let event = ask(admin, |client, queue| {
        // SAFETY: client, queue and bindings outlive the call, which copies the bindings; no options are the default ones.
        unsafe { rd_kafka_CreateAcls(client, pointers.as_mut_ptr(), pointers.len(), ptr::null(), queue) }
    })?;
    // SAFETY: the event is alive, and so is all that it lends; the count is that of the array.
    let results = unsafe {
        let result = rd_kafka_event_CreateAcls_result(event.pointer());
        ensure!(!result.is_null(), "librdkafka answered something else");
        let mut n_results = 0;
        let results = rd_kafka_CreateAcls_result_acls(result, &raw mut n_results);
        borrowed(results, n_results)
    };
    // SAFETY: as above.
    results.iter().try_for_each(|result| unsafe { check(rd_kafka_acl_result_error(*result)) })?;
    acls.last().map_or(Ok(()), |last| wait_until(admin, last, true))
}

/// Takes these rights back, and waits until they do not hold any more.
///
/// # Errors
/// Where Kafka refuses, in its words, or one of them was not there.
pub fn forbid<C: ClientContext>(admin: &AdminClient<C>, acls: &[Acl]) -> Result<()> {
    let bindings: Vec<Binding> =
        acls.iter().map(|acl| binding(acl, rd_kafka_AclBindingFilter_new)).collect::<Result<_>>()?;
    let mut pointers: Vec<_> = bindings.iter().map(Owned::pointer).collect();
    let event = ask(admin, |client, queue| {
        // SAFETY: as in `allow`.
        unsafe { rd_kafka_DeleteAcls(client, pointers.as_mut_ptr(), pointers.len(), ptr::null(), queue) }
    })?;
    // SAFETY: as in `allow`.
    let responses = unsafe {
        let result = rd_kafka_event_DeleteAcls_result(event.pointer());
        ensure!(!result.is_null(), "librdkafka answered something else");
        let mut n_responses = 0;
        let responses = rd_kafka_DeleteAcls_result_responses(result, &raw mut n_responses);
        borrowed(responses, n_responses)
    };
    for (response, acl) in responses.iter().zip(acls) {
        let mut n_found = 0;
        // SAFETY: as in `allow`; of the array only the length is used.
        unsafe {
            check(rd_kafka_DeleteAcls_result_response_error(*response))?;
            rd_kafka_DeleteAcls_result_response_matching_acls(*response, &raw mut n_found);
        }
        ensure!(n_found == 1, "{n_found} rights were taken back where one was meant: {acl:?}");
    }
    acls.last().map_or(Ok(()), |last| wait_until(admin, last, false))
}

/// Waits until the broker knows of the right, or does not: the controller answers first, and brokers follow its log in order.
fn wait_until<C: ClientContext>(admin: &AdminClient<C>, acl: &Acl, holds: bool) -> Result<()> {
    let deadline = Instant::now() + SETTLE_LIMIT;
    while is_known(admin, acl)? != holds {
        ensure!(Instant::now() < deadline, "the broker does not follow its controller: {acl:?}");
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

fn is_known<C: ClientContext>(admin: &AdminClient<C>, acl: &Acl) -> Result<bool> {
    let filter = binding(acl, rd_kafka_AclBindingFilter_new)?;
    let event = ask(admin, |client, queue| {
        // SAFETY: as in `allow`.
        unsafe { rd_kafka_DescribeAcls(client, filter.pointer(), ptr::null(), queue) }
    })?;
    let mut n_found = 0;
    // SAFETY: as in `allow`; of the array only the length is used.
    unsafe {
        let result = rd_kafka_event_DescribeAcls_result(event.pointer());
        ensure!(!result.is_null(), "librdkafka answered something else");
        rd_kafka_DescribeAcls_result_acls(result, &raw mut n_found);
    }
    Ok(n_found > 0)
}

fn binding(acl: &Acl, make: MakeBinding) -> Result<Binding> {
    use rd_kafka_ResourcePatternType_t::{
        RD_KAFKA_RESOURCE_PATTERN_LITERAL, RD_KAFKA_RESOURCE_PATTERN_PREFIXED,
    };
    use rd_kafka_ResourceType_t::{RD_KAFKA_RESOURCE_GROUP, RD_KAFKA_RESOURCE_TOPIC};

    let (kind, name, pattern) = match &acl.resource {
        Resource::Topic(name) => (RD_KAFKA_RESOURCE_TOPIC, name, RD_KAFKA_RESOURCE_PATTERN_LITERAL),
        Resource::TopicsFrom(name) => (RD_KAFKA_RESOURCE_TOPIC, name, RD_KAFKA_RESOURCE_PATTERN_PREFIXED),
        Resource::Group(name) => (RD_KAFKA_RESOURCE_GROUP, name, RD_KAFKA_RESOURCE_PATTERN_LITERAL),
        Resource::GroupsFrom(name) => (RD_KAFKA_RESOURCE_GROUP, name, RD_KAFKA_RESOURCE_PATTERN_PREFIXED),
    };
    let (name, principal) = (CString::new(name.as_str())?, CString::new(format!("User:{}", acl.principal))?);
    let mut said = [0 as c_char; 512];
    // SAFETY: all texts end with a zero and outlive the call, which copies them; the length is that of the buffer. What it
    // makes is ours, and ends by this function whichever of the two made it.
    unsafe {
        let made = make(
            kind,
            name.as_ptr(),
            pattern,
            principal.as_ptr(),
            c"*".as_ptr(),
            operation(acl.operation),
            rd_kafka_AclPermissionType_t::RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW,
            said.as_mut_ptr(),
            said.len(),
        );
        Owned::new(made, rd_kafka_AclBinding_destroy).with_context(|| text(said.as_ptr()))
    }
}

fn operation(operation: Operation) -> rd_kafka_AclOperation_t {
    use rd_kafka_AclOperation_t as Native;

    match operation {
        Operation::Read => Native::RD_KAFKA_ACL_OPERATION_READ,
        Operation::Write => Native::RD_KAFKA_ACL_OPERATION_WRITE,
        Operation::Create => Native::RD_KAFKA_ACL_OPERATION_CREATE,
        Operation::Describe => Native::RD_KAFKA_ACL_OPERATION_DESCRIBE,
        Operation::DescribeConfigs => Native::RD_KAFKA_ACL_OPERATION_DESCRIBE_CONFIGS,
        Operation::AlterConfigs => Native::RD_KAFKA_ACL_OPERATION_ALTER_CONFIGS,
    }
}

/// Sends a request by `send`, and waits for the event that answers it.
fn ask<C: ClientContext>(
    admin: &AdminClient<C>,
    send: impl FnOnce(*mut rd_kafka_t, *mut rd_kafka_queue_t),
) -> Result<Owned<rd_kafka_event_t>> {
    let client = admin.inner().native_ptr();
    // SAFETY: the client outlives this function, and so does the queue, which is ours, as the event is.
    unsafe {
        let queue = Owned::new(rd_kafka_queue_new(client), rd_kafka_queue_destroy)?;
        send(client, queue.pointer());
        let event = rd_kafka_queue_poll(queue.pointer(), LIMIT_MS);
        let event = Owned::new(event, rd_kafka_event_destroy).context("Kafka did not answer")?;
        let code = rd_kafka_event_error(event.pointer());
        ensure!(
            code == rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR,
            "{}",
            text(rd_kafka_event_error_string(event.pointer()))
        );
        Ok(event)
    }
}

/// # Safety
/// `error` is null, which is a success, or an error that is alive.
unsafe fn check(error: *const rd_kafka_error_t) -> Result<()> {
    if error.is_null() {
        return Ok(());
    }
    // SAFETY: the error is alive, and lends its text.
    let (code, text) = unsafe { (rd_kafka_error_code(error), text(rd_kafka_error_string(error))) };
    bail!("{:?}: {text}", RDKafkaErrorCode::from(code))
}

/// # Safety
/// `pointer` is null or points to `length` values that live as long as the event that lent them.
unsafe fn borrowed<'a, T>(pointer: *mut T, length: usize) -> &'a [T] {
    if pointer.is_null() {
        return &[];
    }
    // SAFETY: as promised.
    unsafe { slice::from_raw_parts(pointer, length) }
}

/// # Safety
/// `pointer` is null or points to a text that ends with a zero.
unsafe fn text(pointer: *const c_char) -> String {
    if pointer.is_null() {
        return "no reason was given".to_owned();
    }
    // SAFETY: as promised.
    unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned()
}
