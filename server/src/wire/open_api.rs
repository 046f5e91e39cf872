//! Bodies of `/openapi/v1` under the names of Apollo's contract, for scripts, the Java client and
//! the web UI. Unknown members are ignored, absent ones are omitted.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::{Member, body};

mod access_key;
mod access_request;
mod branch;
mod call;
mod eureka;
mod forward;
mod history;
mod import;
mod instance;
mod permission;
mod portal;
mod preference;
mod release;
mod restoration;
mod schema;
mod system_info;
mod transfer;
mod usage;
mod user_token;
mod webhook;

pub use self::access_key::AccessKey;
pub use self::access_request::{AccessDecision, AccessRequest, NewAccessRequest};
pub use self::branch::{GrayReleaseRule, GrayReleaseRuleItem, NewGrayDelRelease};
pub use self::call::CallsOfDay;
pub use self::eureka::{EurekaInstance, EurekaPeer, EurekaRegistry};
pub use self::history::{Commit, KeyValue, ReleaseHistory};
pub use self::import::{ImportReport, ImportedEntry};
pub use self::instance::{GrayAudience, Instance, InstanceConfig, InstancePage};
pub use self::permission::{
    AccessGrant, AccessGrantResult, AppRoleUsers, ClusterRoleUsers, NamespaceInEnvRoleUsers,
    NamespaceRoleUsers, PermissionCondition,
};
pub use self::portal::{
    Account, AssignRole, Consumer, ConsumerGrant, ConsumerToken, CreateConsumer, Favorite,
    FoundItem, FoundItems, FoundPlaces, KnownSetting, OpenIdMode, PageSettings, Setting,
    SettingSource, SignInModes, UpdateConsumer, User,
};
pub use self::preference::Preferences;
pub use self::release::{NewRelease, Release, ReleaseChange, ReleaseDiff};
pub use self::restoration::{DeletedApp, DeletedObject, DeletedObjects, NewRestoration};
pub use self::schema::{NamespaceSchema, NewNamespaceSchema, SchemaViolation};
pub use self::system_info::{EnvironmentInfo, Service, ServiceHealth, SystemInfo};
pub use self::transfer::{
    ChangeSet, ChangeSetResult, ChangeSets, ItemChanges, ItemDiff, ItemLine, NamespaceIdentifier,
    NamespaceSync,
};
pub use self::usage::{AppPage, MissingEnv, NamespaceUsage};
pub use self::user_token::{
    CreateUserToken, CurrentUserToken, NamespaceScope, TokenAction, UserTokenCapability,
    UserTokenSummary,
};
pub use self::webhook::{Delivery, Webhook};

/// A body with the names of its author and its last editor.
pub trait Authored {
    /// The user names in it.
    fn people(&self) -> Vec<&str>;
    /// Fills in the display names of these users.
    fn name_people(&mut self, called: &dyn Fn(&str) -> Option<String>);
}

macro_rules! authored {
    ($($name:ident),*) => {$(
        impl Authored for $name {
            fn people(&self) -> Vec<&str> {
                [&self.data_change_created_by, &self.data_change_last_modified_by]
                    .into_iter()
                    .filter_map(Option::as_deref)
                    .collect()
            }

            fn name_people(&mut self, called: &dyn Fn(&str) -> Option<String>) {
                self.data_change_created_by_display_name = self.data_change_created_by.as_deref().and_then(called);
                self.data_change_last_modified_by_display_name =
                    self.data_change_last_modified_by.as_deref().and_then(called);
            }
        }
    )*};
}

authored!(
    AccessKey,
    AppNamespace,
    Cluster,
    Commit,
    Favorite,
    GrayReleaseRule,
    Item,
    Release,
    Setting,
    Webhook
);

body! {
    /// An app.
    #[schema(as = OpenAppDTO)]
    App {
        /// Display name.
        name: Option<String>,
        /// App id.
        app_id: Option<String>,
        /// Department id.
        org_id: Option<String>,
        /// Department name.
        org_name: Option<String>,
        /// User name of the owner.
        owner_name: Option<String>,
        /// Mail address of the owner.
        owner_email: Option<String>,
        /// Display name of the owner.
        owner_display_name: Option<String>,
    } + standard
}

body! {
    /// An app to create.
    #[schema(as = OpenCreateAppDTO)]
    CreateApp {
        /// Whether the consumer that creates the app may manage it.
        assign_app_role_to_self: bool,
        /// User names of administrators besides the owner.
        admins: Option<Vec<String>>,
        /// The app.
        app: Option<Box<App>>,
    }
}

body! {
    /// Clusters of an app in one environment, by name.
    #[schema(as = OpenEnvClusterDTO)]
    EnvClusters {
        /// Environment.
        env: Option<String>,
        /// Names of the clusters; absent if the environment is unreachable.
        clusters: Option<Vec<String>>,
        /// Why the environment is unreachable.
        error: Option<String>,
    }
}

body! {
    /// Clusters of an app in one environment.
    #[schema(as = OpenEnvClusterInfo)]
    EnvClusterInfo {
        /// 200, or 500 if the environment is unreachable.
        code: i64,
        /// `OK`, or why the environment is unreachable.
        message: Option<String>,
        /// Environment.
        env: Option<String>,
        /// Clusters.
        clusters: Option<Vec<Cluster>>,
    }
}

body! {
    /// A cluster.
    #[schema(as = OpenClusterDTO)]
    Cluster {
        /// Name.
        name: Option<String>,
        /// Owner.
        app_id: Option<String>,
        /// Row id.
        id: i64,
        /// Row id of the cluster that a gray branch belongs to; 0 for an ordinary cluster.
        parent_cluster_id: i64,
        /// Comment.
        comment: Option<String>,
    } + standard
}

body! {
    /// An app namespace: the definition that the namespaces of all clusters share.
    #[schema(as = OpenAppNamespaceDTO)]
    AppNamespace {
        /// Name. In a request without the department's prefix and the format's suffix.
        name: Option<String>,
        /// Owner.
        app_id: Option<String>,
        /// Format: `properties`, `json`, `yaml`, `yml`, `xml` or `txt`.
        format: Option<String>,
        /// Whether all apps may read the namespace.
        is_public: bool,
        /// Whether a public name is prefixed with the department; true by default.
        append_namespace_prefix: Option<bool>,
        /// Comment.
        comment: Option<String>,
    } + standard
}

body! {
    /// A namespace to create in one cluster.
    #[schema(as = OpenCreateNamespaceDTO)]
    CreateNamespace {
        /// App.
        app_id: Option<String>,
        /// Environment.
        env: Option<String>,
        /// Cluster.
        cluster_name: Option<String>,
        /// Name of the app namespace.
        app_namespace_name: Option<String>,
    }
}

body! {
    /// A namespace with its items.
    #[schema(as = OpenNamespaceDTO)]
    Namespace {
        /// Owner.
        app_id: Option<String>,
        /// Cluster, or branch.
        cluster_name: Option<String>,
        /// Name.
        namespace_name: Option<String>,
        /// Comment.
        comment: Option<String>,
        /// Format: `properties`, `json`, `yaml`, `yml`, `xml` or `txt`.
        format: Option<String>,
        /// Whether all apps may read the namespace.
        is_public: Option<bool>,
        /// Items in the order of their lines.
        items: Option<Vec<Item>>,
        /// Present if `extendInfo` is requested.
        extend_info: Option<Box<NamespaceExtend>>,
    } + standard
}

body! {
    /// State of a namespace for editors.
    #[schema(as = OpenNamespaceExtendDTO)]
    NamespaceExtend {
        /// Whether the values are hidden from the caller.
        is_config_hidden: bool,
        /// App that owns the app namespace.
        parent_app_id: Option<String>,
        /// Number of items that differ from the latest release.
        item_modified_cnt: i64,
        /// Whether it has a gray release; only with items or with `countChanges`.
        is_gray: Option<bool>,
        /// User who edits it while others may not; only with items or with `countChanges`.
        locked_by: Option<String>,
    }
}

impl Authored for Namespace {
    fn people(&self) -> Vec<&str> {
        let own = [&self.data_change_created_by, &self.data_change_last_modified_by];
        let items = self.items.iter().flatten().flat_map(Authored::people);
        own.into_iter().filter_map(Option::as_deref).chain(items).collect()
    }

    fn name_people(&mut self, called: &dyn Fn(&str) -> Option<String>) {
        let display = |name: &Option<String>| name.as_deref().and_then(called);
        self.data_change_created_by_display_name = display(&self.data_change_created_by);
        self.data_change_last_modified_by_display_name =
            display(&self.data_change_last_modified_by);
        for item in self.items.iter_mut().flatten() {
            item.name_people(called);
        }
    }
}

body! {
    /// The edit lock of a namespace.
    #[schema(as = OpenNamespaceLockDTO)]
    NamespaceLock {
        /// Namespace.
        namespace_name: Option<String>,
        /// Whether a user holds the lock.
        is_locked: bool,
        /// User name of the holder.
        locked_by: Option<String>,
        /// Whether the holder may publish in an emergency.
        is_emergency_publish_allowed: bool,
    }
}

body! {
    /// A key with its value, a comment line, or a blank line.
    #[schema(as = OpenItemDTO)]
    Item {
        /// Key; empty for comments and blank lines.
        key: Option<String>,
        /// Value.
        value: Option<String>,
        /// Type for display: 0 string, 1 number, 2 boolean, 3 JSON. An update without it keeps the stored one.
        r#type: Option<i16>,
        /// Comment.
        comment: Option<String>,
        /// Line number.
        line_num: Option<i64>,
        /// Present if `extendInfo` is requested.
        extend_info: Option<Box<ItemExtend>>,
    } + standard
}

body! {
    /// How an item differs from the latest release.
    #[schema(as = OpenItemExtendDTO)]
    ItemExtend {
        /// Row id of the namespace.
        namespace_id: i64,
        /// Whether the value differs.
        is_modified: bool,
        /// Whether the item is published but deleted in the draft.
        is_deleted: bool,
        /// Whether the item is not published yet.
        is_newly_added: bool,
        /// Value in the draft.
        new_value: Option<String>,
        /// Published value.
        old_value: Option<String>,
    }
}

body! {
    /// A page of items.
    #[schema(as = OpenItemPageDTO)]
    ItemPage {
        /// Number of the page, from 0.
        page: i64,
        /// Maximum number of items of a page.
        size: i64,
        /// Number of all items.
        total: i64,
        /// Items of this page.
        content: Option<Vec<Item>>,
    }
}

body! {
    /// The items of a namespace as a text.
    #[schema(as = OpenNamespaceTextModel)]
    NamespaceText {
        /// Format: `properties`, `json`, `yaml`, `yml`, `xml` or `txt`.
        format: Option<String>,
        /// The text.
        config_text: Option<String>,
        /// User that a consumer acts for.
        operator: Option<String>,
    }
}

body! {
    /// A department.
    #[schema(as = OpenOrganizationDto)]
    Organization {
        /// Id.
        org_id: Option<String>,
        /// Name.
        org_name: Option<String>,
    }
}
