//! Bodies of the numbers of calls, which Apollo does not have.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::wire::body::{Member, body};

body! {
    /// The calls of one day that changed something.
    #[schema(as = CallsOfDay)]
    CallsOfDay {
        /// Day in UTC, as `2026-05-31`.
        day: Option<String>,
        /// Number of calls.
        calls: i64,
    }
}
