//! Bodies of `/openapi/v1/webhooks`, which Apollo does not have.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::wire::body::{Member, body};

body! {
    /// An address that is called after a publish, a rollback or a gray release.
    #[schema(as = Webhook)]
    Webhook {
        /// Row id.
        id: i64,
        /// Address; its query gets the parameter `env`.
        url: Option<String>,
        /// Secret of the signature, 16 to 128 bytes; only in requests, and in the answer to the creation.
        secret: Option<String>,
        /// Environments; all if it is empty.
        envs: Option<Vec<String>>,
        /// App; all if it is empty.
        app_id: Option<String>,
        /// Whether it is called; `true` by default.
        enabled: Option<bool>,
        /// Revision of all but the secret, on which a change can be based with the header
        /// `Castalia-Revision`; not read.
        revision: Option<String>,
    } + standard
}

body! {
    /// The delivery of a notice to one receiver.
    #[schema(as = WebhookDelivery)]
    Delivery {
        /// Row id.
        id: i64,
        /// Id of the delivery in the header `Castalia-Delivery`.
        delivery_id: Option<String>,
        /// `webhook`, `test` or `mail`.
        kind: Option<String>,
        /// Webhook; 0 for an address in Apollo's settings, and for mail.
        webhook_id: i64,
        /// Address in Apollo's settings, without its query; of a mail, its recipients if not all.
        url: Option<String>,
        /// Environment.
        env: Option<String>,
        /// App.
        app_id: Option<String>,
        /// Cluster.
        cluster_name: Option<String>,
        /// Namespace.
        namespace_name: Option<String>,
        /// Row id of the release; for a rollback the one that it left.
        release_id: i64,
        /// `pending`, `delivered` or `failed`.
        state: Option<String>,
        /// Attempts that were made.
        attempts: i64,
        /// Status of the last answer; absent without one.
        status: Option<i64>,
        /// Why the last attempt failed.
        problem: Option<String>,
        /// Time of the publish.
        #[schema(value_type = String)]
        created_time: Option<DateTime<Utc>>,
        /// Time of the last attempt.
        #[schema(value_type = String)]
        last_time: Option<DateTime<Utc>>,
        /// Time of the next attempt, if it is pending.
        #[schema(value_type = String)]
        next_time: Option<DateTime<Utc>>,
    }
}
