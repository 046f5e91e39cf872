//! Bodies of gray branches.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::wire::body::{Member, body};

body! {
    /// The clients of a gray branch.
    #[schema(as = OpenGrayReleaseRuleDTO)]
    GrayReleaseRule {
        /// Owner of the namespace.
        app_id: Option<String>,
        /// Cluster that the branch belongs to.
        cluster_name: Option<String>,
        /// Namespace.
        namespace_name: Option<String>,
        /// Branch.
        branch_name: Option<String>,
        /// Lines of the rule; a client that matches any receives the release of the branch.
        rule_items: Option<Vec<GrayReleaseRuleItem>>,
    } + standard
}

body! {
    /// One line of a gray rule.
    #[schema(as = OpenGrayReleaseRuleItemDTO)]
    GrayReleaseRuleItem {
        /// App of the clients.
        client_app_id: Option<String>,
        /// IP addresses of the clients; `*` matches all.
        client_ip_list: Option<Vec<String>>,
        /// Labels of the clients.
        client_label_list: Option<Vec<String>>,
    }
}

body! {
    /// A gray release to create, without some keys.
    #[schema(as = NamespaceGrayDelReleaseDTO)]
    NewGrayDelRelease {
        /// Title.
        release_title: Option<String>,
        /// Comment.
        release_comment: Option<String>,
        /// User that a consumer acts for.
        released_by: Option<String>,
        /// Whether the user who edited the namespace may also publish it.
        is_emergency_publish: bool,
        /// Keys of the main line that the clients of the branch do not receive.
        gray_del_keys: Option<Vec<String>>,
    }
}
