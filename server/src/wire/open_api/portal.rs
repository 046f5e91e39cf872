//! Bodies of `/openapi/v1` about the portal itself: accounts and what belongs to one user. Apollo's
//! contract leaves the members of most of them open; these are the ones that its portal writes.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{App, AppNamespace};
use crate::wire::body::{Member, body};

body! {
    /// A user.
    #[schema(as = OpenUserInfoDTO)]
    User {
        /// User name.
        user_id: Option<String>,
        /// Display name.
        name: Option<String>,
        /// Mail address.
        email: Option<String>,
        /// 1 if the user may sign in, else 0.
        enabled: i16,
        /// Revision of display name, mail address and state, on which a change can be based with
        /// the header `Castalia-Revision`; in searches for users, for those who see the address.
        revision: Option<String>,
    }
}

body! {
    /// The account of a user.
    #[schema(as = OpenUserDTO)]
    Account {
        /// User name.
        username: Option<String>,
        /// Display name.
        user_display_name: Option<String>,
        /// Password; if it is empty or absent, an existing user keeps the current one.
        password: Option<String>,
        /// Mail address.
        email: Option<String>,
        /// 1 if the user may sign in, 0 if not; without it, a new user may not, and an existing one
        /// stays as is.
        enabled: Option<i16>,
    }
}

body! {
    /// A favourite app of a user.
    #[schema(as = Favorite)]
    Favorite {
        /// Row id.
        id: i64,
        /// User name.
        user_id: Option<String>,
        /// App.
        app_id: Option<String>,
        /// Position in the list of the user, smallest first.
        position: i64,
    } + standard
}

body! {
    /// A setting in the portal database, or in the config database of an environment.
    #[schema(as = ServerConfig)]
    Setting {
        /// Row id.
        id: i64,
        /// Name.
        key: Option<String>,
        /// Value.
        value: Option<String>,
        /// Description for operators.
        comment: Option<String>,
        /// Cluster of nodes, in a config database.
        cluster: Option<String>,
        /// Revision of value and comment, on which a change can be based with the header
        /// `Castalia-Revision`; not read.
        revision: Option<String>,
    } + standard
}

body! {
    /// Apps, namespaces and keys that contain a text.
    FoundPlaces {
        /// The first apps whose id or name contains it.
        apps: Option<Vec<App>>,
        /// Number of all such apps.
        app_total: Option<i64>,
        /// The first definitions of namespaces whose name contains it.
        namespaces: Option<Vec<AppNamespace>>,
        /// Number of all such definitions.
        namespace_total: Option<i64>,
        /// The first items of each environment whose key contains it.
        keys: Option<Vec<FoundItem>>,
        /// Why environments were not searched.
        message: Option<String>,
    }
}

body! {
    /// A key of the ServerConfig tables that this server knows.
    KnownSetting {
        /// Name.
        key: Option<String>,
        /// Purpose.
        about: Option<String>,
        /// Kind of its values: `switch`, `number`, `list` (separated by commas), `object` (JSON) or
        /// `text`.
        kind: Option<String>,
        /// Unit of a number: `ms`, `s`, `min` or `h`.
        unit: Option<String>,
        /// Minimum of a number.
        minimum: Option<i64>,
        /// Maximum of a number.
        maximum: Option<i64>,
        /// Describes the valid values.
        valid: Option<String>,
        /// Value without any source.
        default_value: Option<String>,
        /// Value in effect; absent for a secret, and if an address in it contains a password.
        value: Option<String>,
        /// Whether its values are secrets.
        is_secret: bool,
        /// When a change of its row takes effect: `minute` (at once on the node that stores it, within
        /// a minute on the others), `restart`, or `never` because only a node sets it.
        effect: Option<String>,
        /// The source of the value.
        source: Option<Box<SettingSource>>,
        /// Sources that have no effect because of another one, or because their value is invalid.
        hidden: Option<Vec<SettingSource>>,
        /// User name of the last editor of its row.
        data_change_last_modified_by: Option<String>,
        /// Time of the last change of its row, as `2026-05-31T14:44:28.000+0800`.
        #[schema(value_type = String)]
        data_change_last_modified_time: Option<DateTime<Utc>>,
    }
}

body! {
    /// Where a setting has a value.
    SettingSource {
        /// `variable` or `file` of the answering node, `table`, or `default`.
        kind: Option<String>,
        /// Name of the variable, path of the file, or cluster of the row.
        name: Option<String>,
    }
}

body! {
    /// Settings of the web pages.
    #[schema(as = PageSettings)]
    PageSettings {
        /// Address of the page with help.
        wiki_address: Option<String>,
        /// Whether administrators of an app may create private namespaces.
        can_app_admin_create_private_namespace: bool,
    }
}

body! {
    /// How people and programs sign in.
    SignInModes {
        /// Whether the sign-in page has a form for names and passwords.
        form: bool,
        /// Whether passwords of the portal are accepted, of all users or of some.
        password: bool,
        /// Whether passwords of a directory are accepted.
        directory: bool,
        /// The provider of OpenID Connect, if users sign in there.
        open_id: Option<Box<OpenIdMode>>,
        /// Whether a proxy in front of the portal signs users in.
        proxy: bool,
        /// Whether requests may contain name and password (HTTP Basic).
        basic: bool,
    }
}

body! {
    /// Sign-in with a provider of OpenID Connect.
    OpenIdMode {
        /// Name of the provider in the portal's settings.
        label: Option<String>,
        /// Path to open in a browser, which leads to the provider.
        start: Option<String>,
    }
}

body! {
    /// A consumer to register.
    #[schema(as = CreateConsumer)]
    CreateConsumer {
        /// Id; need not be the id of an app.
        app_id: Option<String>,
        /// Display name.
        name: Option<String>,
        /// Department id.
        org_id: Option<String>,
        /// Department name.
        org_name: Option<String>,
        /// User name of the owner.
        owner_name: Option<String>,
        /// Whether it may create apps.
        allow_create_application: bool,
        /// Whether it may manage users.
        allow_manage_users: bool,
        /// Whether its requests are limited.
        rate_limit_enabled: bool,
        /// Maximum number of requests per second.
        rate_limit: i64,
    }
}

body! {
    /// What can be changed of a consumer.
    #[schema(as = UpdateConsumer)]
    UpdateConsumer {
        /// Display name.
        name: Option<String>,
        /// Department id.
        org_id: Option<String>,
        /// Department name.
        org_name: Option<String>,
        /// User name of the owner.
        owner_name: Option<String>,
        /// Whether its requests are limited.
        rate_limit_enabled: bool,
        /// Maximum number of requests per second.
        rate_limit: i64,
    }
}

body! {
    /// A consumer.
    #[schema(as = Consumer)]
    Consumer {
        /// Row id.
        consumer_id: i64,
        /// Id.
        app_id: Option<String>,
        /// Display name.
        name: Option<String>,
        /// Department id.
        org_id: Option<String>,
        /// Department name.
        org_name: Option<String>,
        /// User name of the owner.
        owner_name: Option<String>,
        /// Mail address of the owner.
        owner_email: Option<String>,
        /// The token; only in the answer to its creation.
        token: Option<String>,
        /// Whether it may create apps.
        allow_create_application: bool,
        /// Whether it may manage users.
        allow_manage_users: bool,
        /// Maximum number of requests per second; 0 for no limit.
        rate_limit: i64,
        /// When its newest token expires; absent if it has none.
        #[schema(value_type = String)]
        expires: Option<DateTime<Utc>>,
        /// When it last used a token, to the minute; absent if it never did.
        #[schema(value_type = String)]
        last_used_time: Option<DateTime<Utc>>,
        /// Revision of what can be changed, on which a change can be based with the header
        /// `Castalia-Revision`.
        revision: Option<String>,
    }
}

body! {
    /// The token of a consumer.
    #[schema(as = ConsumerToken)]
    ConsumerToken {
        /// Row id.
        id: i64,
        /// Row id of the consumer.
        consumer_id: i64,
        /// The token; absent if only its hash is stored.
        token: Option<String>,
        /// Maximum number of requests per second; 0 for no limit.
        rate_limit: i64,
        /// Local time at which it expires.
        #[schema(value_type = String)]
        expires: Option<DateTime<Utc>>,
    } + standard
}

body! {
    /// The object on which a consumer gets roles.
    #[schema(as = AssignRole)]
    AssignRole {
        /// App.
        app_id: Option<String>,
        /// Namespace, for roles on one.
        namespace_name: Option<String>,
        /// Cluster, for roles on all namespaces of one.
        cluster_name: Option<String>,
    }
}

body! {
    /// A role of a consumer.
    #[schema(as = ConsumerRole)]
    ConsumerGrant {
        /// Row id.
        id: i64,
        /// Row id of the consumer.
        consumer_id: i64,
        /// Row id of the role.
        role_id: i64,
    } + standard
}

body! {
    /// What a search found.
    #[schema(as = FoundItems)]
    FoundItems {
        /// Always 200.
        code: i64,
        /// `OK`, or what the result lacks.
        message: Option<String>,
        /// Whether an environment has more items than it returns.
        has_more_data: bool,
        /// The items.
        body: Option<Vec<FoundItem>>,
    }
}

body! {
    /// An item that a search found.
    #[schema(as = FoundItem)]
    FoundItem {
        /// App.
        app_id: Option<String>,
        /// Environment.
        env_name: Option<String>,
        /// Cluster.
        cluster_name: Option<String>,
        /// Namespace.
        namespace_name: Option<String>,
        /// Key.
        key: Option<String>,
        /// Value.
        value: Option<String>,
    }
}
