//! Converts a text to the edits that lead to it. Properties are parsed line by line, with comments
//! and blank lines kept as items without a key; other formats are one value.

use std::collections::HashSet;

use castalia_core::protocol::namespace::CONTENT_KEY;

use super::lines::{self, TargetLine};
use super::{DraftChanges, Line};
use crate::error::{Code, Error, Result};

/// First characters of a comment line.
const COMMENT: [char; 2] = ['#', '!'];

/// The edits that make the items equal to a properties text. Keys that the text lacks are deleted;
/// an unchanged line is not touched; a changed one keeps its comment and type.
///
/// # Errors
/// Fails if a line has no `=`, or if a key occurs twice, ignoring case.
pub fn properties(text: &str, draft: &[Line]) -> Result<DraftChanges> {
    let trimmed: Vec<_> = without_trailing_blanks(text).iter().map(|line| line.trim()).collect();
    let parsed = parse(&trimmed)?;
    check_unique(&parsed)?;
    Ok(lines::changes(parsed.iter().map(TargetLine::from), draft))
}

/// The edits that make the whole text the value of a namespace that is one document.
#[must_use]
pub fn document(text: &str, draft: &[Line]) -> DraftChanges {
    let mut changes = DraftChanges::default();
    // Nodes of Apollo can store the key twice; the last item is the one that is published.
    let published = draft.iter().rfind(|line| line.key == CONTENT_KEY);
    match published {
        None => changes.create.push(Line {
            key: CONTENT_KEY.to_owned(),
            value: text.to_owned(),
            line_num: 1,
            ..Line::default()
        }),
        Some(found) if found.value != text => {
            changes.update.push(Line { value: text.to_owned(), ..found.clone() });
        }
        Some(_) => {}
    }
    let is_other = |line: &&Line| published.is_none_or(|found| found.id != line.id);
    changes.delete = draft.iter().filter(is_other).cloned().collect();
    changes
}

/// Whether a properties text with this line has it as a comment, or as a blank line if it is empty.
#[must_use]
pub fn is_comment(line: &str) -> bool {
    let is_one_line = !line.contains(['\n', '\r']) && line.trim() == line;
    line.is_empty() || (is_one_line && line.starts_with(COMMENT))
}

enum Content<'t> {
    Pair(&'t str, String),
    Comment(&'t str),
    Blank,
}

impl<'c> From<&'c Content<'_>> for TargetLine<'c> {
    fn from(content: &'c Content<'_>) -> Self {
        match content {
            Content::Pair(key, value) => Self { key, value, ..Self::default() },
            Content::Comment(comment) => Self { comment: Some(comment), ..Self::default() },
            Content::Blank => Self::default(),
        }
    }
}

/// Apollo's method of splitting drops blank lines at the end.
fn without_trailing_blanks(text: &str) -> Vec<&str> {
    let mut lines: Vec<_> = text.split('\n').collect();
    while lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    lines
}

fn parse<'t>(lines: &[&'t str]) -> Result<Vec<Content<'t>>> {
    let content = |(number, line): (usize, &&'t str)| match line.split_once('=') {
        _ if line.is_empty() => Ok(Content::Blank),
        _ if line.starts_with(COMMENT) => Ok(Content::Comment(line)),
        // Two characters represent a line end, since a line cannot contain one.
        Some((key, value)) => Ok(Content::Pair(key.trim(), value.trim().replace("\\n", "\n"))),
        None => {
            let message = format!("line:{} key value must separate by '='", number + 1);
            Err(Error::bad_request(message).with_code(Code::LineWithoutSeparator))
        }
    };
    lines.iter().enumerate().map(content).collect()
}

fn check_unique(parsed: &[Content<'_>]) -> Result<()> {
    let mut seen = HashSet::new();
    let mut repeated = Vec::new();
    for content in parsed {
        if let Content::Pair(key, _) = content
            && !seen.insert(key.to_lowercase())
        {
            repeated.push(*key);
        }
    }
    if repeated.is_empty() {
        return Ok(());
    }
    let keys = repeated.join(", ");
    Err(Error::bad_request(format!(
        "Config text has repeated keys: [{keys}], please check your input."
    ))
    .with_code(Code::RepeatedKeys))
}

#[cfg(test)]
mod tests {
    use super::super::{Edits as _, line};
    use super::*;

    fn shown(lines: &[Line]) -> Vec<(i64, &str, &str, &str, i64)> {
        lines
            .iter()
            .map(|l| (l.id, l.key.as_str(), l.value.as_str(), l.comment.as_str(), l.line_num))
            .collect()
    }

    #[test]
    fn comments_and_blank_lines_become_items_without_a_key() {
        let changes = properties("# c\nk1=1\n\nk2=2\n\n", &[]).unwrap();
        assert_eq!(
            shown(&changes.create),
            [
                (0, "", "", "# c", 1),
                (0, "k1", "1", "", 2),
                (0, "", "", "", 3),
                (0, "k2", "2", "", 4)
            ]
        );
    }

    #[test]
    fn only_what_changed_is_touched() {
        let draft = [
            line(1, "a", "1", "about a"),
            line(2, "", "", "# old"),
            line(3, "b", "2", ""),
            line(4, "c", "3", ""),
        ];
        let changes = properties("a=1\n# new\nc=4", &draft).unwrap();
        assert_eq!(shown(&changes.update), [(2, "", "", "# new", 2), (4, "c", "4", "", 3)]);
        assert_eq!(changes.update[1].kind, 1);
        assert_eq!(shown(&changes.delete), [(3, "b", "2", "", 3)]);
        assert!(changes.create.is_empty());
        assert!(
            properties("a=1\n#old\nb=2\nc=3".replace("#old", "# old").as_str(), &draft)
                .unwrap()
                .is_empty()
        );
    }

    #[test]
    fn a_moved_line_is_updated_and_keeps_its_comment() {
        let draft = [line(1, "a", "1", "about a"), line(2, "b", "2", "")];
        let changes = properties("b=2\r\na = 1\r\n", &draft).unwrap();
        assert_eq!(shown(&changes.update), [(2, "b", "2", "", 1), (1, "a", "1", "about a", 2)]);
    }

    #[test]
    fn two_characters_stand_for_a_line_end() {
        assert_eq!(properties("a=x\\ny=z", &[]).unwrap().create[0].value, "x\ny=z");
    }

    #[test]
    fn texts_that_cannot_be_read_name_the_line_or_the_keys() {
        let error = properties("novalue", &[]).unwrap_err();
        assert_eq!(error.message(), "line:1 key value must separate by '='");
        let error = properties("K1=1\nk1=2", &[]).unwrap_err();
        assert!(error.message().contains("repeated keys: [k1]"), "{error}");
    }

    #[test]
    fn a_document_is_one_value() {
        let created = document("a: 1\n", &[]);
        assert_eq!(shown(&created.create), [(0, "content", "a: 1\n", "", 1)]);
        let draft = [line(7, "content", "a: 1\n", "")];
        assert!(document("a: 1\n", &draft).is_empty());
        assert_eq!(shown(&document("a: 2\n", &draft).update), [(7, "content", "a: 2\n", "", 7)]);
    }

    /// X101
    #[test]
    fn of_a_document_that_is_stored_twice_the_published_one_stays() {
        let draft = [line(7, "content", "old", ""), line(9, "content", "published", "")];
        for (text, is_new) in [("new", true), ("published", false)] {
            let changes = document(text, &draft);
            let updated = [(9, "content", text, "", 9)];
            assert_eq!(shown(&changes.update), updated[..usize::from(is_new)]);
            assert_eq!(shown(&changes.delete), [(7, "content", "old", "", 7)]);
            // The deleted one is no difference from what its caller requested.
            let edits = |draft: &[Line]| -> Result<_> { Ok(document(text, draft)) };
            assert_eq!(edits.differences(&draft).len(), usize::from(is_new));
        }
    }
}
