//! Queries: the webhooks that administrators registered.

use sea_orm::{
    ActiveValue, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Set,
};

use crate::audit::trail;
use crate::entity::castalia_webhook::{ActiveModel, Column, Entity};
use crate::error::StoreError;
use crate::feed::readable;
use crate::number::Id;
use crate::row::{self, now};
use crate::secret::Secret;

pub use crate::entity::castalia_webhook::Model as Webhook;

/// What an administrator decides about a webhook.
#[derive(Clone, Debug)]
pub struct WebhookDefinition {
    pub url: String,
    /// `None` leaves the one of an existing webhook.
    pub secret: Option<Secret>,
    /// Environments separated by commas; empty for all.
    pub envs: String,
    /// App; empty for all.
    pub app_id: String,
    pub is_enabled: bool,
}

/// All webhooks, by id.
pub async fn all(db: &impl ConnectionTrait) -> Result<Vec<Webhook>, StoreError> {
    readable::models(db, Entity::find().order_by_asc(Column::Id)).await
}

pub async fn find(db: &impl ConnectionTrait, id: Id) -> Result<Option<Webhook>, StoreError> {
    Ok(readable::models(db, Entity::find().filter(Column::Id.eq(id))).await?.pop())
}

/// The same, locked until the end of the transaction.
pub async fn lock(db: &impl ConnectionTrait, id: Id) -> Result<Option<Webhook>, StoreError> {
    let row = Entity::find().filter(Column::Id.eq(id)).lock_exclusive();
    Ok(readable::models(db, row).await?.pop())
}

pub async fn insert(
    db: &impl ConnectionTrait,
    new: &WebhookDefinition,
    operator: &str,
) -> Result<Webhook, StoreError> {
    let row = ActiveModel {
        id: ActiveValue::NotSet,
        secret: Set(new.secret.clone().unwrap_or_default()),
        created_by: Set(operator.to_owned()),
        created_time: Set(now().into()),
        ..changed(new, operator)
    };
    let created = row::insert(db, row).await?;
    note(created.id, new);
    Ok(created)
}

/// Changes a webhook; returns whether it exists.
pub async fn update(
    db: &impl ConnectionTrait,
    id: Id,
    new: &WebhookDefinition,
    operator: &str,
) -> Result<bool, StoreError> {
    note(id, new);
    let mut row = changed(new, operator);
    if let Some(secret) = &new.secret {
        row.secret = Set(secret.clone());
    }
    let updated = Entity::update_many().set(row).filter(Column::Id.eq(id)).exec(db).await?;
    Ok(updated.rows_affected > 0)
}

/// Deletes a webhook; returns whether it existed.
pub async fn delete(db: &impl ConnectionTrait, id: Id) -> Result<bool, StoreError> {
    trail::deleted("CastaliaWebhook", "Id", &id.0.to_string());
    Ok(Entity::delete_by_id(id).exec(db).await?.rows_affected > 0)
}

fn changed(new: &WebhookDefinition, operator: &str) -> ActiveModel {
    ActiveModel {
        url: Set(new.url.clone()),
        envs: Set(new.envs.clone()),
        app_id: Set(new.app_id.clone()),
        is_enabled: Set(new.is_enabled),
        last_modified_by: Set(operator.to_owned()),
        last_time: Set(now().into()),
        ..ActiveModel::default()
    }
}

/// That a secret was set is noted, and not the secret; a query may have one.
fn note(id: Id, new: &WebhookDefinition) {
    let mut fields = vec![("Url", new.url.split('?').next())];
    fields.extend(new.secret.as_ref().map(|_| ("Secret", None)));
    trail::wrote("CastaliaWebhook", id, &fields);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_without_a_secret_keeps_the_stored_one() {
        let new = WebhookDefinition {
            url: String::new(),
            secret: None,
            envs: String::new(),
            app_id: String::new(),
            is_enabled: true,
        };
        assert!(changed(&new, "u").secret.is_not_set());
    }
}
