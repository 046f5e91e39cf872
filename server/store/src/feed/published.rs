//! Queries: the published content of namespaces, each in one statement. Several statements could
//! see the state before and after the merge of a branch, and clients of the branch would receive
//! values that neither state contains.

use sea_orm::sea_query::{
    Expr, ExprTrait, Func, Order, Query, SelectStatement, SimpleExpr, UnionType,
};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement};

use super::readable::report;
use crate::entity::{cluster, gray_release_rule, release};
use crate::error::StoreError;
use crate::flag::is_unset;
use crate::number::{Id, Small};
use crate::release::{ACTIVE, INACTIVE};
use crate::template::Template;

use cluster::{Column as Cluster, Entity as Clusters};
use gray_release_rule::{Column as Rule, Entity as Rules};
use release::{Column as Release, Entity as Releases};

/// Columns of a [`ReleaseRow`], and the flags that decide whether it is served.
pub(super) const RELEASE_COLUMNS: [Release; 8] = [
    Release::Id,
    Release::ReleaseKey,
    Release::AppId,
    Release::ClusterName,
    Release::NamespaceName,
    Release::Configurations,
    Release::IsAbandoned,
    Release::IsDeleted,
];
/// Columns of a [`RuleRow`], and those that decide whether it is served.
const RULE_COLUMNS: [Rule; 9] = [
    Rule::Id,
    Rule::BranchName,
    Rule::Rules,
    Rule::AppId,
    Rule::ClusterName,
    Rule::NamespaceName,
    Rule::BranchStatus,
    Rule::ReleaseId,
    Rule::IsDeleted,
];
/// Position of the first column of the release.
const OF_RELEASE: usize = RULE_COLUMNS.len();
/// Alias of the main release in a union.
const MAIN: &str = "main";
/// Alias of a rule that is compared with another one.
const NEWER: &str = "newer";

/// App, cluster and namespace.
type Place<'a> = (&'a str, &'a str, &'a str);

/// A release without author and times: a time that cannot be decoded must not withhold the content.
pub type ReleaseRow = (Id, String, String, String, String, String);

/// A gray rule: id, branch, rules, and its app, cluster and namespace.
pub type RuleRow = (Id, String, Option<String>, String, String, String);

/// The main release of a namespace, or a gray rule with its release.
#[derive(Clone, Debug, Default)]
pub struct PublishedLine {
    /// `None` for the main release.
    pub rule: Option<Readable<RuleRow>>,
    /// Id, release key, app, cluster, namespace and content. `None` if it was abandoned or
    /// deleted.
    pub release: Option<Readable<ReleaseRow>>,
}

/// A row, or the id of one that cannot be decoded. Clients must not be answered as if that one did
/// not exist.
pub type Readable<T> = Result<T, Id>;

/// Ids of everything that is published for a namespace: two reads with the same ids found the same
/// rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fingerprint {
    /// The main release; `None` if there is none.
    pub main: Option<Id>,
    /// The newest active rule.
    pub rule: Option<Id>,
    /// Number of active rules.
    pub rules: i64,
    /// The newest release of these rules.
    pub gray: Option<Id>,
}

/// The newest active release, and the newest rule of each existing branch if that rule is active
/// and has a release, ordered by the ids of the rules.
pub async fn published(
    db: &impl ConnectionTrait,
    place: Place<'_>,
) -> Result<(Vec<PublishedLine>, Fingerprint), StoreError> {
    let names = [place.0, place.1, place.2];
    let found = db.query_all_raw(PUBLISHED.with(db.get_database_backend(), names)).await?;
    let (mut lines, mut fingerprint) = (Vec::new(), Fingerprint::default());
    for row in &found {
        let (rule, release): (Option<Id>, Option<Id>) =
            (row.try_get_by(0)?, row.try_get_by(OF_RELEASE)?);
        fingerprint.add(rule, release);
        lines.push(line(row, rule, release));
    }
    lines.sort_by_key(|line| {
        line.rule.as_ref().map(|rule| rule.as_ref().map_or_else(|id| *id, |rule| rule.0))
    });
    Ok((lines, fingerprint))
}

static PUBLISHED: Template<3> = Template::new(select);

fn select(backend: DbBackend, [app_id, cluster, namespace]: [&str; 3]) -> Statement {
    let place = (app_id, cluster, namespace);
    // A join that matches no rule instead of the literal NULL, which has no type: MySQL would
    // convert the ids to decimals.
    let mut main = Query::select();
    main.columns(RULE_COLUMNS.map(|column| (Rules, column)))
        .columns(RELEASE_COLUMNS.map(|column| (MAIN, column)))
        .from_subquery(main_release(place), MAIN)
        .left_join(Rules, Expr::cust("1 = 0"));
    backend.build(main.union(UnionType::All, gray_releases(backend, place)))
}

impl Fingerprint {
    fn add(&mut self, rule: Option<Id>, release: Option<Id>) {
        if rule.is_none() {
            self.main = release;
        } else {
            self.rule = Ord::max(self.rule, rule);
            self.rules += 1;
            self.gray = Ord::max(self.gray, release);
        }
    }
}

fn line(row: &QueryResult, rule: Option<Id>, release: Option<Id>) -> PublishedLine {
    let unreadable = |table, id| {
        move |error: DbErr| {
            report(table, id, &error);
            id
        }
    };
    let rule = rule.map(|id| rule_row(row, id).map_err(unreadable("GrayReleaseRule", id)));
    let release = release.map(|id| release_row(row, id).map_err(unreadable("Release", id)));
    PublishedLine { rule, release }
}

/// Also decodes what only the query compares: SQLite compares any two values.
fn rule_row(row: &QueryResult, id: Id) -> Result<RuleRow, DbErr> {
    let get = |at: usize| row.try_get_by::<String, _>(at);
    let (status, _, _): (Option<Small>, Id, bool) =
        (row.try_get_by(6)?, row.try_get_by(7)?, row.try_get_by(8)?);
    if status != Some(ACTIVE) {
        return Err(DbErr::Type("BranchStatus is not 0, 1 or 2".to_owned()));
    }
    Ok((id, get(1)?, row.try_get_by(2)?, get(3)?, get(4)?, get(5)?))
}

fn release_row(row: &QueryResult, id: Id) -> Result<ReleaseRow, DbErr> {
    let get = |at: usize| row.try_get_by::<String, _>(OF_RELEASE + at);
    for flag in [6, 7] {
        row.try_get_by::<bool, _>(OF_RELEASE + flag)?;
    }
    Ok((id, get(1)?, get(2)?, get(3)?, get(4)?, get(5)?))
}

/// The fingerprints of several namespaces, in their order, in one statement.
pub async fn fingerprints(
    db: &impl ConnectionTrait,
    places: &[Place<'_>],
) -> Result<Vec<Fingerprint>, StoreError> {
    let backend = db.get_database_backend();
    let mut selects = places.iter().enumerate().map(|(at, place)| of_place(backend, at, *place));
    let Some(mut statement) = selects.next() else { return Ok(Vec::new()) };
    statement.unions(selects.map(|select| (UnionType::All, select)));
    let found = db.query_all_raw(backend.build(&statement)).await?;
    let mut fingerprints = vec![Fingerprint::default(); places.len()];
    for row in found {
        let at: i32 = row.try_get_by(0)?;
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        let Some(fingerprint) = fingerprints.get_mut(at) else { continue };
        *fingerprint = Fingerprint {
            main: row.try_get_by(1)?,
            rule: row.try_get_by(2)?,
            rules: row.try_get_by(3)?,
            gray: row.try_get_by(4)?,
        };
    }
    Ok(fingerprints)
}

fn of_place(backend: DbBackend, at: usize, place: Place<'_>) -> SelectStatement {
    let main = main_release(place).clear_selects().column((Releases, Release::Id)).take();
    let of_rules =
        |expr: SimpleExpr| gray_releases(backend, place).clear_selects().expr(expr).take();
    let rule = Func::max(Expr::col((Rules, Rule::Id)));
    let gray = Func::max(Expr::col((Releases, Release::Id)));
    let mut select = Query::select();
    // The position is written as a literal, because some engines treat an untyped parameter as a
    // text.
    select.expr_as(Expr::cust(at.to_string()), "At");
    let parts = [
        (main, "Main"),
        (of_rules(rule.into()), "Rule"),
        (of_rules(Expr::col((Rules, Rule::Id)).count()), "Rules"),
        (of_rules(gray.into()), "Gray"),
    ];
    for (part, alias) in parts {
        select.expr_as(Expr::SubQuery(None, Box::new(part.into())), alias);
    }
    select.take()
}

/// Sorted with a limit instead of the maximum, because the index contains the ids of a namespace in
/// their order.
fn main_release((app_id, cluster, namespace): Place<'_>) -> SelectStatement {
    Query::select()
        .columns(RELEASE_COLUMNS.map(|column| (Releases, column)))
        .from(Releases)
        .and_where(Expr::col((Releases, Release::AppId)).eq(app_id))
        .and_where(Expr::col((Releases, Release::ClusterName)).eq(cluster))
        .and_where(Expr::col((Releases, Release::NamespaceName)).eq(namespace))
        .and_where(is_unset(Expr::col((Releases, Release::IsAbandoned))))
        .and_where(is_unset(Expr::col((Releases, Release::IsDeleted))))
        .order_by((Releases, Release::Id), Order::Desc)
        .limit(1)
        .take()
}

/// Active rules with their releases. A newer rule of the same branch replaces an older one whatever
/// its status, and a deleted branch has none: two concurrent callers could leave such rules behind.
fn gray_releases(backend: DbBackend, (app_id, cluster, namespace): Place<'_>) -> SelectStatement {
    let is_of_rule = Expr::col((Releases, Release::Id))
        .equals((Rules, Rule::ReleaseId))
        .and(is_unset(Expr::col((Releases, Release::IsAbandoned))))
        .and(is_unset(Expr::col((Releases, Release::IsDeleted))));
    Query::select()
        .columns(RULE_COLUMNS.map(|column| (Rules, column)))
        .columns(RELEASE_COLUMNS.map(|column| (Releases, column)))
        .from(Rules)
        .left_join(Releases, is_of_rule)
        .and_where(Expr::col((Rules, Rule::AppId)).eq(app_id))
        .and_where(Expr::col((Rules, Rule::ClusterName)).eq(cluster))
        .and_where(Expr::col((Rules, Rule::NamespaceName)).eq(namespace))
        .and_where(is_unset(Expr::col((Rules, Rule::IsDeleted))))
        .and_where(is_not_ended())
        .and_where(Expr::col((Rules, Rule::ReleaseId)).ne(Id(0)))
        .and_where(Expr::exists(branch()).or(Expr::cust(nameless(backend))))
        .and_where(Expr::not_exists(newer_rule()))
        .take()
}

/// Whether a branch was neither deleted nor merged. A status that is unknown, such as NULL, does
/// not end it; the rule cannot be decoded.
fn is_not_ended() -> Expr {
    let status = Expr::col((Rules, Rule::BranchStatus));
    status.clone().is_null().or(status.is_not_in(INACTIVE))
}

fn branch() -> SelectStatement {
    Query::select()
        .column((Clusters, Cluster::Id))
        .from(Clusters)
        .and_where(Expr::col((Clusters, Cluster::AppId)).equals((Rules, Rule::AppId)))
        .and_where(Expr::col((Clusters, Cluster::Name)).equals((Rules, Rule::BranchName)))
        .and_where(is_unset(Expr::col((Clusters, Cluster::IsDeleted))))
        .take()
}

/// Whether a rule has no branch only because a name in its row, or in that of the branch, is no
/// text. Such a branch was not deleted. Only SQLite stores such names.
fn nameless(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Sqlite => {
            r#"(typeof("GrayReleaseRule"."BranchName") <> 'text' OR EXISTS (SELECT 1 FROM "Cluster" AS "odd" WHERE
                "odd"."IsDeleted" IS NOT TRUE AND ((typeof("odd"."Name") <> 'text' AND "odd"."AppId" = "GrayReleaseRule"."AppId") OR
                (typeof("odd"."AppId") <> 'text' AND "odd"."Name" = "GrayReleaseRule"."BranchName"))))"#
        }
        _ => "(1 = 0)",
    }
}

fn newer_rule() -> SelectStatement {
    let same = |column: Rule| Expr::col((NEWER, column)).equals((Rules, column));
    Query::select()
        .column((NEWER, Rule::Id))
        .from_as(Rules, NEWER)
        .and_where(same(Rule::AppId))
        .and_where(same(Rule::ClusterName))
        .and_where(same(Rule::NamespaceName))
        .and_where(same(Rule::BranchName))
        .and_where(is_unset(Expr::col((NEWER, Rule::IsDeleted))))
        .and_where(Expr::col((NEWER, Rule::Id)).gt(Expr::col((Rules, Rule::Id))))
        .take()
}
