//! The subject and the HTML text of a mail. Placeholders are replaced in one pass, and every value
//! is escaped, so that no value becomes markup or another placeholder.

use chrono::Local;

use crate::domain::draft::difference::ReleaseDifference;
use crate::domain::history::ReleaseOperation;
use crate::wire::open_api::ReleaseHistory;

/// Maximum length of a key or value, in characters, as in Apollo.
const LONGEST: usize = 100;
const TIME: &str = "%Y-%m-%d %H:%M:%S";

const FRAMEWORK: &str = "<html><body><h3>#{releaseTitle} #{emergencyPublish}</h3>\
    <p>App #{appId}, environment #{env}, cluster #{clusterName}, namespace #{namespaceName}<br>\
    Published by #{operator} at #{releaseTime}<br>#{releaseComment}</p>\
    <p>#{apollo.portal.address}</p>#{diffModule}#{rulesModule}</body></html>";
const DIFF: &str = "<h4>Changes</h4><table border=\"1\"><tr><td>Type</td><td>Key</td>\
    <td>Before</td><td>After</td></tr>#{diffContent}</table>";
const RULES: &str = "<h4>Clients of the gray release</h4>#{rulesContent}";
const OF_FILE: &str = "<br><h4>The changes are shown by the portal.</h4>";
const UNKNOWN: &str = "<br><h4>The changes are not listed: the values are too long for a mail, or \
    one of the releases was deleted.</h4>";
const NONE: &str = "<br><h4>No values were changed.</h4>";
const EMERGENCY: &str = "<span style='color:red'>(emergency publish)</span>";

/// Texts of the settings; where one is not set, a text of our own is used.
#[derive(Debug, Default)]
pub(super) struct Templates {
    pub(super) framework: Option<String>,
    pub(super) diff: Option<String>,
    pub(super) rules: Option<String>,
}

/// A changed key.
#[derive(Debug)]
pub(super) struct ChangedKey {
    kind: &'static str,
    key: String,
    old: String,
    new: String,
}

impl ChangedKey {
    pub(super) fn new(key: String, change: ReleaseDifference) -> Self {
        let kind = match (&change.released, &change.drafted) {
            (None, _) => "ADDED",
            (_, None) => "DELETED",
            _ => "MODIFIED",
        };
        let text = Option::unwrap_or_default;
        Self { kind, key, old: text(change.released), new: text(change.drafted) }
    }
}

/// What a mail shows of the values.
#[derive(Debug)]
pub(super) enum Changes {
    Listed(Vec<ChangedKey>),
    /// The namespace is a file, which a table does not show.
    OfFile,
    /// The values are not known: without them, every key would be listed as deleted.
    Unknown,
}

/// What a mail is about.
#[derive(Debug)]
pub(super) struct Mail<'a> {
    pub(super) env: &'a str,
    pub(super) entry: &'a ReleaseHistory,
    pub(super) changes: Changes,
    /// Address of the portal.
    pub(super) portal: String,
}

impl Mail<'_> {
    pub(super) fn subject(&self) -> &'static str {
        match self.entry.operation {
            code if code == ReleaseOperation::Rollback.code().0 => "[Apollo] Rollback",
            code if code == ReleaseOperation::GrayPublish.code().0 => "[Apollo] Gray release",
            code if code == ReleaseOperation::Merge.code().0 => "[Apollo] Full release",
            _ => "[Apollo] Release",
        }
    }

    pub(super) fn render(&self, templates: &Templates) -> String {
        let entry = self.entry;
        let context =
            entry.operation_context.as_ref().and_then(|context| serde_json::to_value(context).ok());
        let context = context.unwrap_or_default();
        let is_emergency = context["isEmergencyPublish"].as_bool().unwrap_or_default();
        let text = |text: &Option<String>| escaped(text.as_deref().unwrap_or_default());
        let time =
            entry.release_time.map(|time| time.with_timezone(&Local).format(TIME).to_string());
        let values = [
            ("emergencyPublish", if is_emergency { EMERGENCY.to_owned() } else { String::new() }),
            ("appId", text(&entry.app_id)),
            ("env", escaped(self.env)),
            ("clusterName", text(&entry.cluster_name)),
            ("namespaceName", text(&entry.namespace_name)),
            ("operator", text(&entry.operator)),
            ("releaseTitle", text(&entry.release_title)),
            ("releaseId", entry.release_id.to_string()),
            ("releaseHistoryId", entry.id.to_string()),
            ("releaseComment", text(&entry.release_comment)),
            ("apollo.portal.address", escaped(&self.portal)),
            ("releaseTime", time.unwrap_or_default()),
            ("diffModule", self.diff_module(templates)),
            ("rulesModule", self.rules_module(templates, &context)),
        ];
        filled(templates.framework.as_deref().unwrap_or(FRAMEWORK), &values)
    }

    fn diff_module(&self, templates: &Templates) -> String {
        let changes = match &self.changes {
            Changes::OfFile => return OF_FILE.to_owned(),
            Changes::Unknown => return UNKNOWN.to_owned(),
            Changes::Listed(changes) if changes.is_empty() => return NONE.to_owned(),
            Changes::Listed(changes) => changes,
        };
        let row = |change: &ChangedKey| {
            format!(
                "<tr><td width=\"10%\">{}</td><td width=\"20%\">{}</td><td width=\"35%\">{}</td>\
                 <td width=\"35%\">{}</td></tr>",
                change.kind,
                cut(&change.key),
                cut(&change.old),
                cut(&change.new)
            )
        };
        let rows: String = changes.iter().map(row).collect();
        filled(templates.diff.as_deref().unwrap_or(DIFF), &[("diffContent", rows)])
    }

    /// The rules, for a gray release only.
    fn rules_module(&self, templates: &Templates, context: &serde_json::Value) -> String {
        if self.entry.operation != ReleaseOperation::GrayPublish.code().0 {
            return String::new();
        }
        let rules = context["rules"].as_array().map(Vec::as_slice).unwrap_or_default();
        if rules.is_empty() {
            return "<br><h4>There are no gray release rules.</h4>".to_owned();
        }
        let line = |rule: &serde_json::Value| {
            let addresses = rule["clientIpList"].as_array().map(Vec::as_slice).unwrap_or_default();
            let addresses: Vec<_> = addresses.iter().filter_map(|ip| ip.as_str()).collect();
            format!(
                "<b>AppId:&nbsp;</b>{}&nbsp;&nbsp; <b>IP:&nbsp;</b>{}<br>",
                escaped(rule["clientAppId"].as_str().unwrap_or_default()),
                escaped(&addresses.join(", "))
            )
        };
        let lines: String = rules.iter().map(line).collect();
        filled(templates.rules.as_deref().unwrap_or(RULES), &[("rulesContent", lines)])
    }
}

/// Replaces the placeholders `#{name}` of known names.
fn filled(template: &str, values: &[(&str, String)]) -> String {
    let mut text = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("#{") {
        text.push_str(before);
        let found = after.split_once('}').and_then(|(name, behind)| {
            let value = values.iter().find(|(known, _)| *known == name)?;
            Some((value.1.as_str(), behind))
        });
        let (value, behind) = found.unwrap_or(("#{", after));
        text.push_str(value);
        rest = behind;
    }
    text + rest
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", escaped(&text[..end])),
        None => escaped(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_neither_markup_nor_placeholders() {
        let values = [("a", escaped("<script>#{b}&\"'")), ("b", "B".to_owned())];
        assert_eq!(
            filled("#{a} #{b} #{c} #{", &values),
            "&lt;script&gt;#{b}&amp;&quot;&#39; B #{c} #{"
        );
    }

    #[test]
    fn a_long_value_is_cut_before_it_is_escaped() {
        assert_eq!(cut(&"<".repeat(101)), format!("{}...", "&lt;".repeat(100)));
        assert_eq!(cut(&"é".repeat(100)), "é".repeat(100));
    }
}
