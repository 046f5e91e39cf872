//! The headers in which Apollo's portal names the audited operation that a call of the admin API is
//! part of.

use http::HeaderName;

/// Id of the trace.
pub const TRACE_ID: HeaderName = HeaderName::from_static("apollo-audit-traceid");
/// Id of the operation in the trace.
pub const SPAN_ID: HeaderName = HeaderName::from_static("apollo-audit-spanid");
/// User who performs it.
pub const OPERATOR: HeaderName = HeaderName::from_static("apollo-audit-operator");
