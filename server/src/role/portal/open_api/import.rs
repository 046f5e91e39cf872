//! Imports of what `export` writes, one at a time (`turn`): `plan` checks the whole archive, then
//! `apply` changes, and `undo` takes everything back if it fails. Nothing is published, and no item
//! is ever deleted.

mod apply;
mod collision;
mod creation;
mod failure;
mod limits;
mod plan;
mod progress;
mod target;
mod turn;
mod undo;

use std::io::Read as _;

use axum::extract::{Extension, State};
use castalia_archive::path as archive_path;
use serde::Deserialize;
use utoipa::IntoParams;

use self::apply::{Import, Outcome};
use self::failure::partly_failed;
use self::limits::Trial;
use self::progress::ImportProgress;
use self::turn::ImportTurn;
use self::undo::Undo;
use super::export::{check_cluster, chosen};
use super::upload::UploadedFile;
use crate::archive::{ArchiveLimits, ArchiveReader};
use crate::domain::audit_log::request::{concern_apps, leave_out};
use crate::domain::permission::requirement::{Requirement, Resource};
use crate::error::{Code, Error, Reaction, Result};
use crate::json::Json;
use crate::role::portal::Portal;
use crate::role::portal::extract::Query;
use crate::role::portal::identity::Caller;
use crate::server_config::keys;
use crate::wire::open_api::ImportReport;

/// What happens to a namespace that already has items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OnConflict {
    /// It stays as it is.
    Ignore,
    /// It gets the items of the archive, and keeps its others.
    Cover,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
pub(super) struct Conflict {
    /// `ignore` leaves namespaces with items as they are, `cover` changes them.
    #[serde(default = "ignore")]
    #[param(default = "ignore")]
    conflict_action: String,
    /// Name for the import, chosen by the caller: `job` events with it report the progress.
    #[param(nullable = false)]
    job: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
pub(super) struct Everything {
    /// Environments, separated by commas; entries of others are skipped.
    envs: String,
    /// `ignore` leaves namespaces with items as they are, `cover` changes them.
    #[serde(default = "ignore")]
    #[param(default = "ignore")]
    conflict_action: String,
    /// Name for the import, chosen by the caller: `job` events with it report the progress.
    #[param(nullable = false)]
    job: Option<String>,
}

/// The parameters of a file, which covers what there is, as with Apollo.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConflictOfFile {
    /// `ignore` leaves a namespace with items as it is, `cover` changes it.
    #[serde(default = "cover")]
    #[param(default = "cover")]
    conflict_action: String,
}

fn ignore() -> String {
    "ignore".to_owned()
}

fn cover() -> String {
    "cover".to_owned()
}

/// Imports an archive of everything into some environments.
pub(super) async fn everything(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Query(Everything { envs, conflict_action, job }): Query<Everything>,
    upload: UploadedFile,
) -> Result<Json<ImportReport>> {
    let on_conflict = on_conflict(&conflict_action)?;
    let progress = ImportProgress::new(&portal, &caller, job)?;
    let environments = chosen(&portal, &envs)?;
    let operator = portal.operator(&caller, None, None).await?;
    let turn = ImportTurn::wait(&portal, &operator).await?;
    let archive = ArchiveReader::open(upload.file, limits(&portal)).await?;
    let plan = plan::of_everything(&portal, &caller, &archive, &environments).await?;
    concern_apps(plan.app_ids());
    let (portal, turn, archive, operator) = (&portal, &turn, &archive, &operator);
    let import = Import { portal, turn, archive, on_conflict, operator };
    import.apply(plan, progress).await.map(Json)
}

/// Imports an archive of the cluster of the path.
pub(super) async fn cluster(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Query(Conflict { conflict_action, job }): Query<Conflict>,
    upload: UploadedFile,
) -> Result<Json<ImportReport>> {
    let on_conflict = on_conflict(&conflict_action)?;
    let progress = ImportProgress::new(&portal, &caller, job)?;
    let operator = portal.operator(&caller, None, None).await?;
    check_cluster(&portal.state.environments.find(&place.env)?, &place).await?;
    let turn = ImportTurn::wait(&portal, &operator).await?;
    let archive = ArchiveReader::open(upload.file, limits(&portal)).await?;
    let plan = plan::of_cluster(&portal, &archive, &place).await?;
    let (portal, turn, archive, operator) = (&portal, &turn, &archive, &operator);
    let import = Import { portal, turn, archive, on_conflict, operator };
    import.apply(plan, progress).await.map(Json)
}

/// Imports a file with the items of the namespace of the path.
pub(super) async fn namespace(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Query(ConflictOfFile { conflict_action }): Query<ConflictOfFile>,
    upload: UploadedFile,
) -> Result<()> {
    let on_conflict = on_conflict(&conflict_action)?;
    if upload.length == 0 {
        let message = format!("The file is empty. {}", upload.name);
        return Err(Error::bad_request(message).with_code(Code::InvalidArchive));
    }
    if !archive_path::is_file_name(&upload.name) {
        let message = "The file format is invalid.";
        return Err(Error::bad_request(message).with_code(Code::InvalidArchive));
    }
    let operator = portal.operator(&caller, None, None).await?;
    let limit = limits(&portal).entry;
    if upload.length > limit {
        let message = format!("The file is larger than {limit} bytes.");
        return Err(Error::new(Reaction::TooLarge, message));
    }
    let turn = ImportTurn::wait(&portal, &operator).await?;
    let mut text = String::new();
    (&upload.file).read_to_string(&mut text).map_err(|error| {
        Error::bad_request(format!("The file cannot be read: {error}"))
            .with_code(Code::InvalidArchive)
    })?;
    let lines = plan::checked_lines(&portal, &place, &text).await?;
    let environment = portal.state.environments.find(&place.env)?;
    let trial = Trial { on_conflict, operator: &operator };
    trial.run(&environment, &place, &lines, &mut 0).await?;
    // Who creates a namespace receives every right on it, in all environments.
    let may_create = portal.allows(&caller.identity, Requirement::CreateNamespace, &place).await?;
    let mut undo = Undo::default();
    let brought =
        apply::bring(&portal, &place, &lines, on_conflict, &operator, may_create, &mut undo);
    match brought.await {
        Ok((Outcome::Created | Outcome::Changed, _)) => {
            portal.edited(&place, &operator);
            Ok(())
        }
        Ok((Outcome::Unchanged, _)) => Ok(()),
        Ok((Outcome::Skipped, _)) => {
            leave_out();
            Ok(())
        }
        Err(error) => {
            // Only namespaces: a file creates nothing that has an entry in an archive.
            let kept = undo.run(&portal, &turn, &operator).await.names(&[]);
            if kept.is_empty() {
                return Err(error);
            }
            let Resource { app_id, env, cluster, namespace } = &place;
            tracing::warn!(app_id, env, cluster, namespace, %error, "a file cannot be imported");
            Err(partly_failed(&upload.name, &error, &kept))
        }
    }
}

fn on_conflict(action: &str) -> Result<OnConflict> {
    match action {
        "ignore" => Ok(OnConflict::Ignore),
        "cover" => Ok(OnConflict::Cover),
        _ => {
            Err(Error::bad_request("ConflictAction is incorrect.")
                .with_code(Code::InvalidParameter))
        }
    }
}

fn limits(portal: &Portal) -> ArchiveLimits {
    let config = &portal.state.config;
    ArchiveLimits {
        entries: config.get(&keys::IMPORT_ENTRIES),
        entry: config.get(&keys::IMPORT_ENTRY) << 20,
        total: config.get(&keys::IMPORT_TOTAL) << 20,
    }
}
