//! The deletion of a definition, after the environments have deleted it. Those may take long, so
//! that another caller may have deleted the definition meanwhile, and created one with its name.

use castalia_store::{Connection, Deletion, Store, app, namespace};

use super::{AppNamespace, stored};
use crate::domain::access_request;
use crate::domain::permission::grant;
use crate::domain::permission::requirement::Resource;
use crate::error::{Code, Error, Result};

/// Checks that there is a definition to delete; the message is that of Apollo's deletion.
///
/// # Errors
/// Fails if the app has no such definition.
pub async fn check_deletable(store: &Store, app_id: &str, name: &str) -> Result<AppNamespace> {
    stored(store.read(), app_id, name).await?.ok_or_else(|| not_deletable(app_id, name))
}

/// Whether this definition was neither deleted nor replaced by another one with its name.
pub async fn is_present(store: &Store, row: &AppNamespace) -> Result<bool> {
    is_stored(store.read(), row).await
}

/// The definition of this name in an app, or else one that differs from both names only in case: an
/// environment may have one object for all spellings, because its database ignores case.
pub async fn find_in_any_case(
    store: &Store,
    app_id: &str,
    name: &str,
) -> Result<Option<AppNamespace>> {
    if let Some(exact) = namespace::app_namespace(store.read(), app_id, name).await? {
        return Ok(Some(exact));
    }
    let named = namespace::app_namespaces_named(store.read(), &[name]).await?;
    Ok(named.into_iter().find(|row| row.app_id.eq_ignore_ascii_case(app_id)))
}

async fn is_stored(db: &impl Connection, row: &AppNamespace) -> Result<bool> {
    let found = stored(db, &row.app_id, &row.name).await?;
    Ok(found.is_some_and(|found| found.id == row.id))
}

fn not_deletable(app_id: &str, name: &str) -> Error {
    let message = format!("AppNamespace not exist. AppId = {app_id}, NamespaceName = {name}");
    Error::bad_request(message).with_code(Code::UnknownAppNamespace)
}

/// Deletes a definition of an app, with the roles of its namespaces.
///
/// # Errors
/// Fails if the definition was deleted meanwhile, also if another one has its name.
pub async fn delete(store: &Store, row: &AppNamespace, operator: &str) -> Result<()> {
    store
        .write((row.clone(), operator.to_owned()), |tx, (row, operator)| {
            Box::pin(async move {
                let AppNamespace { app_id, name, .. } = row;
                // Before anything is read, because a role may be granted at the same time.
                app::lock(tx, app_id).await?;
                if !is_stored(tx, row).await? {
                    return Err(not_deletable(app_id, name));
                }
                let by = &Deletion::by(operator);
                namespace::delete_app_namespace(tx, app_id, name, by).await?;
                grant::delete_namespace_roles(tx, app_id, name, by).await
            })
        })
        .await?;
    let place =
        Resource { app_id: row.app_id.clone(), namespace: row.name.clone(), ..Resource::default() };
    access_request::forget_place(store, &place).await;
    Ok(())
}
