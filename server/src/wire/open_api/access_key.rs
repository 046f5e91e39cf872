//! The body of access keys.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::wire::body::{Member, body};

body! {
    /// A key that signs the requests of an app's clients.
    #[schema(as = OpenAccessKeyDTO)]
    AccessKey {
        /// Row id.
        id: i64,
        /// Secret.
        secret: Option<String>,
        /// App.
        app_id: Option<String>,
        /// 0 rejects requests with an invalid signature, 1 only logs them.
        mode: i16,
        /// Whether the key is in effect.
        enabled: bool,
    } + standard
}
