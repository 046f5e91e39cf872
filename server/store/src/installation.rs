//! Named values that all nodes of an installation share. Their use is not known here.

use chrono::SecondsFormat;
use sea_orm::{ConnectionTrait, EntityTrait, Set};

use crate::Store;
use crate::entity::castalia_installation::{ActiveModel, Entity};
use crate::error::StoreError;
use crate::row::now;
use crate::secret::Secret;

/// The name of the id of the installation, which is generated with the first tables.
pub const ID: &str = "installation.id";

/// Inserts a value in the transaction that creates the database. One that exists is kept: a node
/// may have stored it between an interrupted creation and its completion.
pub async fn insert_if_absent(
    db: &impl ConnectionTrait,
    name: &str,
    offer: Secret,
) -> Result<(), StoreError> {
    if value(db, name).await?.is_some() {
        return Ok(());
    }
    insert(db, name, offer).await
}

async fn insert(db: &impl ConnectionTrait, name: &str, value: Secret) -> Result<(), StoreError> {
    let row = ActiveModel { name: Set(name.to_owned()), value: Set(value) };
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

pub async fn value(db: &impl ConnectionTrait, name: &str) -> Result<Option<Secret>, StoreError> {
    Ok(Entity::find_by_id(name).one(db).await?.map(|row| row.value))
}

/// The value with this name. The first node stores its offer, later ones receive that. `None` if
/// the account cannot use the table, such as because it may not create it: no value is shared then,
/// and the offer must not be taken for one, because the next start makes another.
pub async fn value_or_insert(
    store: &Store,
    name: &str,
    offer: Secret,
) -> Result<Option<Secret>, StoreError> {
    match shared_value(store, name, offer).await {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_unusable_table() => Ok(None),
        Err(error) => Err(error),
    }
}

/// The value with this name, if the table can be read and has one.
pub async fn known_value(store: &Store, name: &str) -> Result<Option<Secret>, StoreError> {
    match value(store.read(), name).await {
        Err(error) if error.is_unusable_table() => Ok(None),
        known => known,
    }
}

async fn shared_value(store: &Store, name: &str, offer: Secret) -> Result<Secret, StoreError> {
    if let Some(value) = value(store.read(), name).await? {
        return Ok(value);
    }
    let input = (name.to_owned(), offer.clone());
    let inserted: Result<(), StoreError> =
        store.write(input, |tx, (name, value)| Box::pin(insert(tx, name, value.clone()))).await;
    match inserted {
        Ok(()) => Ok(offer),
        Err(error) if error.is_duplicate() => value(store.read(), name)
            .await?
            .ok_or_else(|| StoreError::other("a value of the installation was deleted meanwhile")),
        Err(error) => Err(error),
    }
}

/// Writes the time of this write under a name of its own, which shows that the database stores
/// changes.
pub(super) async fn record_write(store: &Store) -> Result<(), StoreError> {
    const NAME: &str = "write.check";
    let time = now().to_rfc3339_opts(SecondsFormat::Millis, true);
    store
        .write(Secret::new(time), |tx, time| {
            Box::pin(async move {
                Entity::delete_by_id(NAME).exec(tx).await?;
                insert(tx, NAME, time.clone()).await
            })
        })
        .await
}
