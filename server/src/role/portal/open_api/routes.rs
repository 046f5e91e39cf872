//! The route page of `/openapi/v1`: every operation under its name in Apollo's contract, with the
//! access that it requires. Each tag of the contract has a file; the handlers are elsewhere.

mod access_key;
mod access_request;
mod app;
mod app_namespace;
mod audit;
mod branch;
mod cluster;
mod consumer;
mod env;
mod favorite;
mod history;
mod instance;
mod item;
mod namespace;
mod old_path;
mod organization;
mod permission;
mod release;
mod restoration;
mod setting;
mod system_info;
mod system_role;
mod transfer;
mod user;
mod user_token;
mod webhook;

use axum::extract::Request;

use super::document;
use crate::domain::permission::requirement::Requirement;
use crate::http::operation::About;
use crate::http::request_memory::{MemoryHolder, Payer};
use crate::role::portal::audit::is_change;
use crate::role::portal::identity::Caller;
use crate::role::portal::{PortalAccess, PortalRoutes};

/// A path within a namespace of one environment.
macro_rules! in_namespace {
    ($rest:literal) => {
        concat!(
            "/openapi/v1/envs/{env}/apps/{appId}/clusters/{clusterName}/namespaces/{namespaceName}",
            $rest
        )
    };
}

use in_namespace;

/// Adds the routes.
pub(in crate::role::portal) fn routes(routes: PortalRoutes) -> PortalRoutes {
    let routes = routes.charge_callers(payer).get(
        "/openapi/openapi.json",
        PortalAccess::Call(Requirement::Nothing),
        document::get,
    );
    [
        user::routes,
        user::preferences,
        user_token::own,
        user_token::of_all_users,
        user_token::current,
        env::routes,
        organization::routes,
        app::routes,
        app::presence,
        app::recents,
        restoration::routes,
        cluster::routes,
        app_namespace::routes,
        namespace::routes,
        namespace::of_app,
        namespace::schemas,
        item::routes,
        item::batches,
        item::encoded,
        release::routes,
        branch::routes,
        branch::of_other_tags,
        history::routes,
        instance::routes,
        access_key::routes,
        access_request::routes,
        permission::roles,
        permission::missing_roles,
        permission::role_users,
        permission::probes,
        system_role::routes,
        system_role::appointing,
        favorite::routes,
        consumer::routes,
        setting::routes,
        webhook::routes,
        audit::routes,
        system_info::routes,
        transfer::exports,
        transfer::imports,
        old_path::routes,
    ]
    .into_iter()
    .fold(routes, |routes, add: fn(PortalRoutes) -> PortalRoutes| add(routes))
}

fn payer(request: &Request) -> Option<Payer> {
    let extensions = request.extensions();
    let caller = extensions.get::<Caller>()?;
    let about = extensions.get::<About>();
    Some(Payer {
        holder: MemoryHolder::Caller(caller.identity.unique_name()),
        is_change: about.is_some_and(|about| is_change(request.method(), about.id)),
    })
}

const fn about(tag: &'static str, id: &'static str, summary: &'static str) -> About {
    About { tag, id, summary }
}
