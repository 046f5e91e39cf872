//! Items of one namespace for others: what they lack, bringing it there, and whether a text is a
//! document of its format.

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::{Extension, State};
use castalia_core::protocol::namespace::Format;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use indexmap::IndexSet;

use crate::domain::constraint::{APP_ID, NAME, check_members};
use crate::domain::draft::{DraftChanges, Line, transfer};
use crate::domain::item::COMMENT;
use crate::domain::item_rules::Leniency;
use crate::domain::page::check_length;
use crate::domain::permission::Action;
use crate::domain::permission::requirement::{Requirement, Resource};
use crate::environment::revision;
use crate::error::{Code, Error, Reaction, Result};
use crate::http::request::{Body, LARGE_BODY};
use crate::http::request_memory::KeptBytes;
use crate::json::Json;
use crate::role::portal::Portal;
use crate::role::portal::access::refusal;
use crate::role::portal::extract::Query;
use crate::role::portal::identity::Caller;
use crate::role::portal::open_api::content_read::ContentRead;
use crate::role::portal::open_api::draft::{change, draft, namespace_id};
use crate::role::portal::open_api::{By, required};
use crate::wire::open_api::{Item, ItemDiff, NamespaceIdentifier, NamespaceSync, NamespaceText};

/// Maximum number of targets of a request.
const TARGETS: usize = 200;
/// Targets of a comparison that are read, or wait for their turn, concurrently.
const CONCURRENT: usize = 4;

/// Lists what other namespaces lack of these items, or have with other values or comments.
pub(in super::super) async fn compare(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    reading: ContentRead,
    Body(sync): Body<NamespaceSync, LARGE_BODY>,
) -> Result<Json<Vec<ItemDiff>>> {
    let (targets, lines) = parsed(&portal, sync)?;
    let mut visible = Vec::with_capacity(targets.len());
    for target in &targets {
        let is_visible = portal.allows(&caller.identity, Requirement::See, target).await?;
        if !is_visible && caller.identity.is_program() {
            return Err(refusal(Requirement::See));
        }
        if is_visible {
            portal.check_missed_deletion_of(target).await?;
        }
        visible.push(is_visible);
    }
    let comparison = Comparison {
        portal: &portal,
        reading: &reading,
        lines: &lines,
        has_one_target: targets.len() == 1,
        bytes: AtomicUsize::new(0),
    };
    let targets = targets.into_iter().zip(visible);
    let diffs: Vec<_> =
        targets.map(|(target, is_visible)| comparison.with(target, is_visible)).collect();
    let diffs: Vec<_> = stream::iter(diffs).buffered(CONCURRENT).try_collect().await?;
    let (diffs, _kept): (_, Vec<_>) = diffs.into_iter().unzip();
    Ok(Json(diffs))
}

/// The items of a comparison, and the length of what other namespaces lack of them: each may lack
/// them all.
struct Comparison<'c> {
    portal: &'c Portal,
    reading: &'c ContentRead,
    lines: &'c [Line],
    has_one_target: bool,
    bytes: AtomicUsize,
}

impl Comparison<'_> {
    /// What a target lacks, and the memory that the caller is charged for.
    async fn with(&self, target: Resource, is_visible: bool) -> Result<(ItemDiff, KeptBytes)> {
        let nothing = |code, message| {
            let diff = diff(&target, DraftChanges::default(), code, Some(message));
            Ok((diff, KeptBytes::default()))
        };
        if !is_visible {
            return nothing(403, "You may not see the values of this namespace".to_owned());
        }
        let environment = self.portal.state.environments.find(&target.env)?;
        let place = target.clone();
        let read = self.reading.of(self.portal, environment, |environment| async move {
            // The items of an unknown namespace are an empty list.
            namespace_id(&environment, &place).await?;
            draft(&environment, &place).await
        });
        match read.await {
            Ok((draft, _turn)) => {
                let kept = self.charge(transfer::length(&draft, self.lines))?;
                Ok((diff(&target, transfer::synchronize(&draft, self.lines), 0, None), kept))
            }
            Err(error) if matches!(error.reaction(), Reaction::NotFound | Reaction::BadRequest) => {
                nothing(404, format!("The cluster has no namespace {}", target.namespace))
            }
            Err(error) => Err(error),
        }
    }

    fn charge(&self, bytes: usize) -> Result<KeptBytes> {
        let all = self.bytes.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if !self.has_one_target {
            check_length(all as u64)?;
        }
        self.reading.keep(bytes)
    }
}

/// Brings items into other namespaces of the same name. Permissions and namespaces are checked for
/// all targets before anything changes.
pub(in super::super) async fn synchronize(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Query(by): Query<By>,
    Body(sync): Body<NamespaceSync, LARGE_BODY>,
) -> Result<()> {
    let (targets, lines) = parsed(&portal, sync)?;
    check_base(&targets)?;
    let is_same =
        |target: &Resource| target.app_id == place.app_id && target.namespace == place.namespace;
    if !targets.iter().all(is_same) {
        let message = "Every target must have the app and the namespace of the path";
        return Err(Error::bad_request(message).with_code(Code::DifferentNamespace));
    }
    for target in &targets {
        portal.check_place(&caller, Requirement::Permission(Action::Modify), target).await?;
    }
    let operator = portal.operator(&caller, by.operator, None).await?;
    for target in &targets {
        namespace_id(&portal.state.environments.find(&target.env)?, target).await?;
    }
    let (mut failed, mut cause) = (Vec::new(), None);
    for target in &targets {
        match bring(&portal, &caller, target, &lines, &operator).await {
            Ok(()) => portal.edited(target, &operator),
            Err(error) => {
                failed.push(format!("{}/{}", target.env, target.cluster));
                cause = Some(error);
            }
        }
    }
    match cause {
        None => Ok(()),
        Some(error) if targets.len() == 1 => Err(error),
        Some(error) => Err(Error::bad_request(format!(
            "synchronize failed for: {} ({}); the other targets have the items",
            failed.join(", "),
            error.message()
        ))
        .with_code(Code::PartlyFailed)),
    }
}

/// A revision is that of one namespace, so it can be the base of a change of one target only.
fn check_base(targets: &[Resource]) -> Result<()> {
    if targets.len() == 1 || revision::base().is_none() {
        return Ok(());
    }
    let message = "Castalia-Revision is the revision of one namespace, and the request has several \
                   targets: send a request for each target with its revision, or omit the header";
    Err(Error::bad_request(message).with_code(Code::InvalidParameter))
}

/// Checks that a text is a document of its format.
pub(in super::super) async fn validate(
    State(portal): State<Portal>,
    Body(text): Body<NamespaceText, LARGE_BODY>,
) -> Result<()> {
    let format = required(text.format, "format")?;
    let format = Format::from_name(&format).ok_or_else(|| {
        Error::bad_request(format!("{format} can not map enum")).with_code(Code::UnknownFormat)
    })?;
    let compat = portal.state.compat;
    let leniency = Leniency {
        duplicate_members: compat.json_duplicate_members,
        broken_documents: compat.accept_broken_documents,
    };
    leniency.check(format, text.config_text.as_deref().unwrap_or_default())
}

async fn bring(
    portal: &Portal,
    caller: &Caller,
    target: &Resource,
    lines: &[Line],
    operator: &str,
) -> Result<()> {
    let edits = |draft: &[Line]| Ok(transfer::synchronize(draft, lines));
    change(portal, caller, target, operator, &edits).await
}

/// The targets, each once, and the items of a request. As with Apollo, a list without items is
/// accepted, and changes nothing.
fn parsed(portal: &Portal, sync: NamespaceSync) -> Result<(Vec<Resource>, Vec<Line>)> {
    let targets = sync.sync_to_namespaces.filter(|targets| !targets.is_empty());
    let (Some(targets), Some(items)) = (targets, sync.sync_items) else {
        return Err(Error::bad_request("Params(syncToNamespaces, syncItems) can not be empty")
            .with_code(Code::MissingMember));
    };
    let target = |target: NamespaceIdentifier| {
        let env = required(target.env, "env")?;
        check_members([
            ("appId", target.app_id.as_deref(), APP_ID),
            ("clusterName", target.cluster_name.as_deref(), NAME),
            ("namespaceName", target.namespace_name.as_deref(), NAME),
        ])?;
        Ok(Resource {
            env: portal.state.environments.find(&env)?.name().to_owned(),
            app_id: required(target.app_id, "appId")?,
            cluster: required(target.cluster_name, "clusterName")?,
            namespace: required(target.namespace_name, "namespaceName")?,
        })
    };
    let line = |item: Item| Line {
        key: item.key.unwrap_or_default(),
        value: item.value.unwrap_or_default(),
        kind: item.r#type.unwrap_or_default(),
        comment: item.comment.unwrap_or_default(),
        ..Line::default()
    };
    for item in &items {
        check_members([("comment", item.comment.as_deref(), COMMENT)])?;
    }
    let targets = targets.into_iter().map(target).collect::<Result<IndexSet<_>>>()?;
    if targets.len() > TARGETS {
        let message = format!("Params(syncToNamespaces) may have {TARGETS} namespaces");
        return Err(Error::bad_request(message).with_code(Code::InvalidParameter));
    }
    Ok((targets.into_iter().collect(), items.into_iter().map(line).collect()))
}

fn diff(target: &Resource, changes: DraftChanges, code: i64, message: Option<String>) -> ItemDiff {
    let items = |lines: Vec<Line>| {
        let item = |line: Line| Item {
            key: Some(line.key),
            value: Some(line.value),
            r#type: Some(line.kind),
            comment: Some(line.comment),
            line_num: Some(line.line_num),
            ..Item::default()
        };
        Some(lines.into_iter().map(item).collect())
    };
    ItemDiff {
        code,
        message,
        namespace: Some(Box::new(NamespaceIdentifier {
            app_id: Some(target.app_id.clone()),
            env: Some(target.env.clone()),
            cluster_name: Some(target.cluster.clone()),
            namespace_name: Some(target.namespace.clone()),
        })),
        create_items: items(changes.create),
        update_items: items(changes.update),
        delete_items: items(changes.delete),
    }
}
