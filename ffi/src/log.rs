//! The log callback of the process.

use std::ffi::c_void;
use std::sync::Arc;

use castalia_core::host::describe;
use castalia_core::host::log as host_log;
use castalia_core::log::{self, Record};

use crate::boundary::{CastaliaStr, UserData, guard};
use crate::error::CastaliaError;
use crate::record::CastaliaRecord;
use crate::subscription::CastaliaRelease;

/// Function that is called for each log record, on any thread and possibly on several at the same
/// time. The record is valid during the call: `level`; `target`, the module that logged it; `text`,
/// the message, followed by the fields as `name=value`; and `fields`, a record of their values as
/// texts. Records that the call itself causes are dropped. It must not throw and must not block.
pub type CastaliaLogger =
    Option<extern "C" fn(user_data: *mut c_void, record: *const CastaliaRecord)>;

/// Passes log records of this level and above (`ERROR`, `WARN`, `INFO`, `DEBUG` or `TRACE`) to a
/// function, which replaces the previous one; NULL drops them. Without this call, warnings and
/// errors are written to standard error. `release` is called with the user data when it is no
/// longer needed, also if this call fails.
///
/// Fails with `CASTALIA_INVALID_ARGUMENT` for an invalid level.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_log_set(
    level: CastaliaStr,
    logger: CastaliaLogger,
    user_data: *mut c_void,
    release: CastaliaRelease,
) -> Option<Box<CastaliaError>> {
    let user_data = UserData::new(user_data, release);
    guard(|| {
        let level = host_log::level(level.text()?)?;
        log::set(logger.map(|logger| {
            let sink = move |record: &Record| {
                let record = CastaliaRecord(describe::log_record(record));
                logger(user_data.get(), &raw const record);
            };
            (level, Arc::new(sink) as log::Sink)
        }));
        Ok(())
    })
}
