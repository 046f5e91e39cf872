//! Carries the span of an audited request to the admin API, in the headers that Apollo's portal
//! sends, so that the operations of both databases have one trace.

use http::{HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;

use super::call::Answer;
use super::revision;
use crate::domain::audit_log::CallerSpan;
use crate::domain::audit_log::request::{self, Trail};
use crate::error::{Reaction, Result};
use crate::http::span::{OPERATOR, SPAN_ID, TRACE_ID};

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

/// The namespace that a call changes.
pub(super) struct Target {
    app_id: String,
    name: String,
}

impl Target {
    /// `None` if the path names no namespace.
    pub(super) fn of(env: &str, path: &str) -> Option<Self> {
        let segments: Vec<_> = path.split(['/', '?']).take(7).collect();
        let ["", "apps", app_id, "clusters", cluster, "namespaces", namespace] = segments[..]
        else {
            return None;
        };
        let [app_id, cluster, namespace] = [app_id, cluster, namespace]
            .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned());
        let name = format!("{app_id}+{env}+{cluster}+{namespace}");
        Some(Self { app_id, name })
    }
}

/// Notes a call that may have changed something, with the revisions before and after it.
pub(super) fn note(target: Option<&Target>, base: Option<&str>, outcome: &Result<Answer>) {
    let is_refused = outcome.as_ref().is_err_and(|error| {
        !matches!(error.reaction(), Reaction::Service | Reaction::Internal | Reaction::Unavailable)
    });
    let Some(trail) = Trail::current().filter(|_| !is_refused) else { return };
    trail.note_change_elsewhere();
    let answer = outcome.as_ref().ok();
    // Nobody compared one that the portal read itself, if the service does not report it.
    let stated = base.filter(|base| revision::base().as_deref() == Some(*base));
    let before = answer.and_then(|answer| answer.before.as_deref()).or(stated);
    let after = answer.and_then(|answer| answer.revision.as_deref());
    let target = target.map(|target| (&*target.app_id, &*target.name));
    if before.is_some() || after.is_some() {
        trail.note_revisions(target, before, after);
    }
}
