//! Texts that the caller releases.

use std::mem::MaybeUninit;

use crate::boundary::{CastaliaStr, guard_into};
use crate::client::CastaliaClient;
use crate::error::CastaliaError;

/// A text that the caller releases.
#[derive(Debug)]
pub struct CastaliaText(String);

impl CastaliaText {
    pub(crate) fn new(text: String) -> Box<Self> {
        Box::new(Self(text))
    }
}

/// The metrics of a client as OpenMetrics text.
///
/// Fails with `CASTALIA_CLOSED` for a stale handle.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_client_metrics_text(
    client: CastaliaClient,
    text: Option<&mut MaybeUninit<Box<CastaliaText>>>,
) -> Option<Box<CastaliaError>> {
    guard_into(text, || Ok(CastaliaText::new(client.get()?.metrics_text())))
}

/// The text; empty for NULL. Valid as long as the object.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_text_view(text: Option<&CastaliaText>) -> CastaliaStr {
    CastaliaStr::of(text.map_or("", |text| &text.0))
}

/// Releases a text.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_text_release(text: Option<Box<CastaliaText>>) {
    drop(text);
}
