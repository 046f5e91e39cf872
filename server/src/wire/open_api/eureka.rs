//! Bodies of `/openapi/v1/eureka`, which Apollo does not have.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::wire::body::{Member, body};

body! {
    /// The Eureka registry of this node.
    #[schema(as = EurekaRegistry)]
    EurekaRegistry {
        /// Whether this node hosts Eureka; without it all else is absent.
        hosted: bool,
        /// Whether everyone may call it without a password.
        open: bool,
        /// Whether leases stay because more than 15 % of the instances are overdue.
        preserving: bool,
        /// Number of instances.
        total: i64,
        /// Instances by app and id, at most 1,000.
        instances: Option<Vec<EurekaInstance>>,
        /// The servers that mirror it.
        peers: Option<Vec<EurekaPeer>>,
    }
}

body! {
    /// An instance of an app in Eureka.
    #[schema(as = EurekaInstance)]
    EurekaInstance {
        /// App, in upper case.
        app: Option<String>,
        /// Id within the app.
        instance_id: Option<String>,
        /// Base address, if it has one.
        home_page_url: Option<String>,
        /// Status in effect, such as `UP`.
        status: Option<String>,
        /// Status that an operator set; absent without one.
        overridden_status: Option<String>,
        /// Whether it is a service of this node.
        own: bool,
        /// Time of the last heartbeat.
        #[schema(value_type = String)]
        last_heartbeat_time: Option<DateTime<Utc>>,
    }
}

body! {
    /// A server that mirrors the registry of this node.
    #[schema(as = EurekaPeer)]
    EurekaPeer {
        /// Base address, without credentials.
        service_url: Option<String>,
        /// Number of changes that it has not received yet.
        waiting: i64,
        /// Why it did not accept the last changes; absent if it did.
        problem: Option<String>,
    }
}
