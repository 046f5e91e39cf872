//! Values that all nodes of an installation share, kept in ConfigDB under a name. What they are for is not known here.

use sea_orm::{ConnectionTrait, EntityTrait, Set};

use crate::store::Store;
use crate::store::entity::castalia_installation::{ActiveModel, Entity};
use crate::store::error::StoreError;
use crate::store::secret::Secret;

pub async fn value(db: &impl ConnectionTrait, name: &str) -> Result<Option<Secret>, StoreError> {
    Ok(Entity::find_by_id(name).one(db).await?.map(|row| row.value))
}

/// The value under this name; the first node stores what it offers, later ones get that.
pub async fn value_or_insert(
    store: &Store,
    name: &str,
    offer: Secret,
) -> Result<Secret, StoreError> {
    if let Some(value) = value(store.read(), name).await? {
        return Ok(value);
    }
    let row = ActiveModel { name: Set(name.to_owned()), value: Set(offer.clone()) };
    let inserted: Result<(), StoreError> = store
        .write(row, |tx, row| {
            Box::pin(async move {
                Entity::insert(row.clone()).exec_without_returning(tx).await?;
                Ok(())
            })
        })
        .await;
    match inserted {
        Ok(()) => Ok(offer),
        Err(error) if error.is_duplicate() => value(store.read(), name)
            .await?
            .ok_or_else(|| StoreError::other("a value of the installation vanished")),
        Err(error) => Err(error),
    }
}
