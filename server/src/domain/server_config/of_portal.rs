//! Settings that operators keep in the portal database, by key.

pub use castalia_store::server_config::PortalSetting;

use castalia_store::Store;
use castalia_store::server_config as rows;

use crate::domain::unique;
use crate::error::{Code, Error, Result};
use crate::server_config::ServerConfig;

/// Creates a setting, or changes its value and comment. The texts must fit into their columns.
///
/// # Errors
/// Fails if the database does.
pub async fn put(
    store: &Store,
    (key, value, comment): (String, String, Option<String>),
    operator: &str,
) -> Result<PortalSetting> {
    let input = (key, value, comment, operator.to_owned());
    unique::write(store, input, |tx, (key, value, comment, operator)| {
        Box::pin(async move {
            Ok(rows::upsert_of_portal(tx, key, value, comment.as_deref(), operator).await?)
        })
    })
    .await
}

/// Deletes a setting.
///
/// # Errors
/// Fails if there is no such setting.
pub async fn delete(store: &Store, key: &str, operator: &str) -> Result<()> {
    let input = (key.to_owned(), operator.to_owned());
    let found: bool = store
        .write(input, |tx, (key, operator)| {
            Box::pin(
                async move { Ok::<_, Error>(rows::delete_of_portal(tx, key, operator).await?) },
            )
        })
        .await?;
    if !found {
        let message = format!("server config not found for key:{key}");
        return Err(Error::not_found(message).with_code(Code::ServerConfigNotFound));
    }
    Ok(())
}

/// All settings, by id.
pub async fn list(store: &Store) -> Result<Vec<PortalSetting>> {
    Ok(rows::all_of_portal(store.read()).await?)
}

/// Applies the present rows of the database to this node.
///
/// # Errors
/// Fails if the database cannot be read; the previous values then remain in effect.
pub async fn reload(
    store: &Store,
    config: &ServerConfig,
) -> std::result::Result<(), castalia_store::StoreError> {
    let read = async {
        let rows = rows::values_of_portal(store.read()).await?;
        Ok(rows.into_iter().collect())
    };
    config.reload(read).await
}
