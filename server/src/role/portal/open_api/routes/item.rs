//! The operations of items.

use http::Method;

use super::{about, in_namespace};
use crate::domain::permission::Action;
use crate::domain::permission::requirement::Requirement;
use crate::role::portal::open_api::change_sets;
use crate::role::portal::open_api::item::{self, batch, changes, transfer};
use crate::role::portal::{EmptyAnswer, PortalAccess, PortalRoutes};

pub(super) fn routes(routes: PortalRoutes) -> PortalRoutes {
    let about = |id, summary| about("Item Management", id, summary);
    let edit = PortalAccess::Call(Requirement::Permission(Action::Modify));
    let seen = PortalAccess::Read(Requirement::See, EmptyAnswer::Nothing);
    routes
        .operation(
            Method::GET,
            in_namespace!("/items"),
            PortalAccess::Read(Requirement::See, EmptyAnswer::Page),
            about("findItemsByNamespace", "Lists the items of a namespace, page by page."),
            item::page,
        )
        .operation(
            Method::POST,
            in_namespace!("/items"),
            edit,
            about("createItem", "Adds an item to the end of a namespace."),
            item::create,
        )
        .operation(
            Method::PUT,
            in_namespace!("/items"),
            edit,
            about(
                "batchUpdateItemsByText",
                "Replaces the items of a namespace with those of a text.",
            ),
            item::put_text,
        )
        .operation(
            Method::POST,
            in_namespace!("/items/revocation"),
            edit,
            about("revertItems", "Reverts the items of a namespace to its latest release."),
            item::revoke,
        )
        .operation(
            Method::POST,
            in_namespace!("/items/validation"),
            edit,
            about("syntaxCheck", "Checks that a text is a document of its format."),
            transfer::validate,
        )
        .operation(
            Method::POST,
            in_namespace!("/items/diff"),
            // The handler checks each namespace in the body.
            PortalAccess::Call(Requirement::Nothing),
            about("compareItems", "Lists what other namespaces lack of these items."),
            transfer::compare,
        )
        .operation(
            Method::POST,
            in_namespace!("/items/synchronize"),
            edit,
            about("syncItems", "Brings items into other namespaces of the same name."),
            transfer::synchronize,
        )
        .operation(
            Method::GET,
            in_namespace!("/items/{key}"),
            seen,
            about("getItem", "Returns an item."),
            item::get,
        )
        .operation(
            Method::PUT,
            in_namespace!("/items/{key}"),
            edit,
            about("updateItem", "Updates an item, or creates it if `createIfNotExists` is set."),
            item::update,
        )
        .operation(
            Method::DELETE,
            in_namespace!("/items/{key}"),
            edit,
            about("deleteItem", "Deletes an item."),
            item::delete,
        )
}

pub(super) fn batches(routes: PortalRoutes) -> PortalRoutes {
    let about = |id, summary| about("Item Management", id, summary);
    let edit = PortalAccess::Call(Requirement::Permission(Action::Modify));
    routes
        .operation(
            Method::POST,
            in_namespace!("/items/batch-create"),
            edit,
            about("batchCreateItems", "Adds items to the end of a namespace: all or none."),
            batch::create,
        )
        .operation(
            Method::PUT,
            in_namespace!("/items/batch-update"),
            edit,
            about("batchUpdateItems", "Updates items by their keys: all or none."),
            batch::update,
        )
        .operation(
            Method::POST,
            in_namespace!("/items/batch-delete"),
            edit,
            about("batchDeleteItems", "Deletes items by their keys: all or none."),
            batch::delete,
        )
        .extension(
            Method::POST,
            in_namespace!("/changes"),
            edit,
            about("changeItems", "Adds, updates and deletes items with one commit: all or none."),
            changes::apply,
        )
        .extension(
            Method::POST,
            change_sets::PATH,
            // Each change set is checked as a call of `changeItems`.
            PortalAccess::Call(Requirement::Nothing),
            about("changeItemsOfNamespaces", "Edits several namespaces, each with its own result."),
            change_sets::apply,
        )
}

pub(super) fn encoded(routes: PortalRoutes) -> PortalRoutes {
    let about = |id, summary| about("Item Management", id, summary);
    let edit = PortalAccess::Call(Requirement::Permission(Action::Modify));
    let seen = PortalAccess::Read(Requirement::See, EmptyAnswer::Nothing);
    routes
        .operation(
            Method::GET,
            in_namespace!("/encodedItems/{key}"),
            seen,
            about("getItemByEncodedKey", "Returns an item by its key in URL-safe Base64."),
            item::encoded::get,
        )
        .operation(
            Method::PUT,
            in_namespace!("/encodedItems/{key}"),
            edit,
            about("updateItemByEncodedKey", "Updates an item by its key in URL-safe Base64."),
            item::encoded::update,
        )
        .operation(
            Method::DELETE,
            in_namespace!("/encodedItems/{key}"),
            edit,
            about("deleteItemByEncodedKey", "Deletes an item by its key in URL-safe Base64."),
            item::encoded::delete,
        )
}
