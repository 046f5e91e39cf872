//! Query: all that a publish reads. On SQLite its statements are sent as one message.

use sea_orm::{ConnectionTrait, DbBackend, QueryResult, QueryTrait, Statement};

use super::family::{own, subquery};
use super::publish_state::{LATEST_RELEASE, PublishState, publish_state, publish_states, select};
use crate::combined::combined;
use crate::error::StoreError;
use crate::item::{self, Content};
use crate::template::Template;

/// A namespace to be published.
#[derive(Clone, Debug)]
pub struct Publishable {
    /// The namespaces with its name in all clusters and branches of the app, as
    /// [`publish_states`] returns them.
    pub namesakes: Vec<PublishState>,
    /// What is published of it. `None` if not exactly one of the namesakes has the name of its
    /// cluster: some engines treat names as equal that differ in case.
    pub content: Option<Content>,
}

/// The namespace with these names.
pub async fn publishable(
    db: &impl ConnectionTrait,
    app_id: &str,
    cluster: &str,
    namespace: &str,
) -> Result<Publishable, StoreError> {
    if db.get_database_backend() == DbBackend::Sqlite {
        return at_once(db, app_id, cluster, namespace).await;
    }
    let namesakes = publish_states(db, app_id, namespace).await?;
    let content = match only(&namesakes, cluster) {
        Some(own) => Some(item::content_to_publish(db, own.namespace.id).await?),
        None => None,
    };
    Ok(Publishable { namesakes, content })
}

static BOTH: Template<3> = Template::new(both);

/// The namesakes, and the items in one row.
fn both(backend: DbBackend, [app_id, cluster, namespace]: [&str; 3]) -> Statement {
    let items = item::in_one_row(subquery(own(app_id, cluster, namespace)));
    combined([select(app_id, namespace).build(backend), items.build(backend)])
}

async fn at_once(
    db: &impl ConnectionTrait,
    app_id: &str,
    cluster: &str,
    namespace: &str,
) -> Result<Publishable, StoreError> {
    let rows = db.query_all_raw(BOTH.with(DbBackend::Sqlite, [app_id, cluster, namespace])).await?;
    let (namesakes, items) = rows.split_at(rows.partition_point(is_of_namespace));
    let namesakes = namesakes.iter().map(publish_state).collect::<Result<Vec<_>, _>>()?;
    let content = match (only(&namesakes, cluster), items.first().and_then(item::intact)) {
        (None, _) => None,
        (Some(_), Some(entries)) => Some(Content { entries, ..Content::default() }),
        (Some(own), None) => Some(item::content_row_by_row(db, own.namespace.id).await?),
    };
    Ok(Publishable { namesakes, content })
}

/// Whether it is a row of the first statement.
fn is_of_namespace(row: &QueryResult) -> bool {
    row.column_names().iter().any(|name| name == LATEST_RELEASE)
}

/// The namesake in this cluster, if there is exactly one.
fn only<'a>(namesakes: &'a [PublishState], cluster: &str) -> Option<&'a PublishState> {
    let mut own = namesakes.iter().filter(|row| row.namespace.cluster_name == cluster);
    own.next().filter(|_| own.next().is_none())
}
