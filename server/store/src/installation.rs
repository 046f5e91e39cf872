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

/// Inserts a value in the transaction that creates the database.
pub async fn insert(
    db: &impl ConnectionTrait,
    name: &str,
    value: Secret,
) -> Result<(), StoreError> {
    let row = ActiveModel { name: Set(name.to_owned()), value: Set(value) };
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

pub async fn value(db: &impl ConnectionTrait, name: &str) -> Result<Option<Secret>, StoreError> {
    Ok(Entity::find_by_id(name).one(db).await?.map(|row| row.value))
}

/// The value with this name. The first node stores its offer, later ones receive that. If the table
/// is missing, because the account may not create it, each node uses its own value.
pub async fn value_or_insert(
    store: &Store,
    name: &str,
    offer: Secret,
) -> Result<Secret, StoreError> {
    match value(store.read(), name).await {
        Ok(Some(value)) => return Ok(value),
        Ok(None) => {}
        Err(error) if error.is_unusable_table() => return Ok(offer),
        Err(error) => return Err(error),
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
