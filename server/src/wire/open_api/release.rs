//! Bodies of releases.

use castalia_core::protocol::wire::Configurations;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::wire::body::{Member, body};

body! {
    /// A release to create.
    #[schema(as = NamespaceReleaseDTO)]
    NewRelease {
        /// Title.
        release_title: Option<String>,
        /// Comment.
        release_comment: Option<String>,
        /// User that a consumer acts for.
        released_by: Option<String>,
        /// Whether the user who edited the namespace may also publish it.
        is_emergency_publish: bool,
    }
}

body! {
    /// A release: the published items of a namespace.
    #[schema(as = OpenReleaseDTO)]
    Release {
        /// Row id.
        id: i64,
        /// Owner.
        app_id: Option<String>,
        /// Cluster, or branch.
        cluster_name: Option<String>,
        /// Namespace.
        namespace_name: Option<String>,
        /// Title.
        name: Option<String>,
        /// Values by key.
        #[schema(value_type = HashMap<String, String>)]
        configurations: Option<Box<Configurations>>,
        /// Comment.
        comment: Option<String>,
    } + standard
}

body! {
    /// How one release differs from another.
    #[schema(as = OpenReleaseDiffDTO)]
    ReleaseDiff {
        /// Changes.
        changes: Option<Vec<ReleaseChange>>,
    }
}

body! {
    /// One change between two releases.
    #[schema(as = OpenReleaseChangeDTO)]
    ReleaseChange {
        /// `ADDED`, `MODIFIED` or `DELETED`.
        change_type: Option<String>,
        /// Key.
        key: Option<String>,
        /// Value in the later release.
        new_value: Option<String>,
        /// Value in the earlier release.
        old_value: Option<String>,
    }
}
