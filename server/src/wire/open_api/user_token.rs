//! Bodies of `/openapi/v1/user-tokens`: access tokens of users. Unlike in other bodies, times have
//! a colon in the offset, as Apollo's portal writes them here.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::wire::body::{Member, body};

body! {
    /// Namespaces that a token is limited to: those that have all of these names.
    #[schema(as = OpenUserTokenNamespaceScope)]
    #[serde(deny_unknown_fields)]
    NamespaceScope {
        /// App; any if absent.
        app_id: Option<String>,
        /// Environment; any if absent.
        env: Option<String>,
        /// Cluster; any if absent.
        cluster_name: Option<String>,
        /// Namespace; any if absent.
        namespace_name: Option<String>,
    }
}

body! {
    /// An access token to create. An empty or absent list does not limit it.
    /// Unknown members are refused, because a misspelled limit would not limit it.
    #[schema(as = OpenCreateUserTokenRequest)]
    #[serde(deny_unknown_fields)]
    CreateUserToken {
        /// Display name.
        name: Option<String>,
        /// What it may be used for, for example `config:read`.
        operations: Option<Vec<String>>,
        /// Apps that it is limited to.
        app_ids: Option<Vec<String>>,
        /// Environments that it is limited to.
        envs: Option<Vec<String>>,
        /// Namespaces that it is limited to.
        namespaces: Option<Vec<NamespaceScope>>,
        /// Maximum number of requests per second; 0 for no limit.
        rate_limit: Option<i64>,
        /// End, as `2026-05-31T14:44:28+08:00`.
        #[schema(value_type = String)]
        expires: Option<DateTime<Utc>>,
    }
}

body! {
    /// An access token.
    #[schema(as = OpenUserTokenSummary)]
    UserTokenSummary {
        /// Row id.
        id: i64,
        /// User name of the owner.
        user_id: Option<String>,
        /// Display name.
        name: Option<String>,
        /// The part of the token after `apollo_pat_`, by which it is recognised.
        token_prefix: Option<String>,
        /// The token; only in the answer to its creation or rotation.
        token_value: Option<String>,
        /// `active`, `expired` or `revoked`.
        status: Option<String>,
        /// Whether it allows nothing, because its scope cannot be read.
        deny_all: bool,
        /// What it may be used for; everything if empty.
        operations: Option<Vec<String>>,
        /// Apps that it is limited to.
        app_ids: Option<Vec<String>>,
        /// Environments that it is limited to.
        envs: Option<Vec<String>>,
        /// Namespaces that it is limited to.
        namespaces: Option<Vec<NamespaceScope>>,
        /// Maximum number of requests per second; 0 for no limit.
        rate_limit: i64,
        /// End.
        expires: Option<String>,
        /// Last use, to the minute.
        last_used_time: Option<String>,
        /// Address of the last use.
        last_used_ip: Option<String>,
        /// Program of the last use, as it names itself.
        last_used_user_agent: Option<String>,
        /// When it was revoked.
        revoked_at: Option<String>,
        /// User who revoked it.
        revoked_by: Option<String>,
        /// When it was created.
        data_change_created_time: Option<String>,
    }
}

body! {
    /// The tokens that a user may create.
    #[schema(as = OpenUserTokenCapability)]
    UserTokenCapability {
        /// Operations.
        operations: Option<Vec<String>>,
        /// Lifetime in days if none is chosen.
        default_expire_days: i64,
        /// Maximum lifetime in days.
        max_expire_days: i64,
    }
}

body! {
    /// The token that the request carries, and what it allows where its owner has the permission.
    #[schema(as = OpenUserTokenCurrentCapability)]
    CurrentUserToken {
        /// Kind of the caller, always `USER_TOKEN`.
        auth_type: Option<String>,
        /// User name of the owner.
        user_id: Option<String>,
        /// Row id.
        token_id: i64,
        /// Display name.
        token_name: Option<String>,
        /// The part of the token after `apollo_pat_`.
        token_prefix: Option<String>,
        /// Maximum number of requests per second; 0 for no limit.
        rate_limit: i64,
        /// End.
        expires: Option<String>,
        /// Last use, to the minute.
        last_used_time: Option<String>,
        /// When it was created.
        data_change_created_time: Option<String>,
        /// Whether it allows nothing, because its scope cannot be read.
        deny_all: bool,
        /// Whether its operations are not limited.
        all_operations: bool,
        /// What it may be used for.
        operations: Option<Vec<String>>,
        /// Whether its apps are not limited.
        all_apps: bool,
        /// Apps that it is limited to.
        app_ids: Option<Vec<String>>,
        /// Whether its environments are not limited.
        all_envs: bool,
        /// Environments that it is limited to.
        envs: Option<Vec<String>>,
        /// Whether its namespaces are not limited.
        all_namespaces: bool,
        /// Namespaces that it is limited to.
        namespaces: Option<Vec<NamespaceScope>>,
        /// The operations of this API that it allows.
        actions: Option<Vec<TokenAction>>,
    }
}

body! {
    /// An operation of this API.
    #[schema(as = OpenUserTokenOpenApiAction)]
    TokenAction {
        /// Its id in the OpenAPI document.
        id: Option<String>,
        /// Method.
        method: Option<String>,
        /// Path with placeholders.
        path: Option<String>,
        /// Operations of a token of which one is required.
        required_operations: Option<Vec<String>>,
        /// Those of them that the token has.
        granted_operations: Option<Vec<String>>,
        /// `ANY`, or `NONE` if none is required.
        operation_match: Option<String>,
        /// Group in the OpenAPI document.
        resource_scope: Option<String>,
        /// What it does.
        description: Option<String>,
    }
}
