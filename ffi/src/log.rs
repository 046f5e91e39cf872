//! The log callback of the process.

use std::ffi::c_void;
use std::sync::Arc;

use castalia_core::log::{self, Record};
use tracing::Level;

use crate::boundary::{CastaliaStr, UserData, guard, unusable};
use crate::error::CastaliaError;
use crate::subscription::CastaliaRelease;

/// Somebody has to act.
pub const CASTALIA_LOG_ERROR: i32 = 1;
/// Something does not work at the moment.
pub const CASTALIA_LOG_WARN: i32 = 2;
/// Important events.
pub const CASTALIA_LOG_INFO: i32 = 3;
/// Details for finding the cause of a problem.
pub const CASTALIA_LOG_DEBUG: i32 = 4;
/// Everything.
pub const CASTALIA_LOG_TRACE: i32 = 5;

/// A field of a log record, such as `namespace`.
#[repr(C)]
#[derive(Debug)]
pub struct CastaliaLogField {
    /// Name.
    pub name: CastaliaStr,
    /// Value as text.
    pub value: CastaliaStr,
}

/// One log record. It and its texts are valid during the call. Later versions append fields.
#[repr(C)]
#[derive(Debug)]
pub struct CastaliaLogRecord {
    /// Severity: `CASTALIA_LOG_...`.
    pub level: i32,
    /// Module that logged it.
    pub target: CastaliaStr,
    /// Message, followed by the fields as `name=value`.
    pub text: CastaliaStr,
    /// The fields.
    pub fields: *const CastaliaLogField,
    /// Number of fields.
    pub fields_len: usize,
}

/// Function that is called for each log record, on any thread and possibly on several at the same
/// time. Records that the call itself causes are dropped. It must not throw and must not block.
pub type CastaliaLogger =
    Option<extern "C" fn(user_data: *mut c_void, record: *const CastaliaLogRecord)>;

/// Passes log records of this level and above (`CASTALIA_LOG_...`) to a function, which replaces
/// the previous one; NULL drops them. Without this call, warnings and errors are written to
/// standard error. `release` is called with the user data when it is no longer needed, also if this
/// call fails.
///
/// Fails with `CASTALIA_INVALID_ARGUMENT` for an invalid level.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_log_set(
    level: i32,
    logger: CastaliaLogger,
    user_data: *mut c_void,
    release: CastaliaRelease,
) -> Option<Box<CastaliaError>> {
    let user_data = UserData::new(user_data, release);
    guard(|| {
        let level = LEVELS.iter().find(|(number, _)| *number == level);
        let (_, level) =
            level.ok_or_else(|| unusable("the log level is not one of CASTALIA_LOG_"))?;
        log::set(logger.map(|logger| {
            let sink = move |record: &Record| {
                let fields: Vec<_> = record.fields.iter().map(CastaliaLogField::new).collect();
                let record = CastaliaLogRecord::new(record, &fields);
                logger(user_data.get(), &raw const record);
            };
            (*level, Arc::new(sink) as log::Sink)
        }));
        Ok(())
    })
}

impl CastaliaLogField {
    fn new((name, value): &(&'static str, String)) -> Self {
        Self { name: CastaliaStr::of(name), value: CastaliaStr::of(value) }
    }
}

impl CastaliaLogRecord {
    fn new(record: &Record, fields: &[CastaliaLogField]) -> Self {
        Self {
            level: number_of(record.level),
            target: CastaliaStr::of(record.target),
            text: CastaliaStr::of(&record.text),
            fields: fields.as_ptr(),
            fields_len: fields.len(),
        }
    }
}

const LEVELS: [(i32, Level); 5] = [
    (CASTALIA_LOG_ERROR, Level::ERROR),
    (CASTALIA_LOG_WARN, Level::WARN),
    (CASTALIA_LOG_INFO, Level::INFO),
    (CASTALIA_LOG_DEBUG, Level::DEBUG),
    (CASTALIA_LOG_TRACE, Level::TRACE),
];

fn number_of(level: Level) -> i32 {
    let known = LEVELS.iter().find(|(_, known)| *known == level);
    known.map_or(CASTALIA_LOG_TRACE, |(number, _)| *number)
}
