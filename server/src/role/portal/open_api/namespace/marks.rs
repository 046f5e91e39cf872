//! How the items of a namespace differ from the release that clients receive.

use castalia_core::protocol::wire::Configurations;

use super::content::NamespaceView;
use crate::domain::draft::Line;
use crate::domain::draft::difference::{self, ReleaseDifference};
use crate::role::portal::open_api::draft::line;
use crate::wire::open_api::{Item, ItemExtend};

/// Marks how each item differs from the release, and adds those that are only in the release.
/// Returns the number of differences.
pub(super) fn compare(namespace_id: i64, content: NamespaceView, shown: &mut Vec<Item>) -> i64 {
    let NamespaceView { items, released, deleted, .. } = content;
    let draft: Vec<_> = items.iter().map(line).collect();
    let mut count = 0;
    for (difference, item) in difference::of_lines(&draft, &released).into_iter().zip(&mut *shown) {
        count += i64::from(difference.is_some());
        item.extend_info = Some(Box::new(extend(namespace_id, difference)));
    }
    let deleted: Vec<_> = deleted.iter().map(line).collect();
    for line in difference::missing(&draft, &released, &deleted) {
        count += 1;
        shown.push(gone(namespace_id, line, &released));
    }
    count
}

fn extend(namespace_id: i64, difference: Option<ReleaseDifference>) -> ItemExtend {
    let unchanged = ItemExtend { namespace_id, ..ItemExtend::default() };
    let Some(difference) = difference else { return unchanged };
    ItemExtend {
        is_modified: true,
        is_newly_added: difference.released.is_none(),
        old_value: Some(difference.released.unwrap_or_default()),
        new_value: difference.drafted,
        ..unchanged
    }
}

/// A deleted item that clients still read.
fn gone(namespace_id: i64, line: Line, released: &Configurations) -> Item {
    let old_value = released.get(&line.key).cloned();
    let extend = ItemExtend {
        namespace_id,
        is_modified: true,
        is_deleted: true,
        is_newly_added: false,
        old_value: old_value.clone(),
        new_value: Some(String::new()),
    };
    Item {
        value: old_value,
        r#type: Some(line.kind),
        comment: Some(line.comment),
        line_num: Some(line.line_num),
        key: Some(line.key),
        extend_info: Some(Box::new(extend)),
        ..Item::default()
    }
}
