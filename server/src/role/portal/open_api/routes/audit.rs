//! The operations of the audit log.

use http::Method;

use super::about;
use crate::domain::permission::requirement::Requirement;
use crate::role::portal::open_api::audit;
use crate::role::portal::{PortalAccess, PortalRoutes};

pub(super) fn routes(routes: PortalRoutes) -> PortalRoutes {
    let about = |id, summary| about("Portal Management", id, summary);
    let root = PortalAccess::Session(Requirement::Root);
    routes
        .operation(
            Method::GET,
            "/openapi/v1/apollo/audit/properties",
            PortalAccess::Session(Requirement::Person),
            about("getAuditProperties", "Returns whether operations are recorded."),
            audit::properties,
        )
        .operation(
            Method::GET,
            "/openapi/v1/apollo/audit/logs",
            root,
            about("findAuditLogs", "Lists the recorded operations, newest first."),
            audit::list,
        )
        .operation(
            Method::GET,
            "/openapi/v1/apollo/audit/logs/opName",
            root,
            about("findAuditLogsByOpName", "Lists the operations of one name, newest first."),
            audit::named,
        )
        .operation(
            Method::GET,
            "/openapi/v1/apollo/audit/trace",
            root,
            about("findAuditTraceDetails", "Lists the operations of a trace, with their changes."),
            audit::trace,
        )
        .operation(
            Method::GET,
            "/openapi/v1/apollo/audit/logs/dataInfluences/field",
            root,
            about(
                "findAuditDataInfluencesByField",
                "Lists the changes of a field of a row, newest first.",
            ),
            audit::field,
        )
        .operation(
            Method::GET,
            "/openapi/v1/apollo/audit/logs/by-name-or-type-or-operator",
            root,
            about(
                "searchAuditLogs",
                "Lists the operations by text, app, operator, name and time, newest first.",
            ),
            audit::search,
        )
}
