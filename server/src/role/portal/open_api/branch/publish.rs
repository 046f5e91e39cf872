//! Publishes a gray branch to its clients, and merges it into the main line.

use axum::extract::{Extension, State};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{BranchName, branch_of};
use crate::domain::configurations::{self, Configurations};
use crate::domain::draft::{DraftChanges, Line, difference, transfer};
use crate::domain::history::ReleaseOperation;
use crate::domain::namespace_schema::Checking;
use crate::domain::permission::requirement::Resource;
use crate::environment::{Address, Environment, revision};
use crate::error::{Code, Error, Result};
use crate::http::request::{Body, Path};
use crate::json::Json;
use crate::role::portal::Portal;
use crate::role::portal::extract::Query;
use crate::role::portal::identity::Caller;
use crate::role::portal::open_api::By;
use crate::role::portal::open_api::content_read::ContentRead;
use crate::role::portal::open_api::draft::{change_sets, draft, is_retried, namespace_id};
use crate::role::portal::open_api::namespace::latest_release;
use crate::role::portal::open_api::release::{CheckedPublication, flag, one};
use crate::role::portal::open_api::schema::publish::{self as schema, Schema, ToPublish};
use crate::wire::admin;
use crate::wire::open_api::{NewGrayDelRelease, NewRelease, Release};

/// What becomes of the branch.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(default, rename_all = "camelCase")]
pub(in super::super) struct BranchEnd {
    /// Whether the branch is deleted.
    #[param(default = true)]
    delete_branch: bool,
    /// Revision of the branch that the merge is based on; that of the main line is in
    /// `Castalia-Revision`.
    #[param(nullable = false)]
    branch_revision: Option<String>,
}

impl Default for BranchEnd {
    fn default() -> Self {
        Self { delete_branch: true, branch_revision: None }
    }
}

/// The same, and the operator.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(default, rename_all = "camelCase")]
pub(in super::super) struct EndBy {
    /// Whether the branch is deleted.
    #[param(default = true)]
    delete_branch: bool,
    /// Revision of the branch that the merge is based on; that of the main line is in
    /// `Castalia-Revision`.
    #[param(nullable = false)]
    branch_revision: Option<String>,
    /// User that a consumer acts for. A signed-in user acts as that user.
    #[param(nullable = false)]
    operator: Option<String>,
}

impl Default for EndBy {
    fn default() -> Self {
        Self { delete_branch: true, branch_revision: None, operator: None }
    }
}

/// Publishes the items of a branch to its clients.
pub(in super::super) async fn publish(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Path(BranchName { branch_name }): Path<BranchName>,
    Query(by): Query<By>,
    Body(new): Body<NewRelease>,
) -> Result<Json<Release>> {
    let publication =
        CheckedPublication::check(&portal, &caller, &place.env, by.operator, new).await?;
    let environment = portal.state.environments.find(&place.env)?;
    let branch = branch_of(&environment, &place, &branch_name).await?;
    let address = Address::in_namespace(&branch, &["releases"]);
    let fields = publication.fields("name");
    let published = ToPublish::Branch { branch: &branch, without: &[] };
    let made = schema::publish(&portal, &caller, &environment, &place, published, address, &fields);
    let announcement = publication.announce(&place, ReleaseOperation::GrayPublish);
    one(&portal, portal.notifying(announcement, made, release_id).await?).await
}

/// The same, without some keys of the main line.
pub(in super::super) async fn publish_without(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Path(BranchName { branch_name }): Path<BranchName>,
    Query(by): Query<By>,
    Body(new): Body<NewGrayDelRelease>,
) -> Result<Json<Release>> {
    let keys = new.gray_del_keys.unwrap_or_default();
    let new = NewRelease {
        release_title: new.release_title,
        release_comment: new.release_comment,
        released_by: new.released_by,
        is_emergency_publish: new.is_emergency_publish,
    };
    let publication =
        CheckedPublication::check(&portal, &caller, &place.env, by.operator, new).await?;
    if keys.is_empty() {
        return Err(Error::bad_request("Params(grayDelKeys) can not be empty")
            .with_code(Code::MissingMember));
    }
    let environment = portal.state.environments.find(&place.env)?;
    let branch = branch_of(&environment, &place, &branch_name).await?;
    let mut fields = publication.fields("releaseName");
    fields.extend(keys.iter().map(|key| ("grayDelKeys", key.as_str())));
    // The admin API splits a single text at its commas.
    if let [key] = keys.as_slice() {
        fields.push(("grayDelKeys", key));
    }
    let address = Address::in_namespace(&branch, &["gray-del-releases"]);
    let published = ToPublish::Branch { branch: &branch, without: &keys };
    let made = schema::publish(&portal, &caller, &environment, &place, published, address, &fields);
    let announcement = publication.announce(&place, ReleaseOperation::GrayPublish);
    one(&portal, portal.notifying(announcement, made, release_id).await?).await
}

/// Merges a branch into the main line, and publishes that.
pub(in super::super) async fn merge(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Path(BranchName { branch_name }): Path<BranchName>,
    Query(end): Query<BranchEnd>,
    Body(new): Body<NewRelease>,
) -> Result<Json<Release>> {
    let publication = CheckedPublication::check(&portal, &caller, &place.env, None, new).await?;
    merged(&portal, &caller, &place, &branch_name, &publication, &end).await
}

/// The same under another path, where the query may name the operator.
pub(in super::super) async fn merge_by(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Path(BranchName { branch_name }): Path<BranchName>,
    Query(EndBy { delete_branch, branch_revision, operator }): Query<EndBy>,
    Body(new): Body<NewRelease>,
) -> Result<Json<Release>> {
    let publication =
        CheckedPublication::check(&portal, &caller, &place.env, operator, new).await?;
    let end = BranchEnd { delete_branch, branch_revision };
    merged(&portal, &caller, &place, &branch_name, &publication, &end).await
}

async fn merged(
    portal: &Portal,
    caller: &Caller,
    place: &Resource,
    branch_name: &str,
    publication: &CheckedPublication,
    end: &BranchEnd,
) -> Result<Json<Release>> {
    let environment = portal.state.environments.find(&place.env)?;
    let branch = branch_of(&environment, place, branch_name).await?;
    let address = |branch_revision: Option<&str>, release_id: i64| {
        let release_id = release_id.to_string();
        let mut fields = vec![
            ("releaseName", &*publication.title),
            ("releaseComment", &publication.comment),
            ("branchName", &branch.cluster),
            ("isEmergencyPublish", flag(publication.is_emergency)),
            ("deleteBranch", flag(end.delete_branch)),
            // Apollo's admin service ignores this and the next one.
            ("releaseId", &release_id),
        ];
        fields.extend(branch_revision.map(|revision| ("branchRevision", revision)));
        Address::in_namespace(place, &["updateAndPublish"]).with(&fields)
    };
    let merging = async {
        let mut schema = Schema::of(portal, &environment, place).await?;
        let reading = ContentRead::for_change(caller);
        let mut attempt = 0;
        loop {
            attempt += 1;
            let checking = match &schema {
                Some(_) => Some(Checking::to_publish(caller.identity.unique_name()).await?),
                None => None,
            };
            let (of, below) = (branch.clone(), place.clone());
            let stated = end.branch_revision.clone();
            let read = reading.of(portal, environment.clone(), |environment| async move {
                merging(&environment, &below, &of, stated.as_deref()).await
            });
            let (Merging { namespace_id, main, release_id, branch_revision, changes }, turn) =
                read.await?;
            if let (Some(schema), Some(checking)) = (&mut schema, &checking) {
                schema.check(portal, checking, content(&main, &changes)).await?;
            }
            drop(checking);
            let body = change_sets(namespace_id, changes, &publication.operator);
            let address = address(branch_revision.as_deref(), release_id);
            let made = environment.create_on_last_read(address, &body).await;
            drop(turn);
            match made {
                Err(error) if is_retried(&error, attempt).await => {}
                made => return made,
            }
        }
    };
    let announcement = publication.announce(place, ReleaseOperation::Merge);
    one(portal, portal.notifying(announcement, merging, release_id).await?).await
}

fn release_id(release: &admin::Release) -> i64 {
    release.id
}

/// The edits of a merge, and the items that they change.
struct Merging {
    namespace_id: i64,
    main: Vec<Line>,
    release_id: i64,
    branch_revision: Option<String>,
    changes: DraftChanges,
}

/// The content of the main line after the edits; a merge deletes nothing.
fn content(main: &[Line], changes: &DraftChanges) -> Configurations {
    let entry = |line: &Line| (line.key.clone(), line.value.clone());
    let base = configurations::of_items(main.iter().map(entry));
    configurations::overlay(&base, changes.update.iter().chain(&changes.create).map(entry))
}

/// The edits that bring the items of the branch into the main line, whose draft must be what is
/// published: a merge would publish its other changes too. The draft is read last, because the
/// change is based on the last revision that was read. A caller who stated another revision of the
/// branch is refused: a later edit of it would be published, or deleted with it.
async fn merging(
    environment: &Environment,
    place: &Resource,
    branch: &Resource,
    stated: Option<&str>,
) -> Result<Merging> {
    let branch_items = draft(environment, branch).await?;
    let branch_revision = revision::shown();
    revision::check("branch", stated, branch_revision.as_deref())?;
    let namespace_id = namespace_id(environment, place).await?;
    let (release_id, released) = latest_release(environment, place).await?;
    let main = draft(environment, place).await?;
    if !difference::is_none(&main, &released) {
        return Err(Error::bad_request(
            "Merge operation failed. Because master has modified items",
        )
        .with_code(Code::MainLineUnpublished));
    }
    let changes = transfer::merge(&main, &branch_items);
    Ok(Merging { namespace_id, main, release_id, branch_revision, changes })
}
