//! Items and releases of namespaces. Those of a whole cluster are read with one call, unless the
//! environment has Apollo's admin service, which has no such call.

use std::collections::HashMap;

use castalia_core::protocol::wire::Configurations;
use castalia_store::length::LIST;
use futures_util::future::try_join;

use super::{View, released};
use crate::domain::draft::difference;
use crate::domain::page::check_length;
use crate::domain::permission::requirement::Resource;
use crate::environment::{Address, Environment};
use crate::error::{Code, Error, Reaction, Result};
use crate::role::portal::open_api::content_read::length;
use crate::role::portal::open_api::draft::line;
use crate::wire::admin;
use crate::wire::open_api::{Namespace, Release};

/// The content of a namespace, as far as a view shows it.
#[derive(Debug, Clone, Default)]
pub(super) struct NamespaceView {
    /// Items of the draft.
    pub(super) items: Vec<admin::Item>,
    /// The values that clients read.
    pub(super) released: Configurations,
    /// Items that were deleted since, newest first; only if a released key is not in the draft.
    pub(super) deleted: Vec<admin::Item>,
    /// Number of differences of the draft from the release, in place of all these values.
    pub(super) changes: i64,
    /// Whether it has a gray release, and who edits it.
    pub(super) is_gray: Option<bool>,
    pub(super) locked_by: Option<String>,
}

impl NamespaceView {
    /// Without the values, unless the view lists them.
    fn limited_to(self, view: View) -> Self {
        if view.fill_item_detail {
            return self;
        }
        let draft = self.items.iter().map(|item| {
            (item.key.as_deref().unwrap_or_default(), item.value.as_deref().unwrap_or_default())
        });
        let changes = difference::count(draft, &self.released);
        Self {
            changes: i64::try_from(changes).unwrap_or(i64::MAX),
            is_gray: self.is_gray,
            locked_by: self.locked_by,
            ..Self::default()
        }
    }
}

/// The contents of namespaces of one cluster, in their order; `are_all` if it has no others.
pub(super) async fn of_list(
    environment: &Environment,
    namespaces: &[admin::Namespace],
    view: View,
    are_all: bool,
) -> Result<Vec<NamespaceView>> {
    let [first, _, ..] = namespaces else {
        return match namespaces.first() {
            Some(namespace) => Ok(vec![of_one(environment, namespace, view).await?]),
            None => Ok(Vec::new()),
        };
    };
    if !view.reads_values() {
        return Ok(vec![NamespaceView::default(); namespaces.len()]);
    }
    let place = place_of(environment, first);
    // Those that are too long together are counted one by one.
    let is_refused = are_all && view.fill_item_detail;
    if let Some(mut found) = of_cluster(environment, &place, view.extend_info, is_refused).await? {
        let names = namespaces.iter().map(|row| row.namespace_name.as_deref().unwrap_or_default());
        let contents = names.map(|name| found.remove(name).unwrap_or_default());
        return Ok(contents.map(|content| content.limited_to(view)).collect());
    }
    let mut contents: Vec<NamespaceView> = Vec::with_capacity(namespaces.len());
    let (mut drafted, mut released) = (0, 0);
    for namespace in namespaces {
        let content = of_one(environment, namespace, view).await?;
        drafted += length(content.items.iter().map(|item| item.value.as_deref()));
        released += length(content.released.values().map(|value| Some(value.as_str())));
        check_length(drafted.max(released) as u64).map_err(|_| too_long())?;
        contents.push(content);
    }
    Ok(contents)
}

/// The content of one namespace, whatever its length.
pub(super) async fn of_one(
    environment: &Environment,
    namespace: &admin::Namespace,
    view: View,
) -> Result<NamespaceView> {
    if !view.reads_values() {
        return Ok(NamespaceView::default());
    }
    let content = of_namespace(environment, &place_of(environment, namespace), view).await?;
    Ok(content.limited_to(view))
}

/// Length of the values in namespaces, in bytes.
pub(super) fn length_of(shown: &[Namespace]) -> usize {
    let items = shown.iter().flat_map(|namespace| namespace.items.iter().flatten());
    length(items.flat_map(|item| {
        let extend = item.extend_info.as_deref();
        [
            item.value.as_deref(),
            extend.and_then(|extend| extend.old_value.as_deref()),
            extend.and_then(|extend| extend.new_value.as_deref()),
        ]
    }))
}

fn place_of(environment: &Environment, row: &admin::Namespace) -> Resource {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    Resource {
        app_id: text(&row.app_id),
        env: environment.name().to_owned(),
        cluster: text(&row.cluster_name),
        namespace: text(&row.namespace_name),
    }
}

fn too_long() -> Error {
    let message = format!(
        "The items of these namespaces have more than {} MiB together, which is too much for one answer: \
         list the namespaces with fillItemDetail=false, and read them one by one.",
        LIST >> 20
    );
    Error::new(Reaction::TooLarge, message).with_code(Code::AnswerTooLong)
}

/// `None` if the admin service has no such call, or too much for one answer, unless that is refused.
async fn of_cluster(
    environment: &Environment,
    place: &Resource,
    with_releases: bool,
    is_refused: bool,
) -> Result<Option<HashMap<String, NamespaceView>>> {
    let releases = if with_releases { "true" } else { "false" };
    let address = Address::in_cluster(place, &["contents"]).with(&[("releases", releases)]);
    let found: Vec<admin::NamespaceContent> = match environment.get(address).await {
        Err(error) if error.code() == Code::EnvAnswerTooLong => return Ok(None),
        // The admin service has added the lengths.
        Err(error) if error.reaction() == Reaction::TooLarge && is_refused => {
            return Err(too_long());
        }
        // The caller may not see all of them, or their values.
        Err(error) if matches!(error.reaction(), Reaction::NotFound | Reaction::TooLarge) => {
            return Ok(None);
        }
        found => found?,
    };
    let content = |content: admin::NamespaceContent| {
        let released = content.release.map(Release::from);
        let released = released.and_then(|release| release.configurations);
        let released = released.map(|configurations| *configurations).unwrap_or_default();
        let shown = NamespaceView {
            items: content.items,
            released,
            deleted: content.deleted_items,
            is_gray: content.is_gray,
            locked_by: content.locked_by,
            ..NamespaceView::default()
        };
        (content.namespace_name, shown)
    };
    Ok(Some(found.into_iter().map(content).collect()))
}

async fn of_namespace(
    environment: &Environment,
    place: &Resource,
    view: View,
) -> Result<NamespaceView> {
    let mut content = NamespaceView::default();
    if view.extend_info {
        // Before the items, whose answer has the revision.
        let branch = Address::in_namespace(place, &["branches"]);
        let lock = Address::in_namespace(place, &["lock"]);
        let branch = environment.find::<admin::Namespace>(branch);
        let lock = environment.find::<admin::NamespaceLock>(lock);
        let (branch, lock) = try_join(branch, lock).await?;
        content.is_gray = Some(branch.is_some());
        content.locked_by = lock.and_then(|lock| lock.data_change_created_by);
    }
    content.items = environment.get(Address::in_namespace(place, &["items"])).await?;
    if view.extend_info {
        content.released = released(environment, place).await?;
    }
    if view.extend_info && view.fill_item_detail {
        let draft: Vec<_> = content.items.iter().map(line).collect();
        if !difference::missing(&draft, &content.released, &[]).is_empty() {
            let deleted = Address::in_namespace(place, &["items", "deleted"]);
            content.deleted = environment.get(deleted).await?;
        }
    }
    Ok(content)
}
