//! Queries: the audit trail. `Audit` names rows that were written; `AuditLog` with its data
//! influences names operations. The selection of recorded operations is not known here. Rows are
//! never hidden, so queries need not filter them.

pub mod seal;
pub(crate) mod trail;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Condition, Expr};
use sea_orm::{
    ActiveValue, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, Set,
};

use crate::Store;
use crate::condition::{chunks, contains_exactly};
use crate::entity::{audit, audit_log, audit_log_data_influence as influence};
use crate::error::StoreError;
use crate::feed::readable;
use crate::number::Id;
use crate::page::{self, Page};
use crate::row;

pub use audit::Model as Audit;
pub use audit_log::Model as AuditLog;
pub use influence::Model as AuditLogDataInfluence;
pub use seal::AuditSeal;
pub use trail::{Trail, replaced};

/// Inserts an operation as large as usual ones, and removes it. A full disk may still have room for
/// a small row of another table.
pub(super) async fn try_write(store: &Store) -> Result<(), StoreError> {
    const FILLER: usize = 200;
    let operation = Operation {
        trace_id: "write.check".to_owned(),
        span_id: "write.check".to_owned(),
        parent_span_id: None,
        operator: "castalia".to_owned(),
        kind: "CREATE",
        name: "write.check".to_owned(),
        description: "-".repeat(FILLER),
    };
    store
        .write(operation, |tx, operation| {
            Box::pin(async move {
                let row = row::insert(tx, operation.clone().into_row(row::now())).await?;
                audit_log::Entity::delete_by_id(row.id).exec(tx).await?;
                Ok::<_, StoreError>(())
            })
        })
        .await
}

/// Rows per statement: their values remain below the limit of every engine.
const BATCH: usize = 500;

/// Records that the operator wrote a row: `operation` is INSERT, UPDATE or DELETE.
pub async fn record(
    db: &impl ConnectionTrait,
    entity: &str,
    id: Option<Id>,
    operation: &str,
    operator: &str,
) -> Result<(), StoreError> {
    let row = audit::ActiveModel {
        entity_name: Set(entity.to_owned()),
        entity_id: Set(id),
        op_name: Set(operation.to_owned()),
        comment: Set(None),
        ..audit::ActiveModel::created_by(operator)
    };
    row::insert(db, row).await?;
    Ok(())
}

/// Id of the newest row; 0 if there is none.
pub async fn max_id(db: &impl ConnectionTrait) -> Result<Id, StoreError> {
    use audit::{Column, Entity};
    let newest = Entity::find().select_only().column(Column::Id).order_by_desc(Column::Id);
    Ok(newest.into_tuple().one(db).await?.unwrap_or_default())
}

/// Rows after `since` that record the deletion of a row of a table.
pub async fn deleted_since(
    db: &impl ConnectionTrait,
    entity: &str,
    since: Id,
) -> Result<Vec<Id>, StoreError> {
    use audit::{Column, Entity};
    let found = Entity::find().select_only().column(Column::Id).filter(Column::Id.gt(since));
    let found = found.filter(Column::EntityName.eq(entity)).filter(Column::OpName.eq("DELETE"));
    Ok(found.into_tuple().all(db).await?)
}

/// A written row, for [`record_all`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub entity: &'static str,
    pub id: Option<Id>,
    /// INSERT, UPDATE or DELETE.
    pub operation: &'static str,
}

/// Records all writes of an operator, in this order and in few statements.
pub async fn record_all(
    db: &impl ConnectionTrait,
    operator: &str,
    entries: &[Entry],
) -> Result<(), StoreError> {
    for chunk in entries.chunks(BATCH) {
        let rows = chunk.iter().map(|entry| audit::ActiveModel {
            entity_name: Set(entry.entity.to_owned()),
            entity_id: Set(entry.id),
            op_name: Set(entry.operation.to_owned()),
            comment: Set(None),
            ..audit::ActiveModel::created_by(operator)
        });
        audit::Entity::insert_many(rows).exec_without_returning(db).await?;
    }
    Ok(())
}

/// An operation, for [`log`].
#[derive(Clone, Debug)]
pub struct Operation {
    pub trace_id: String,
    pub span_id: String,
    pub parent_span_id: Option<String>,
    pub operator: String,
    /// CREATE, UPDATE, DELETE or RPC.
    pub kind: &'static str,
    pub name: String,
    pub description: String,
}

/// A field that an operation changed.
#[derive(Clone, Debug)]
pub struct Influence {
    /// Name of the table.
    pub entity: &'static str,
    /// Id of the row.
    pub id: String,
    pub field: &'static str,
    pub old_value: Option<String>,
    pub new_value: Option<String>,
}

/// Records an operation with the fields that it changed.
pub async fn log(
    db: &impl ConnectionTrait,
    operation: Operation,
    influences: Vec<Influence>,
) -> Result<(), StoreError> {
    let now = row::now();
    let span_id = operation.span_id.clone();
    row::insert(db, operation.into_row(now)).await?;
    log_influences(db, &span_id, influences).await
}

/// Records further fields that an operation changed.
async fn log_influences(
    db: &impl ConnectionTrait,
    span_id: &str,
    influences: Vec<Influence>,
) -> Result<(), StoreError> {
    let now = row::now();
    for chunk in influences.chunks(BATCH) {
        let rows = chunk.iter().map(|influence| influence.clone().into_row(span_id, now));
        influence::Entity::insert_many(rows).exec_without_returning(db).await?;
    }
    Ok(())
}

impl Operation {
    fn into_row(self, now: DateTime<Utc>) -> audit_log::ActiveModel {
        audit_log::ActiveModel {
            id: ActiveValue::NotSet,
            trace_id: Set(self.trace_id),
            span_id: Set(self.span_id),
            parent_span_id: Set(self.parent_span_id),
            follows_from_span_id: Set(None),
            operator: Set(self.operator),
            op_type: Set(self.kind.to_owned()),
            op_name: Set(self.name),
            description: Set(Some(self.description)),
            is_deleted: Set(false),
            deleted_at: Set(0),
            data_change_created_by: Set(None),
            data_change_created_time: Set(now.into()),
            data_change_last_modified_by: Set(None),
            data_change_last_time: Set(Some(now.into())),
        }
    }
}

impl Influence {
    fn into_row(self, span_id: &str, now: DateTime<Utc>) -> influence::ActiveModel {
        influence::ActiveModel {
            id: ActiveValue::NotSet,
            span_id: Set(span_id.to_owned()),
            influence_entity_id: Set(self.id),
            influence_entity_name: Set(self.entity.to_owned()),
            field_name: Set(Some(self.field.to_owned())),
            field_old_value: Set(self.old_value),
            field_new_value: Set(self.new_value),
            is_deleted: Set(false),
            deleted_at: Set(0),
            data_change_created_by: Set(None),
            data_change_created_time: Set(now.into()),
            data_change_last_modified_by: Set(None),
            data_change_last_time: Set(Some(now.into())),
        }
    }
}

/// Operations, newest first.
pub async fn logs(
    db: &impl ConnectionTrait,
    page: &Page,
) -> Result<Vec<audit_log::Model>, StoreError> {
    page::list(db, audit_log::Entity::find().order_by_desc(audit_log::Column::Id), page).await
}

/// The operations of one trace, by id.
pub async fn logs_of_trace(
    db: &impl ConnectionTrait,
    trace_id: &str,
) -> Result<Vec<audit_log::Model>, StoreError> {
    use audit_log::{Column, Entity};
    let logs = Entity::find().filter(Column::TraceId.eq(trace_id)).order_by_asc(Column::Id);
    readable::models(db, logs).await
}

/// What operations are searched by. Whatever is absent or empty accepts all.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// Part of the name, of the type or of the operator.
    pub text: String,
    /// Id of an app that the operation concerns.
    pub app_id: Option<String>,
    pub operator: Option<String>,
    pub name: Option<String>,
    pub from: Option<DateTime<Utc>>,
    pub to: Option<DateTime<Utc>>,
}

impl Search {
    /// Name, operator and time are indexed, and the app in the table of the fields.
    fn condition(&self, db: &impl ConnectionTrait) -> Condition {
        use audit_log::Column;
        let text = (!self.text.is_empty()).then(|| {
            Condition::any()
                .add(contains_exactly(db, Column::OpName, &self.text))
                .add(contains_exactly(db, Column::OpType, &self.text))
                .add(contains_exactly(db, Column::Operator, &self.text))
        });
        let operator = self.operator.as_ref().map(|operator| Column::Operator.eq(operator));
        let name = self.name.as_ref().map(|name| Column::OpName.eq(name));
        let from = self.from.map(|from| Column::DataChangeCreatedTime.gte(from));
        let to = self.to.map(|to| Column::DataChangeCreatedTime.lte(to));
        Condition::all()
            .add_option(text)
            .add_option(self.app_id.as_deref().map(concerns))
            .add_option(operator)
            .add_option(name)
            .add_option(from)
            .add_option(to)
    }
}

/// Whether an operation concerns an app.
fn concerns(app_id: &str) -> Expr {
    use influence::{Column, Entity};
    let spans = Entity::find().select_only().column(Column::SpanId);
    let spans = spans.filter(Column::InfluenceEntityId.eq(trail::id_of_app(app_id)));
    let spans = spans.filter(Column::InfluenceEntityName.eq(trail::RESOURCE));
    audit_log::Column::SpanId.in_subquery(spans.into_query())
}

/// Operations that a search finds, newest first.
pub async fn search_logs(
    db: &impl ConnectionTrait,
    search: &Search,
    page: &Page,
) -> Result<Vec<audit_log::Model>, StoreError> {
    use audit_log::{Column, Entity};
    let found = Entity::find().filter(search.condition(db)).order_by_desc(Column::Id);
    page::list(db, found, page).await
}

/// The changes of one field of one row, newest first.
pub async fn influences_on_field(
    db: &impl ConnectionTrait,
    entity: &str,
    id: &str,
    field: &str,
    page: &Page,
) -> Result<Vec<influence::Model>, StoreError> {
    use influence::{Column, Entity};
    let influences = Entity::find()
        .filter(Column::InfluenceEntityId.eq(id))
        .filter(Column::InfluenceEntityName.eq(entity))
        .filter(Column::FieldName.eq(field))
        .order_by_desc(Column::Id);
    page::list(db, influences, page).await
}

/// The fields that operations changed, by the spans of the operations.
pub async fn influences_of_spans<S: AsRef<str>>(
    db: &impl ConnectionTrait,
    span_ids: &[S],
) -> Result<Vec<influence::Model>, StoreError> {
    use influence::{Column, Entity};
    let span_ids: Vec<&str> = span_ids.iter().map(AsRef::as_ref).collect();
    let mut found = Vec::new();
    for chunk in chunks(&span_ids) {
        let of_spans = Entity::find().filter(Column::SpanId.is_in(chunk));
        found.extend(readable::models(db, of_spans).await?);
    }
    found.sort_by_key(|row| row.id);
    Ok(found)
}
