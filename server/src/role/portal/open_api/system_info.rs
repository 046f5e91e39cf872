//! `/openapi/v1/system-info`: the environments with their services, and the health of one service.
//! An environment that does not answer is listed with the reason and delays the others by no more
//! than its time-outs.

use std::borrow::Cow;

use axum::extract::State;
use castalia_core::protocol::namespace::{ADMIN_SERVICE, CONFIG_SERVICE};
use castalia_core::protocol::wire::ServiceInstance;
use castalia_core::redact::without_credentials;
use futures_util::future::join_all;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::environment::{Environment, Services};
use crate::error::{Code, Error, Result};
use crate::http::health;
use crate::json::Json;
use crate::role::portal::Portal;
use crate::role::portal::extract::Query;
use crate::wire::open_api::{EnvironmentInfo, Service, ServiceHealth, SystemInfo};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
pub(super) struct Instance {
    /// Id of the instance of a service.
    instance_id: String,
}

pub(super) async fn get(State(portal): State<Portal>) -> Result<Json<SystemInfo>> {
    let described = all_services(&portal).await.into_iter().map(describe);
    Ok(Json(SystemInfo {
        version: Some(health::version().await),
        environments: Some(described.collect()),
    }))
}

pub(super) async fn health(
    State(portal): State<Portal>,
    Query(Instance { instance_id }): Query<Instance>,
) -> Result<Json<ServiceHealth>> {
    for (environment, services) in all_services(&portal).await {
        let Ok(Services { config, admin }) = services else { continue };
        let mut all = config.iter().chain(&admin);
        let is_shown_as = |id: &str| without_credentials(id) == instance_id;
        if let Some(service) = all.find(|service| is_shown_as(&service.instance_id)) {
            return environment.health(service).await.map(Json);
        }
    }
    let message = format!("No such instance of instanceId: {instance_id}");
    Err(Error::bad_request(message).with_code(Code::InvalidParameter))
}

/// The services of each environment, read concurrently.
async fn all_services(portal: &Portal) -> Vec<(Environment, Result<Services>)> {
    let environments = portal.state.environments.all().into_iter();
    join_all(environments.map(async |environment| {
        let services = match portal.state.registry() {
            Some(registry) if environment.is_in_process() => Ok(Services {
                config: registry.instances(CONFIG_SERVICE),
                admin: registry.instances(ADMIN_SERVICE),
            }),
            _ => environment.services().await,
        };
        (environment, services)
    }))
    .await
}

fn describe((environment, services): (Environment, Result<Services>)) -> EnvironmentInfo {
    let (services, error_message) = match services {
        Ok(services) => (services, None),
        // Begins as in Apollo's portal.
        Err(error) => {
            let meta = environment.meta_servers().unwrap_or(Cow::Borrowed("none"));
            let message = format!(
                "Loading config/admin services from meta server: {meta} failed! {}",
                error.message()
            );
            (Services::default(), Some(message))
        }
    };
    let list = |services: Vec<ServiceInstance>| {
        let is_known = error_message.is_none();
        is_known.then(|| services.into_iter().map(service).collect())
    };
    EnvironmentInfo {
        env: Some(environment.name().to_owned()),
        active: environment.is_up(),
        meta_server_address: environment.meta_servers().map(Cow::into_owned),
        config_services: list(services.config),
        admin_services: list(services.admin),
        error_message,
    }
}

/// An id may be an address, as that of a service in `apollo.config-service.url`.
fn service(found: ServiceInstance) -> Service {
    Service {
        app_name: Some(found.app_name),
        instance_id: Some(without_credentials(&found.instance_id).into_owned()),
        homepage_url: Some(without_credentials(&found.homepage_url).into_owned()),
    }
}
