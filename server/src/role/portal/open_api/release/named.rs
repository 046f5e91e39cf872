//! Releases whose values do not matter: one that a request names by its id alone, whose namespace
//! has to be known before the permission on it is checked.

use super::load;
use crate::domain::audit_log::request::concern;
use crate::domain::permission::requirement::{Requirement, Resource};
use crate::environment::{Address, Environment};
use crate::error::{Error, Result};
use crate::role::portal::Portal;
use crate::role::portal::identity::Caller;
use crate::role::portal::open_api::content_read::ContentRead;
use crate::wire::admin;

/// The namespace of a release, for a caller with permission on it.
pub(in super::super) async fn permitted(
    reading: &ContentRead,
    portal: &Portal,
    caller: &Caller,
    environment: &Environment,
    id: i64,
    requirement: Requirement,
) -> Result<Resource> {
    let text = id.to_string();
    let address = Address::new(["releases"]).with(&[("releaseIds", &*text), ("onlyKey", "")]);
    let found = without_values(reading, portal, environment, address).await?;
    let release = match found.into_iter().next() {
        Some(release) => release,
        // Its error says whether the release is unknown or cannot be read.
        None => load(environment, id).await?,
    };
    let place = place_of(environment, &release);
    concern(&place);
    portal.check_place(caller, requirement, &place).await?;
    Ok(place)
}

/// The releases at an address that requests them without their values. Apollo's admin service sends
/// the values nevertheless, so that other environments are read in turn.
pub(in super::super) async fn without_values(
    reading: &ContentRead,
    portal: &Portal,
    environment: &Environment,
    address: Address,
) -> Result<Vec<admin::Release>> {
    if environment.is_local() {
        return environment.get(address).await;
    }
    let read = reading.of(portal, environment.clone(), |environment| async move {
        let mut found: Vec<admin::Release> = environment.get(address).await?;
        found.iter_mut().for_each(|release| release.configurations = None);
        Ok::<_, Error>(found)
    });
    let (found, _turn) = read.await?;
    Ok(found)
}

fn place_of(environment: &Environment, release: &admin::Release) -> Resource {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    Resource {
        app_id: text(&release.app_id),
        env: environment.name().to_owned(),
        cluster: text(&release.cluster_name),
        namespace: text(&release.namespace_name),
    }
}
