//! Carries the span of an audited request to the admin API, in the headers that Apollo's portal
//! sends, so that the operations of both databases have one trace.

use http::{HeaderName, HeaderValue, Method};

use crate::domain::audit_log::CallerSpan;
use crate::domain::audit_log::request::{self, Trail};
use crate::error::{Reaction, Result};

const TRACE_ID: HeaderName = HeaderName::from_static("apollo-audit-traceid");
const SPAN_ID: HeaderName = HeaderName::from_static("apollo-audit-spanid");
const OPERATOR: HeaderName = HeaderName::from_static("apollo-audit-operator");

/// The span of the request that this task serves.
pub(super) fn span() -> Option<CallerSpan> {
    Trail::current().as_ref().map(request::span)
}

/// The headers that name a span.
pub(super) fn headers(span: Option<&CallerSpan>) -> Vec<(HeaderName, HeaderValue)> {
    let Some(CallerSpan { trace_id, span_id, operator }) = span else { return Vec::new() };
    let texts =
        [(TRACE_ID, Some(trace_id)), (SPAN_ID, span_id.as_ref()), (OPERATOR, operator.as_ref())];
    let header = |(name, text): (HeaderName, Option<&String>)| {
        Some((name, HeaderValue::from_bytes(text?.as_bytes()).ok()?))
    };
    texts.into_iter().filter_map(header).collect()
}

/// Notes a call that may have changed something, and the revision that it was based on.
pub(super) fn note<T>(method: &Method, base: Option<&str>, outcome: &Result<T>) {
    if method == Method::GET {
        return;
    }
    let is_refused = outcome.as_ref().is_err_and(|error| {
        !matches!(error.reaction(), Reaction::Service | Reaction::Internal | Reaction::Unavailable)
    });
    if !is_refused && let Some(trail) = Trail::current() {
        trail.note_change_elsewhere();
        if let Some(base) = base {
            trail.note_base(base);
        }
    }
}
