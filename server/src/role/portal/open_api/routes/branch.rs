//! The operations of gray branches.

use http::Method;

use super::{about, in_namespace};
use crate::domain::permission::Action;
use crate::domain::permission::requirement::Requirement;
use crate::role::portal::open_api::branch::{self, preview, publish};
use crate::role::portal::{EmptyAnswer, PortalAccess, PortalRoutes};

pub(super) fn routes(routes: PortalRoutes) -> PortalRoutes {
    let about = |id, summary| about("Namespace Branch Management", id, summary);
    let merge = PortalAccess::Call(Requirement::MergeBranch);
    routes
        .operation(
            Method::GET,
            in_namespace!("/branches"),
            // The handler returns the branch without values to a user who may not see them.
            PortalAccess::Call(Requirement::Nothing),
            about("findBranch", "Returns the gray branch of a namespace, or an empty body."),
            branch::find,
        )
        .operation(
            Method::POST,
            in_namespace!("/branches"),
            PortalAccess::Call(Requirement::CreateBranch),
            about("createBranch", "Creates the gray branch of a namespace."),
            branch::create,
        )
        .operation(
            Method::DELETE,
            in_namespace!("/branches/{branchName}"),
            PortalAccess::Call(Requirement::AbandonBranch),
            about("deleteBranch", "Abandons a gray branch."),
            branch::delete,
        )
        .operation(
            Method::GET,
            in_namespace!("/branches/{branchName}/rules"),
            PortalAccess::Read(Requirement::See, EmptyAnswer::Nothing),
            about("getBranchGrayRules", "Returns the clients of a gray branch."),
            branch::rules,
        )
        .operation(
            Method::PUT,
            in_namespace!("/branches/{branchName}/rules"),
            PortalAccess::Call(Requirement::SetGrayRules),
            about("updateBranchRules", "Replaces the clients of a gray branch."),
            branch::set_rules,
        )
        .extension(
            Method::POST,
            in_namespace!("/branches/{branchName}/rules/preview"),
            PortalAccess::Call(Requirement::PreviewGrayRules),
            about(
                "previewBranchRules",
                "Lists the instances that rules of a gray branch would match now, without storing them.",
            ),
            preview::preview,
        )
        .extension(
            Method::GET,
            "/openapi/v1/envs/{env}/apps/{appId}/gray-audiences",
            // The handler leaves out those of namespaces whose values the caller may not see.
            PortalAccess::Call(Requirement::Nothing),
            about(
                "findGrayAudiences",
                "Lists the clients of earlier and present gray releases of an app, each audience once, newest first.",
            ),
            branch::audiences,
        )
        .operation(
            Method::POST,
            in_namespace!("/branches/{branchName}/merge"),
            merge,
            about("merge", "Merges a gray branch into the main line and publishes it."),
            publish::merge,
        )
        .operation(
            Method::POST,
            in_namespace!("/branches/{branchName}"),
            merge,
            about("mergeBranch", "Merges a gray branch; the query may name the operator."),
            publish::merge_by,
        )
}

/// Operations on branches under the tags of items and releases.
pub(super) fn of_other_tags(routes: PortalRoutes) -> PortalRoutes {
    let release = PortalAccess::Call(Requirement::Permission(Action::Release));
    routes
        .operation(
            Method::GET,
            in_namespace!("/branches/{branchName}/items"),
            PortalAccess::Read(Requirement::See, EmptyAnswer::List),
            about("Item Management", "findBranchItems", "Lists the items of a gray branch."),
            branch::items,
        )
        .operation(
            Method::POST,
            in_namespace!("/branches/{branchName}/releases"),
            release,
            about(
                "Release Management",
                "createGrayRelease",
                "Publishes a gray branch to its clients.",
            ),
            publish::publish,
        )
        .operation(
            Method::POST,
            in_namespace!("/branches/{branchName}/gray-del-releases"),
            release,
            about(
                "Release Management",
                "createGrayDelRelease",
                "Publishes a gray branch without some keys of the main line.",
            ),
            publish::publish_without,
        )
}
