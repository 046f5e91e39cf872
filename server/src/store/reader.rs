//! The handle for reads: refuses to write, and asks again when a pooled connection turns out to be dead.
//! Knows no table.

use std::pin::Pin;

use sea_orm::entity::prelude::async_trait;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, Statement,
    StreamTrait,
};

use crate::store::error::is_dead_connection;
use crate::store::pulse::Pulse;

/// Runs queries on any connection of the pool, each in its own transaction.
#[derive(Clone, Debug)]
pub struct Reader {
    db: DatabaseConnection,
    /// As many connections of the pool may be dead.
    pooled: u32,
    pulse: Pulse,
}

impl Reader {
    pub(super) fn new(db: DatabaseConnection, pooled: u32, pulse: Pulse) -> Self {
        Self { db, pooled, pulse }
    }

    async fn one(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        for _ in 0..self.pooled {
            match self.db.query_one_raw(statement.clone()).await {
                Err(error) if is_dead_connection(&error) => {}
                answer => return answer,
            }
        }
        self.db.query_one_raw(statement).await
    }

    async fn all(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        for _ in 0..self.pooled {
            match self.db.query_all_raw(statement.clone()).await {
                Err(error) if is_dead_connection(&error) => {}
                answer => return answer,
            }
        }
        self.db.query_all_raw(statement).await
    }

    pub(super) async fn close(&self) -> Result<(), DbErr> {
        self.db.close_by_ref().await
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Reader {
    fn get_database_backend(&self) -> DbBackend {
        self.db.get_database_backend()
    }

    async fn execute_raw(&self, _statement: Statement) -> Result<ExecResult, DbErr> {
        Err(refusal())
    }

    async fn execute_unprepared(&self, _sql: &str) -> Result<ExecResult, DbErr> {
        Err(refusal())
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        check(&statement)?;
        self.pulse.watch(Pulse::deadline(), self.one(statement)).await?
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        check(&statement)?;
        self.pulse.watch(Pulse::deadline(), self.all(statement)).await?
    }
}

impl StreamTrait for Reader {
    type Stream<'a> = <DatabaseConnection as StreamTrait>::Stream<'a>;

    fn get_database_backend(&self) -> DbBackend {
        self.db.get_database_backend()
    }

    fn stream_raw<'a>(
        &'a self,
        statement: Statement,
    ) -> Pin<Box<dyn Future<Output = Result<Self::Stream<'a>, DbErr>> + 'a + Send>> {
        self.db.stream_raw(statement)
    }
}

/// An insert that returns its id is a query to the driver, hence the look at the text.
fn check(statement: &Statement) -> Result<(), DbErr> {
    if statement.sql.starts_with("SELECT") { Ok(()) } else { Err(refusal()) }
}

fn refusal() -> DbErr {
    DbErr::Custom("the handle for reads does not write; use Store::write".into())
}
