//! Passes log records to JavaScript. The client has one sink in a process, which serves every
//! environment that wants records.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use castalia_core::host::log;
use castalia_core::log::{Record, Sink, set};
use napi::Either;
use napi_derive::napi;
use tracing::Level;

use crate::failure::{Failure, result_or_failure};
use crate::mailbox::{Mailbox, Post};

/// The environments that want records, and their levels.
static READERS: Mutex<Vec<(Level, Weak<Post>)>> = Mutex::new(Vec::new());

/// One log record.
#[napi(object, object_from_js = false)]
pub struct Logged {
    pub level: String,
    pub target: &'static str,
    pub text: String,
    pub fields: HashMap<&'static str, String>,
}

/// Puts records of this level and above into the mailbox; without a level none.
#[napi(catch_unwind)]
pub fn set_log(mailbox: &Mailbox, level: Option<String>) -> Either<(), Failure> {
    let level = level.as_deref().map(log::level).transpose();
    result_or_failure(level.map(|level| read_from(mailbox, level)))
}

fn read_from(mailbox: &Mailbox, level: Option<Level>) {
    let mut readers = READERS.lock().unwrap_or_else(PoisonError::into_inner);
    let others = |reader: &Weak<Post>| {
        let reader = reader.upgrade().filter(|reader| !reader.has_ended());
        reader.is_some_and(|reader| !Arc::ptr_eq(&reader, &mailbox.post))
    };
    readers.retain(|(_, reader)| others(reader));
    readers.extend(level.map(|level| (level, Arc::downgrade(&mailbox.post))));
    let finest = readers.iter().map(|(level, _)| *level).max();
    drop(readers);
    set(finest.map(|level| (level, Arc::new(emit) as Sink)));
}

fn emit(record: &Record) {
    let readers = READERS.lock().unwrap_or_else(PoisonError::into_inner);
    let wanted = readers.iter().filter(|(level, _)| record.level <= *level);
    for reader in wanted.filter_map(|(_, reader)| reader.upgrade()) {
        reader.log(Logged {
            level: record.level.as_str().to_lowercase(),
            target: record.target,
            text: record.text.clone(),
            fields: record.fields.iter().cloned().collect(),
        });
    }
}
