//! Registers consumers, grants them roles, and lists and deletes them, at the request of an
//! administrator.

use std::collections::HashSet;

pub use castalia_store::consumer::{Consumer, ConsumerGrant, ConsumerToken};

use castalia_store::consumer::{self, ConsumerRow, ConsumerTokenRow, last_use};
use castalia_store::user::role;
use castalia_store::{Authorship, Id, Page, Secret, Store, Transaction, app};
use chrono::{DateTime, NaiveDateTime, Utc};

use super::revision::check_base;
use super::{HASHED, check_app_id, check_end, hashed, never, random, stored_form};
use crate::domain::constraint::check_members;
use crate::domain::permission::grant::{self, Grantee};
use crate::domain::permission::requirement::Resource;
use crate::domain::permission::{Action, NamedRole};
use crate::domain::revision::Base;
use crate::domain::{portal_app, unique, user};
use crate::error::{Code, Error, Result};
use crate::settings::Installation;

/// Widths of the columns, in characters.
const NAME: usize = 500;
const ORG_ID: usize = 32;
const ORG_NAME: usize = 64;

/// A consumer to register.
#[derive(Debug, Clone)]
pub struct NewConsumer {
    /// Id under which it is registered.
    pub app_id: String,
    /// What can be changed later.
    pub details: Details,
    /// Whether it may create apps.
    pub creates_apps: bool,
    /// Whether it may manage users.
    pub manages_users: bool,
    /// End of its token, in local time; `None` for Apollo's value.
    pub expires: Option<NaiveDateTime>,
}

/// The description of a consumer, and the limit of its tokens.
#[derive(Debug, Clone)]
pub struct Details {
    /// Display name.
    pub name: String,
    /// Department id.
    pub org_id: String,
    /// Department name.
    pub org_name: String,
    /// User name of the owner.
    pub owner_name: String,
    /// Maximum number of requests per second; 0 for no limit.
    pub rate_limit: i32,
}

impl Details {
    /// Returns the mail address of the owner.
    async fn check(&self, store: &Store) -> Result<String> {
        check_members([
            ("name", Some(&*self.name), NAME),
            ("orgId", Some(&*self.org_id), ORG_ID),
            ("orgName", Some(&*self.org_name), ORG_NAME),
        ])?;
        Ok(user::existing(store, &self.owner_name).await?.email)
    }
}

/// A consumer with what it may do.
#[derive(Debug, Clone)]
pub struct Registered {
    /// The consumer.
    pub consumer: Consumer,
    /// Its newest token.
    pub token: Option<ConsumerToken>,
    /// Whether it may create apps.
    pub creates_apps: bool,
    /// Whether it may manage users.
    pub manages_users: bool,
    /// When it last used a token.
    pub last_used: Option<DateTime<Utc>>,
}

/// What a consumer is granted.
#[derive(Debug, Clone)]
pub struct Grant {
    /// Objects of one kind, of one app: the app, a namespace in all environments or in single
    /// ones, or clusters.
    pub places: Vec<Resource>,
    /// What it may do with them; `None` for what Apollo grants: administration of an app, editing
    /// and publishing of other objects.
    pub acts: Option<Vec<Action>>,
}

impl Grant {
    fn roles(&self) -> Vec<NamedRole> {
        let of = |place: &Resource| match &self.acts {
            None if place.is_app() => vec![NamedRole::master(&place.app_id)],
            acts => {
                let acts = acts.as_deref().unwrap_or(&Action::CHANGING);
                acts.iter().map(|act| place.role_to(*act)).collect()
            }
        };
        self.places.iter().flat_map(of).collect()
    }
}

/// Registers a consumer with a token, which is returned.
///
/// # Errors
/// Fails if the consumer exists, if its owner does not, or if the token would end in the past.
pub async fn register(
    store: &Store,
    installation: Installation,
    new: NewConsumer,
    operator: &str,
) -> Result<(Registered, String)> {
    check_app_id(&new.app_id)?;
    check_end(new.expires)?;
    let email = new.details.check(store).await?;
    let text = random()?;
    let stored = stored_form(installation, &text);
    let input = (new, email, stored, operator.to_owned());
    let made = unique::write(store, input, |tx, (new, email, stored, operator)| {
        Box::pin(register_in(tx, new, email, stored, operator))
    });
    Ok((made.await?, text))
}

async fn register_in(
    tx: &Transaction,
    new: &NewConsumer,
    email: &str,
    stored: &Secret,
    operator: &str,
) -> Result<Registered> {
    if consumer::by_app_id(tx, &new.app_id).await?.is_some() {
        return Err(Error::bad_request("Consumer already exist").with_code(Code::ConsumerExists));
    }
    let author = Authorship::of(operator);
    let Details { name, org_id, org_name, owner_name, rate_limit } = new.details.clone();
    let app_id = new.app_id.clone();
    let row =
        ConsumerRow { app_id, name, org_id, org_name, owner_name, owner_email: email.to_owned() };
    let consumer = consumer::insert(tx, row, author.clone()).await?;
    let row = ConsumerTokenRow {
        consumer_id: Some(consumer.id),
        token: stored.clone(),
        rate_limit,
        expires: new.expires.unwrap_or_else(never).into(),
    };
    let token = consumer::insert_token(tx, row, author).await?;
    let system = [
        (new.creates_apps, NamedRole::create_application()),
        (new.manages_users, NamedRole::manage_users()),
    ];
    for (_, role) in system.iter().filter(|(is_wanted, _)| *is_wanted) {
        grant::give(tx, role, Grantee::Consumer(consumer.id), operator).await?;
    }
    let (creates_apps, manages_users) = (new.creates_apps, new.manages_users);
    Ok(Registered { consumer, token: Some(token), creates_apps, manages_users, last_used: None })
}

/// Changes the description of a consumer, and the limit of its tokens.
///
/// # Errors
/// Fails if there is no such consumer, if its new owner does not exist, and if it has changed since
/// `base`.
pub async fn update(
    store: &Store,
    app_id: &str,
    details: Details,
    operator: &str,
    base: Base,
) -> Result<()> {
    let email = details.check(store).await?;
    let input = (app_id.to_owned(), details, email, operator.to_owned(), base);
    store
        .write(input, |tx, (app_id, details, email, operator, base)| {
            Box::pin(async move {
                let old = consumer::lock(tx, app_id).await?.ok_or_else(unknown)?;
                check_base(tx, &old, base, Some(details)).await?;
                let Details { name, org_id, org_name, owner_name, rate_limit } = details.clone();
                let new = Consumer {
                    name,
                    org_id,
                    org_name,
                    owner_name,
                    owner_email: email.clone(),
                    data_change_last_modified_by: Some(operator.clone()),
                    ..old.clone()
                };
                consumer::update(tx, &old, &new).await?;
                Ok(consumer::limit_tokens(tx, old.id, rate_limit, operator).await?)
            })
        })
        .await
}

/// A page of consumers, newest first.
pub async fn list(store: &Store, page: &Page) -> Result<Vec<Registered>> {
    let consumers = consumer::all_page(store.read(), page).await?;
    let ids: Vec<Id> = consumers.iter().map(|consumer| consumer.id).collect();
    let mut tokens = consumer::tokens_of(store.read(), &ids).await?;
    let holders = async |role: NamedRole| -> Result<HashSet<Id>> {
        let Some(found) = role::find(store.read(), &role.name).await? else {
            return Ok(HashSet::new());
        };
        let grants = consumer::grants(store.read(), &ids, &[found.id]).await?;
        Ok(grants.into_iter().filter_map(|grant| grant.consumer_id).collect())
    };
    let creators = holders(NamedRole::create_application()).await?;
    let managers = holders(NamedRole::manage_users()).await?;
    let last_uses = last_use::of(store, &ids).await?;
    let registered = |consumer: Consumer| {
        let of_consumer = |token: &ConsumerToken| token.consumer_id == Some(consumer.id);
        Registered {
            token: tokens.iter().rposition(of_consumer).map(|at| tokens.remove(at)),
            creates_apps: creators.contains(&consumer.id),
            manages_users: managers.contains(&consumer.id),
            last_used: last_uses.get(&consumer.id).copied(),
            consumer,
        }
    };
    Ok(consumers.into_iter().map(registered).collect())
}

/// The newest token of a consumer.
pub async fn token_of(store: &Store, app_id: &str) -> Result<Option<ConsumerToken>> {
    let Some(found) = consumer::by_app_id(store.read(), app_id).await? else { return Ok(None) };
    Ok(consumer::tokens(store.read(), found.id).await?.pop())
}

/// Whether only the hash of this token is stored, so that it cannot be shown.
#[must_use]
pub fn is_hashed(token: &ConsumerToken) -> bool {
    token.token.expose().starts_with(HASHED)
}

/// Deletes a consumer with its tokens and roles.
///
/// # Errors
/// Fails if there is no such consumer, and if it has changed since `base`.
pub async fn delete(store: &Store, app_id: &str, operator: &str, base: Base) -> Result<()> {
    let input = (app_id.to_owned(), operator.to_owned(), base);
    let delete = store.write(input, |tx, (app_id, operator, base)| {
        Box::pin(async move {
            // Locked, because it may be given a token or a role at the same time.
            let found = consumer::lock(tx, app_id).await?.ok_or_else(unknown)?;
            check_base(tx, &found, base, None).await?;
            consumer::delete(tx, found.id, operator).await?;
            Ok::<_, Error>(found.id)
        })
    });
    if let Err(error) = last_use::forget(store, delete.await?).await {
        tracing::warn!(%error, "cannot forget the last use of a deleted consumer");
    }
    Ok(())
}

/// The row id of a consumer.
///
/// # Errors
/// Fails if there is no such consumer.
pub async fn id_of(store: &Store, app_id: &str) -> Result<Id> {
    let found = consumer::by_app_id(store.read(), app_id).await?.ok_or_else(unknown)?;
    Ok(found.id)
}

/// Names of the roles that a consumer has.
///
/// # Errors
/// Fails if there is no such consumer.
pub async fn roles(store: &Store, app_id: &str) -> Result<Vec<String>> {
    let id = id_of(store, app_id).await?;
    let roles = role::roles_of_consumer(store.read(), id).await?;
    let mut names: Vec<_> = roles.into_iter().map(|role| role.role_name).collect();
    names.sort();
    Ok(names)
}

/// Revokes a role from a consumer.
///
/// # Errors
/// Fails if there is no such consumer, or if it does not have the role.
pub async fn revoke(store: &Store, app_id: &str, name: &str, operator: &str) -> Result<()> {
    let input = (app_id.to_owned(), name.to_owned(), operator.to_owned());
    store
        .write(input, |tx, (app_id, name, operator)| {
            Box::pin(async move {
                let found = consumer::lock(tx, app_id).await?.ok_or_else(unknown)?;
                let is_revoked = match role::find(tx, name).await? {
                    Some(role) => {
                        role::revoke_from_consumer(tx, role.id, found.id, operator).await?
                    }
                    None => false,
                };
                if is_revoked {
                    return Ok(());
                }
                let message = format!("the consumer {app_id} does not have the role {name}");
                Err(Error::bad_request(message).with_code(Code::UnknownRole))
            })
        })
        .await
}

pub(in crate::domain) fn unknown() -> Error {
    Error::bad_request("ConsumerApp not exist").with_code(Code::UnknownConsumer)
}

/// Grants roles to the consumer of a token, which is named by itself or, where only its hash is
/// stored, by the consumer's id. Returns all of the grants, old and new.
///
/// # Errors
/// Fails if there is no such token, or if an object does not exist.
pub async fn grant(
    store: &Store,
    token: &str,
    wanted: Grant,
    operator: &str,
) -> Result<Vec<ConsumerGrant>> {
    let id = consumer_of(store, token).await?;
    let Some(Resource { app_id, .. }) = wanted.places.first() else { return Ok(Vec::new()) };
    portal_app::check_spelling(store, app_id).await?;
    let input = (id, wanted, operator.to_owned());
    unique::write(store, input, |tx, (id, wanted, operator)| {
        Box::pin(grant_in(tx, *id, wanted, operator))
    })
    .await
}

async fn grant_in(
    tx: &Transaction,
    id: Id,
    wanted: &Grant,
    operator: &str,
) -> Result<Vec<ConsumerGrant>> {
    if let Some(place) = wanted.places.first() {
        app::lock(tx, &place.app_id).await?;
    }
    // It was looked up before, and may have been deleted since.
    grant::lock_consumer(tx, id).await?;
    check_existence(tx, &wanted.places).await?;
    let mut role_ids = Vec::new();
    for role in wanted.roles() {
        let role_id = grant::ensure(tx, &role, operator).await?;
        role::grant_to_consumer(tx, role_id, id, operator).await?;
        role_ids.push(role_id);
    }
    Ok(consumer::grants(tx, &[id], &role_ids).await?)
}

/// Checks that the objects exist: each is created together with a role.
async fn check_existence(tx: &Transaction, places: &[Resource]) -> Result<()> {
    let created_with = |place: &Resource| match place.is_app() {
        true => NamedRole::master(&place.app_id).name,
        false => place.role_to(Action::Modify).name,
    };
    let names: Vec<_> = places.iter().map(created_with).collect();
    if role::named(tx, &names).await?.len() == names.len() {
        return Ok(());
    }
    let kind = match places.first() {
        Some(place) if place.is_app() => "App",
        Some(place) if place.cluster.is_empty() => "Namespace",
        _ => "Cluster",
    };
    let created = kind.to_lowercase();
    let message =
        format!("{kind}'s role does not exist. Please check whether {created} has created.");
    Err(Error::bad_request(message).with_code(Code::UnknownRole))
}

async fn consumer_of(store: &Store, token: &str) -> Result<Id> {
    let illegal = || Error::bad_request("Token is Illegal").with_code(Code::UnknownConsumer);
    let mut found = consumer::token_of_any_time(store.read(), &hashed(token)).await?;
    if found.is_none() && !token.starts_with(HASHED) {
        found = consumer::token_of_any_time(store.read(), token).await?;
    }
    if let Some(id) = found.and_then(|token| token.consumer_id) {
        return Ok(id);
    }
    let named = consumer::by_app_id(store.read(), token).await?;
    named
        .filter(|consumer| consumer.app_id == token)
        .map(|consumer| consumer.id)
        .ok_or_else(illegal)
}
