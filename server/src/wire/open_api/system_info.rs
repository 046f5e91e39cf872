//! Bodies of `/openapi/v1/system-info`: the environments and their services. Apollo's contract
//! leaves the members open; these are the ones that its portal writes.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::json::schema::Named;
use crate::wire::body::{Member, body};

body! {
    /// The environments of the portal.
    #[schema(as = SystemInfo)]
    SystemInfo {
        /// Version of the portal.
        version: Option<String>,
        /// All environments, reachable or not.
        environments: Option<Vec<EnvironmentInfo>>,
    }
}

body! {
    /// An environment.
    #[schema(as = EnvironmentInfo)]
    EnvironmentInfo {
        /// Name.
        env: Option<String>,
        /// Whether it is reachable, according to the last probes.
        active: bool,
        /// Addresses of its meta servers, separated by commas.
        meta_server_address: Option<String>,
        /// Its live config services.
        config_services: Option<Vec<Service>>,
        /// Its live admin services.
        admin_services: Option<Vec<Service>>,
        /// Why the services are unknown.
        error_message: Option<String>,
    }
}

body! {
    /// A live service.
    #[schema(as = ServiceInstance)]
    Service {
        /// Kind of service, such as `apollo-configservice`.
        app_name: Option<String>,
        /// Id of the instance.
        instance_id: Option<String>,
        /// Base address.
        homepage_url: Option<String>,
    }
}

/// Health of a service, as the service reports it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(as = ServiceHealth, value_type = Object)]
pub struct ServiceHealth(pub Map<String, Value>);

impl Named for ServiceHealth {}
