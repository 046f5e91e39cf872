//! `/openapi/v1/eureka`: the instances and peers of the Eureka registry of this node.

use axum::extract::State;
use castalia_eureka::{Lease, Status};
use chrono::DateTime;

use crate::json::Json;
use crate::registry::EurekaPeerState;
use crate::role::portal::Portal;
use crate::wire::open_api::{EurekaInstance, EurekaPeer, EurekaRegistry};

/// Maximum number of instances in an answer.
const LARGEST: usize = 1_000;

pub(super) async fn get(State(portal): State<Portal>) -> Json<EurekaRegistry> {
    let registry = portal.state.registry();
    let Some(eureka) = registry.and_then(|registry| registry.eureka()) else {
        return Json(EurekaRegistry::default());
    };
    let leases = eureka.leases();
    let instances = leases.iter().take(LARGEST).map(instance).collect();
    Json(EurekaRegistry {
        hosted: true,
        open: portal.state.settings.eureka.is_open,
        preserving: eureka.is_preserving(),
        total: leases.len().try_into().unwrap_or(i64::MAX),
        instances: Some(instances),
        peers: Some(eureka.peers().into_iter().map(peer).collect()),
    })
}

fn instance(lease: &Lease) -> EurekaInstance {
    let described = &lease.instance;
    let overridden = Some(described.overridden_status).filter(|set| *set != Status::Unknown);
    EurekaInstance {
        app: Some(described.app.clone()),
        instance_id: Some(described.id().to_owned()),
        home_page_url: described.home_page_url.clone(),
        status: Some(described.status.name().to_owned()),
        overridden_status: overridden.map(|status| status.name().to_owned()),
        own: lease.is_own,
        last_heartbeat_time: DateTime::from_timestamp_millis(lease.heartbeat()),
    }
}

fn peer(peer: EurekaPeerState) -> EurekaPeer {
    EurekaPeer {
        service_url: Some(peer.service_url),
        waiting: peer.waiting.try_into().unwrap_or(i64::MAX),
        problem: peer.problem,
    }
}
