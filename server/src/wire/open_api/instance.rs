//! Bodies of running clients.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Release;
use crate::wire::body::{Member, body};

body! {
    /// A page of instances.
    #[schema(as = OpenInstancePageDTO)]
    InstancePage {
        /// Number of the page, from 0.
        page: i64,
        /// Maximum number of instances of a page.
        size: i64,
        /// Number of all instances.
        total: i64,
        /// Instances of this page.
        instances: Option<Vec<Instance>>,
    }
}

body! {
    /// A running client.
    #[schema(as = OpenInstanceDTO)]
    Instance {
        /// Row id.
        id: i64,
        /// App of the client.
        app_id: Option<String>,
        /// Cluster of the client.
        cluster_name: Option<String>,
        /// Data center of the client.
        data_center: Option<String>,
        /// IP address.
        ip: Option<String>,
        /// What it read.
        configs: Option<Vec<InstanceConfig>>,
        /// Time of the first record.
        #[schema(value_type = String)]
        data_change_created_time: Option<DateTime<Utc>>,
    }
}

body! {
    /// The instances of a namespace that the rules of a gray branch would match now.
    GrayAudience {
        /// Number of the instances that match.
        matched: i64,
        /// Number of the instances that were compared.
        compared: i64,
        /// Number of the instances that read the namespace or its branch.
        total: i64,
        /// The first of those that match.
        instances: Option<Vec<Instance>>,
    }
}

body! {
    /// The last read of a namespace by a client.
    #[schema(as = OpenInstanceConfigDTO)]
    InstanceConfig {
        /// The release, without its values.
        release: Option<Box<Release>>,
        /// Time at which the release was first delivered.
        #[schema(value_type = String)]
        release_delivery_time: Option<DateTime<Utc>>,
        /// Time of the last record.
        #[schema(value_type = String)]
        data_change_last_modified_time: Option<DateTime<Utc>>,
    }
}
