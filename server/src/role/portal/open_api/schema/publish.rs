//! Publishes a namespace or its gray branch, unless the content violates the JSON Schema of the
//! namespace. What is published is what was checked: the publish is based on the revision of the
//! checked items. A namespace without a schema costs no call of its environment.

use castalia_core::protocol::namespace::Format;
use serde::de::DeserializeOwned;

use crate::domain::configurations::{self, Configurations};
use crate::domain::namespace_schema::{self, Checking, SchemaKey, SchemaPlace, Violation};
use crate::domain::permission::requirement::Resource;
use crate::domain::portal_namespace;
use crate::environment::{Address, Environment, revision};
use crate::error::{Code, Error, Reaction, Result};
use crate::role::portal::Portal;
use crate::role::portal::identity::Caller;
use crate::role::portal::open_api::branch::branch_of;
use crate::role::portal::open_api::content_read::ContentRead;
use crate::role::portal::open_api::draft::{draft, is_retried};
use crate::role::portal::open_api::namespace::released;
use crate::role::portal::open_api::reads::ReadTurn;
use crate::role::portal::open_api::schema::key;
use crate::wire::admin;

/// How often content is checked again because the schema was replaced during the check.
const REPLACED: usize = 10;

/// The schema of a namespace.
#[derive(Debug)]
pub(in super::super) struct Schema {
    text: String,
    key: SchemaKey,
    /// That of the namespace.
    format: Format,
}

impl Schema {
    /// The schema of the namespace, if it has one.
    pub(in super::super) async fn of(
        portal: &Portal,
        environment: &Environment,
        place: &Resource,
    ) -> Result<Option<Self>> {
        let store = &portal.state.store;
        let places = namespace_schema::places(store, &place.env).await?;
        if places.is_empty() {
            return Ok(None);
        }
        let key = key(environment, place).await?;
        if let Some(row) = namespace_schema::find(store, &key).await? {
            let format = portal_namespace::format_of(store, &key.app_id, &key.namespace).await?;
            return Ok(Some(Self { text: row.text, key, format }));
        }
        check_unreadable(environment, place, &key, &places).await?;
        let above =
            places.into_iter().filter(|above| above.may_be_named(&key.app_id, &key.namespace));
        let above = above.filter_map(|above| above.cluster.filter(|name| *name != key.cluster));
        for cluster in above {
            let above = Resource { cluster, ..place.clone() };
            match branch_of(environment, &above, &key.cluster).await {
                Ok(_) => {
                    let message = format!(
                        "{} is a gray branch of a namespace with a JSON Schema: publish it as a gray release",
                        key.cluster
                    );
                    return Err(Error::bad_request(message).with_code(Code::SchemaViolated));
                }
                Err(error) if error.reaction() == Reaction::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// The first violations of a content, and the number of all.
    pub(super) async fn violations(
        &self,
        checking: &Checking,
        content: Configurations,
    ) -> Result<(Vec<Violation>, usize)> {
        namespace_schema::violations(checking, self.text.clone(), self.format, content).await
    }

    /// Rejects content that violates the schema, also one that replaced it during the check, and a
    /// caller who knows other items than those that were read last and that the content was
    /// computed from.
    pub(in super::super) async fn check(
        &mut self,
        portal: &Portal,
        checking: &Checking,
        content: Configurations,
    ) -> Result<()> {
        revision::check_shown()?;
        for _ in 0..REPLACED {
            let (found, total) = self.violations(checking, content.clone()).await?;
            if !found.is_empty() {
                return Err(namespace_schema::refusal(&found, total));
            }
            match namespace_schema::find(&portal.state.store, &self.key).await? {
                Some(present) if present.text != self.text => self.text = present.text,
                _ => return Ok(()),
            }
        }
        let message = "The JSON Schema of the namespace is replaced again and again; retry later.";
        Err(Error::unavailable(message))
    }
}

/// Rejects a publish of a namespace that a schema may describe whose namespace cannot be decoded,
/// and one of a gray branch of such a namespace.
async fn check_unreadable(
    environment: &Environment,
    place: &Resource,
    key: &SchemaKey,
    places: &[SchemaPlace],
) -> Result<()> {
    let mut may_be_above = None;
    for unreadable in places {
        let Some(damage) = &unreadable.damage else { continue };
        if unreadable.may_be_of(key) {
            return Err(damage.clone().into());
        }
        if unreadable.may_be_named(&key.app_id, &key.namespace) {
            may_be_above = Some(damage);
        }
    }
    let Some(damage) = may_be_above else { return Ok(()) };
    let cluster: admin::Cluster = environment.get(Address::in_cluster(place, &[])).await?;
    match cluster.parent_cluster_id {
        0 => Ok(()),
        _ => Err(damage.clone().into()),
    }
}

/// What is published of a namespace.
#[derive(Debug, Clone, Copy)]
pub(in super::super) enum ToPublish<'a> {
    /// Its items.
    Namespace,
    /// The items of its gray branch on top of its release, without some keys.
    Branch { branch: &'a Resource, without: &'a [String] },
}

impl ToPublish<'_> {
    /// The content that clients would receive, with the turn to read it.
    pub(super) async fn content(
        self,
        reading: &ContentRead,
        portal: &Portal,
        environment: &Environment,
        place: &Resource,
    ) -> Result<(Configurations, ReadTurn)> {
        let place = place.clone();
        let branch = match self {
            Self::Namespace => None,
            Self::Branch { branch, .. } => Some(branch.clone()),
        };
        let read = reading.of(portal, environment.clone(), |environment| async move {
            match branch {
                None => entries(&environment, &place).await,
                Some(branch) => on_top(&environment, &place, &branch).await,
            }
        });
        let (mut content, turn) = read.await?;
        if let Self::Branch { without, .. } = self {
            content.retain(|key, _| !without.contains(key));
        }
        Ok((content, turn))
    }
}

/// The items of a branch on top of the release of its namespace. The items are read last, because
/// the publish is based on the last revision that was read.
async fn on_top(
    environment: &Environment,
    place: &Resource,
    branch: &Resource,
) -> Result<Configurations> {
    let below = released(environment, place).await?;
    Ok(configurations::overlay(&below, entries(environment, branch).await?))
}

async fn entries(environment: &Environment, place: &Resource) -> Result<Configurations> {
    let lines = draft(environment, place).await?.into_iter();
    Ok(configurations::of_items(lines.map(|line| (line.key, line.value))))
}

/// Publishes by a form of the admin API.
pub(in super::super) async fn publish<T: DeserializeOwned>(
    portal: &Portal,
    caller: &Caller,
    environment: &Environment,
    place: &Resource,
    published: ToPublish<'_>,
    address: Address,
    fields: &[(&str, &str)],
) -> Result<T> {
    let Some(mut schema) = Schema::of(portal, environment, place).await? else {
        return environment.submit(address, fields).await;
    };
    let reading = ContentRead::for_change(caller);
    let mut attempt = 0;
    loop {
        attempt += 1;
        let checking = Checking::to_publish(caller.identity.unique_name()).await?;
        let (content, turn) = published.content(&reading, portal, environment, place).await?;
        schema.check(portal, &checking, content).await?;
        drop((turn, checking));
        match environment.submit_on_last_read(address.clone(), fields).await {
            Err(error) if is_retried(&error, attempt).await => {}
            made => return made,
        }
    }
}
