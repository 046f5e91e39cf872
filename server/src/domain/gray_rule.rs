//! Gray rules: which clients receive the release of a branch. A row is never changed: each change
//! inserts a new row and hides the previous one. `gray.rs` matches rules with clients.

pub use crate::feed::cache::GrayRule;

use castalia_store::release::{GrayReleaseRule, GrayReleaseRuleRow, insert_rule, insert_rules};
use castalia_store::{Authorship, Id, Store, Transaction};
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::audit::Trail;
use super::branch::{self, BranchStatus};
use super::constraint::{self, Author, check_width, fitting};
use super::history::{self, Context, HistoryEntry, ReleaseOperation};
use super::namespace::NamespaceKey;
use super::revision::{Base, Replaced, Revision, Transition};
use crate::error::{Error, Result};
use crate::json;

/// Maximum length of the text, in characters: the width of the column.
pub const RULES: usize = 16_000;
/// Maximum number of rows that are searched for audiences, and of audiences in a list.
const MOST_RULES: u64 = 500;
const MOST_AUDIENCES: usize = 50;
/// Stored rules of a branch that is no longer active.
const NONE: &str = "[]";

/// A request to change rules.
#[derive(Debug, Clone, Default)]
pub struct NewRules {
    /// App that the branch belongs to.
    pub app_id: Option<String>,
    /// Parent cluster.
    pub cluster: Option<String>,
    /// Namespace.
    pub namespace: Option<String>,
    /// Branch.
    pub branch: Option<String>,
    /// Lines of the rule.
    pub rules: Option<Vec<GrayRule>>,
    /// Author of the request.
    pub author: Author,
    /// Revision of the rules that the request is based on.
    pub base: Base,
}

/// Checks that the column has room for rules.
///
/// # Errors
/// Fails if they are too long.
pub fn check_length(rules: &[GrayRule]) -> Result<()> {
    column_text(&rules).map(drop)
}

fn column_text(rules: &impl Serialize) -> Result<String> {
    let text = json::write(rules)?;
    check_width(&text, "Rules", RULES)?;
    Ok(text)
}

impl NewRules {
    fn row(&self, release_id: Id) -> Result<GrayReleaseRuleRow> {
        let text = column_text(&self.rules)?;
        let namespace_name = fitting(self.namespace.as_deref(), "NamespaceName", constraint::NAME);
        Ok(GrayReleaseRuleRow {
            app_id: fitting(self.app_id.as_deref(), "AppId", constraint::APP_ID)?,
            cluster_name: fitting(self.cluster.as_deref(), "ClusterName", constraint::NAME)?,
            namespace_name: namespace_name?,
            branch_name: fitting(self.branch.as_deref(), "BranchName", constraint::NAME)?,
            rules: Some(text),
            release_id,
            branch_status: Some(BranchStatus::Active.code()),
        })
    }
}

/// The current rules of a branch, or the last ones of an inactive branch.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Parent namespace.
    pub key: NamespaceKey,
    /// Branch.
    pub branch: String,
    /// Lines of the rule.
    pub rules: Vec<GrayRule>,
    /// Release that matching clients receive.
    pub release_id: i64,
}

/// The newest rules of a branch, whatever its state.
///
/// # Errors
/// Fails if there is no such branch.
pub async fn find(store: &Store, key: &NamespaceKey, branch: &str) -> Result<Option<Rules>> {
    let (db, NamespaceKey { app_id, cluster, namespace }) = (store.read(), key);
    branch::require(db, key, branch).await?;
    let row = castalia_store::release::latest_rule(db, app_id, cluster, namespace, branch).await?;
    row.map(|row| {
        let lines = parse(&row)?.unwrap_or_default();
        Ok(Rules::of(row, lines))
    })
    .transpose()
}

impl Rules {
    fn of(row: GrayReleaseRule, rules: Vec<GrayRule>) -> Self {
        Self {
            rules,
            key: NamespaceKey::new(&row.app_id, &row.cluster_name, &row.namespace_name),
            release_id: row.release_id.0,
            branch: row.branch_name,
        }
    }
}

/// The revision of rules, or of their absence.
///
/// # Errors
/// Fails if the rules cannot be written as JSON.
pub fn revision(rules: Option<&[GrayRule]>) -> Result<Revision> {
    Ok(Revision::of_texts([text_of(rules)?.as_deref()]))
}

fn text_of(rules: Option<&[GrayRule]>) -> Result<Option<String>> {
    rules.map(json::write).transpose()
}

/// The clients of an earlier or present gray release, with the author of the rules.
#[derive(Debug, Clone)]
pub struct Audience {
    /// Where these clients were chosen last.
    pub rules: Rules,
    /// Who stored the rules, or published to these clients.
    pub author: String,
    /// When.
    pub time: DateTime<Utc>,
}

/// The audiences of an app, each once, the one that was used last first. Rules of an app of the
/// same name that was deleted are not among them.
///
/// # Errors
/// Fails if the database cannot be read.
pub async fn audiences(store: &Store, app_id: &str) -> Result<Vec<Audience>> {
    let db = store.read();
    let Some(app) = castalia_store::app::by_app_id(db, app_id).await? else {
        return Ok(Vec::new());
    };
    let rows = castalia_store::release::newest_rules_of_app(db, app_id, MOST_RULES).await?;
    let mut found: Vec<Audience> = Vec::new();
    for row in rows {
        let lines = parse(&row).ok().flatten().unwrap_or_default();
        let is_new = || found.iter().all(|known| known.rules.rules != lines);
        if row.app_id == app_id
            && *row.data_change_created_time >= *app.data_change_created_time
            && lines.iter().any(GrayRule::names_clients)
            && is_new()
        {
            let (author, time) =
                (row.data_change_created_by.clone(), *row.data_change_created_time);
            found.push(Audience { rules: Rules::of(row, lines), author, time });
        }
    }
    found.truncate(MOST_AUDIENCES);
    Ok(found)
}

/// Replaces the rules of a branch.
///
/// # Errors
/// Fails if there is no such branch, or if the request is based on another revision.
pub async fn update(
    store: &Store,
    key: &NamespaceKey,
    branch: &str,
    new: NewRules,
) -> Result<Transition> {
    let input = (key.clone(), branch.to_owned(), new);
    store.write(input, |tx, (key, branch, new)| Box::pin(update_in(tx, key, branch, new))).await
}

async fn update_in(
    tx: &Transaction,
    key: &NamespaceKey,
    branch: &str,
    new: &NewRules,
) -> Result<Transition> {
    let (key, branch) = &branch::require_locked(tx, key, branch).await?;
    let transition = transition(tx, key, branch, new).await?;
    let release_id = branch::latest_id(tx, key, branch).await?;
    // The names of the path in their stored spelling: an engine that ignores case finds others too,
    // but the feed does not.
    let row = GrayReleaseRuleRow {
        app_id: key.app_id.clone(),
        cluster_name: key.cluster.clone(),
        namespace_name: key.namespace.clone(),
        branch_name: branch.clone(),
        ..new.row(release_id)?
    };
    let author = new.author.checked()?;
    let operator =
        constraint::present(new.author.last_modified_by.clone(), "DataChange_CreatedBy")?;
    let old = replace(tx, key, branch, row, author).await?;
    let context = Context {
        old_rules: old.as_ref().and_then(|old| parse(old).ok()).flatten(),
        rules: new.rules.clone(),
        ..Context::default()
    };
    let entry = HistoryEntry {
        key,
        branch,
        release_id,
        previous_release_id: release_id,
        operation: ReleaseOperation::RulesChanged,
        context,
    };
    let mut trail = Trail::of(Some(&operator));
    history::record(tx, entry, &operator, &mut trail).await?;
    trail.write(tx).await?;
    castalia_store::message::insert(tx, &key.watch_key()).await?;
    Ok(transition)
}

/// Rejects a change that is based on another revision of the rules. Those that cannot be decoded
/// are like absent ones.
async fn transition(
    tx: &Transaction,
    NamespaceKey { app_id, cluster, namespace }: &NamespaceKey,
    branch: &str,
    new: &NewRules,
) -> Result<Transition> {
    let old = castalia_store::release::latest_rule(tx, app_id, cluster, namespace, branch).await;
    let old = match old.map_err(Error::from) {
        Err(error) if error.is_unreadable() => None,
        old => old?,
    };
    let lines = old.as_ref().and_then(|old| parse(old).ok()).flatten();
    let (before, after) = (text_of(lines.as_deref())?, text_of(new.rules.as_deref())?);
    new.base.check_row(&Replaced {
        what: "rules",
        texts: &[("rules", after.as_deref(), before.as_deref())],
        by: old.as_ref().map(|old| old.data_change_created_by.as_str()),
        at: old.as_ref().map(|old| *old.data_change_created_time),
    })?;
    let revision = |text: Option<&str>| Some(Revision::of_texts([text]));
    Ok(Transition { before: revision(before.as_deref()), after: revision(after.as_deref()) })
}

/// The present rules of a branch, if there are any. Rules that cannot be decoded are replaced by
/// those that the history names last.
pub(super) async fn present(
    tx: &Transaction,
    key: &NamespaceKey,
    branch: &str,
) -> Result<Option<RuleText>> {
    let NamespaceKey { app_id, cluster, namespace } = key;
    castalia_store::release::name_rules(tx, (app_id, cluster, namespace), branch).await?;
    let old = castalia_store::release::latest_rule(tx, app_id, cluster, namespace, branch).await;
    match old.map_err(Error::from).and_then(with_lines) {
        Err(error) if error.is_unreadable() => {
            let lines = history::last_rules(tx, key, branch).await?;
            tracing::warn!(app_id, cluster, namespace, branch, %error, is_restored = lines.is_some(),
                "cannot decode a gray release rule; it is replaced with the rules that the release history recorded last, or with \
                 none; check the rules of the branch");
            Ok(Some((Some(json::write(lines.as_deref().unwrap_or_default())?), lines)))
        }
        found => found,
    }
}

/// Updates the rules of a branch, if there are any, to its new release; returns their lines.
pub(super) async fn follow(
    tx: &Transaction,
    key: &NamespaceKey,
    branch: &str,
    present: Option<RuleText>,
    release_id: Id,
    operator: &str,
) -> Result<Option<Vec<GrayRule>>> {
    let Some((text, lines)) = present else { return Ok(None) };
    let row = new_row(key, branch, text, release_id, BranchStatus::Active);
    replace(tx, key, branch, row, Authorship::of(operator)).await?;
    Ok(lines)
}

/// The stored text of a rule, and its lines.
pub(super) type RuleText = (Option<String>, Option<Vec<GrayRule>>);

fn with_lines(rule: Option<GrayReleaseRule>) -> Result<Option<RuleText>> {
    let Some(rule) = rule else { return Ok(None) };
    let lines = parse(&rule)?;
    Ok(Some((rule.rules, lines)))
}

/// Ends the rules of a branch that is no longer active.
pub(super) async fn close(
    tx: &Transaction,
    key: &NamespaceKey,
    branch: &str,
    release_id: Id,
    status: BranchStatus,
    operator: &str,
) -> Result<()> {
    let row = new_row(key, branch, Some(NONE.to_owned()), release_id, status);
    replace(tx, key, branch, row, Authorship::of(operator)).await?;
    Ok(())
}

/// Ends the rules of a branch if they are active; returns whether they were.
pub(super) async fn close_active(
    tx: &Transaction,
    key: &NamespaceKey,
    branch: &str,
    operator: &str,
) -> Result<bool> {
    let NamespaceKey { app_id, cluster, namespace } = key;
    castalia_store::release::name_rules(tx, (app_id, cluster, namespace), branch).await?;
    let newest =
        castalia_store::release::latest_rule_with_any_lines(tx, app_id, cluster, namespace, branch);
    let newest = newest.await?;
    let active = newest.filter(|rule| rule.branch_status == Some(BranchStatus::Active.code()));
    let Some(rule) = active else { return Ok(false) };
    close(tx, key, branch, rule.release_id, BranchStatus::Deleted, operator).await?;
    Ok(true)
}

/// Ends these rules, which were removed together with their namespaces: nodes of Apollo learn of
/// new rows only.
pub(super) async fn close_removed(
    tx: &Transaction,
    rules: &[GrayReleaseRule],
    operator: &str,
) -> Result<()> {
    let ended = |rule: &GrayReleaseRule| {
        let key = NamespaceKey::new(&rule.app_id, &rule.cluster_name, &rule.namespace_name);
        let none = Some(NONE.to_owned());
        new_row(&key, &rule.branch_name, none, rule.release_id, BranchStatus::Deleted)
    };
    Ok(insert_rules(tx, rules.iter().map(ended).collect(), operator).await?)
}

fn new_row(
    key: &NamespaceKey,
    branch: &str,
    rules: Option<String>,
    release_id: Id,
    status: BranchStatus,
) -> GrayReleaseRuleRow {
    GrayReleaseRuleRow {
        app_id: key.app_id.clone(),
        cluster_name: key.cluster.clone(),
        namespace_name: key.namespace.clone(),
        branch_name: branch.to_owned(),
        rules,
        release_id,
        branch_status: Some(status.code()),
    }
}

/// Inserts a row and deletes all earlier ones, of which it returns the newest. Usually there is
/// one; Apollo's nodes leave more if two of them write concurrently.
async fn replace(
    tx: &Transaction,
    key: &NamespaceKey,
    branch: &str,
    row: GrayReleaseRuleRow,
    author: Authorship,
) -> Result<Option<GrayReleaseRule>> {
    let NamespaceKey { app_id, cluster, namespace } = key;
    castalia_store::release::name_rules(tx, (app_id, cluster, namespace), branch).await?;
    let old =
        castalia_store::release::latest_rule_with_any_lines(tx, app_id, cluster, namespace, branch);
    let old = old.await?;
    let new = insert_rule(tx, row, author).await?;
    if old.is_some() {
        let place = (app_id.as_str(), cluster.as_str(), namespace.as_str());
        castalia_store::release::remove_rules_before(tx, place, branch, new.id).await?;
        castalia_store::release::purge_replaced(tx, place, &new).await?;
    }
    Ok(old)
}

/// The lines of a row; `None` for the text `null`, which is stored for a request without rules.
fn parse(row: &GrayReleaseRule) -> Result<Option<Vec<GrayRule>>> {
    serde_json::from_str(row.rules.as_deref().unwrap_or(NONE))
        .map_err(|error| {
            let message = format!(
                "The lines of gray release rule {} are not a JSON array. Set the rules of the branch again.",
                row.id
            );
            Error::unreadable(message).caused_by(error)
        })
}
