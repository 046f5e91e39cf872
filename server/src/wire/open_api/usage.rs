//! The bodies of who uses a namespace, of where an app is missing, and of searches for apps.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::App;
use crate::wire::body::{Member, body};

body! {
    /// How many use a namespace of a cluster.
    #[schema(as = OpenNamespaceUsageDTO)]
    NamespaceUsage {
        /// Namespace.
        namespace_name: Option<String>,
        /// App.
        app_id: Option<String>,
        /// Cluster.
        cluster_name: Option<String>,
        /// Environment.
        env_name: Option<String>,
        /// Instances that read the namespace.
        instance_count: i64,
        /// Instances that read its gray branch.
        branch_instance_count: i64,
        /// Namespaces of other apps that are associated with a public one, in the environment.
        linked_namespace_count: i64,
    }
}

body! {
    /// A page of apps.
    #[schema(as = OpenAppPageDTO)]
    AppPage {
        /// Number of the page, from 0.
        page: i64,
        /// Maximum number of apps of a page.
        size: i64,
        /// Number of all apps.
        total: i64,
        /// Apps of this page. A namespace with an item of that key is an app whose `orgId` is
        /// `ENV+cluster+namespace` and whose `orgName` is `SearchByItem+` and the key.
        content: Option<Vec<App>>,
    }
}

body! {
    /// An environment that an app is missing in, or that could not be asked.
    #[schema(as = OpenMissEnvDTO)]
    MissingEnv {
        /// 200, or 500 if the environment could not be asked.
        code: i64,
        /// The environment, or why it could not be asked.
        message: Option<String>,
    }
}
