//! Values that are lists.

use std::mem::MaybeUninit;

use crate::boundary::{CastaliaStr, guard, required, text_of};
use crate::error::CastaliaError;
use crate::snapshot::CastaliaSnapshot;

/// The parts of a value. They never change, and any number of threads may read them.
#[derive(Debug)]
pub struct CastaliaTextList(Vec<String>);

/// Splits the value of a key at a literal delimiter. Release the list with
/// `castalia_text_list_release`. If `trim` is not 0, white space around the parts is removed; empty
/// parts at the end always are. `found` receives 0 or 1 and may be NULL; if it is 0, `list` is
/// unchanged.
///
/// Fails with `CASTALIA_INVALID_ARGUMENT` for NULL and for text that is not UTF-8.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_snapshot_get_list(
    snapshot: Option<&CastaliaSnapshot>,
    key: CastaliaStr,
    delimiter: CastaliaStr,
    trim: i32,
    list: Option<&mut MaybeUninit<Box<CastaliaTextList>>>,
    found: Option<&mut MaybeUninit<i32>>,
) -> Option<Box<CastaliaError>> {
    guard(|| {
        let (snapshot, out) = (&required(snapshot)?.0, required(list)?);
        let (key, delimiter) = (key.text()?, delimiter.text()?);
        let parts = match trim {
            0 => snapshot.get_list(key, delimiter),
            _ => snapshot.get_trimmed_list(key, delimiter),
        };
        if let Some(found) = found {
            found.write(parts.is_some().into());
        }
        if let Some(parts) = parts {
            out.write(Box::new(CastaliaTextList(parts)));
        }
        Ok(())
    })
}

/// Number of parts; 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_text_list_len(list: Option<&CastaliaTextList>) -> usize {
    list.map_or(0, |list| list.0.len())
}

/// The part at an index; NULL if the index is not below the number of parts. Valid as long as the
/// list.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_text_list_get(
    list: Option<&CastaliaTextList>,
    index: usize,
) -> CastaliaStr {
    text_of(list, |list| list.0.get(index).map(String::as_str))
}

/// Releases a list and the texts that were read from it.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_text_list_release(list: Option<Box<CastaliaTextList>>) {
    drop(list);
}
