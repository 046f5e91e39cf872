//! Converts a text to the edits that lead to it. Properties are parsed line by line, with comments
//! and blank lines kept as items without a key; other formats are one value.

use std::collections::{HashMap, HashSet};

use castalia_core::protocol::namespace::CONTENT_KEY;

use super::{DraftChanges, Line};
use crate::error::{Code, Error, Result};

/// The edits that make the items equal to a properties text. Keys that the text lacks are deleted;
/// an unchanged line is not touched; a changed one keeps its comment and type.
///
/// # Errors
/// Fails if a line has no `=`, or if a key occurs twice, ignoring case.
pub fn properties(text: &str, draft: &[Line]) -> Result<DraftChanges> {
    let lines: Vec<_> = without_trailing_blanks(text).iter().map(|line| line.trim()).collect();
    let parsed = parse(&lines)?;
    check_unique(&parsed)?;
    let mut old = Old::new(draft);
    let mut changes = DraftChanges::default();
    for (line_num, content) in (1..).zip(parsed) {
        let wanted = match content {
            Content::Pair(key, value) => {
                Line { key: key.to_owned(), value, line_num, ..Line::default() }
            }
            Content::Comment(comment) => {
                Line { comment: comment.to_owned(), line_num, ..Line::default() }
            }
            Content::Blank => Line { line_num, ..Line::default() },
        };
        match old.take(&wanted) {
            None => changes.create.push(wanted),
            Some(found) => {
                let comment =
                    if wanted.key.is_empty() { wanted.comment } else { found.comment.clone() };
                let changed = Line { value: wanted.value, comment, line_num, ..found.clone() };
                if changed != *found {
                    changes.update.push(changed);
                }
            }
        }
    }
    changes.delete = old.rest();
    Ok(changes)
}

/// The edits that make the whole text the value of a namespace that is one document.
#[must_use]
pub fn document(text: &str, draft: &[Line]) -> DraftChanges {
    let mut changes = DraftChanges::default();
    let (content, others): (Vec<_>, Vec<_>) =
        draft.iter().partition(|line| line.key == CONTENT_KEY);
    match content.first() {
        None => changes.create.push(Line {
            key: CONTENT_KEY.to_owned(),
            value: text.to_owned(),
            line_num: 1,
            ..Line::default()
        }),
        Some(found) if found.value != text => {
            changes.update.push(Line { value: text.to_owned(), ..(*found).clone() });
        }
        Some(_) => {}
    }
    changes.delete = others.into_iter().cloned().collect();
    changes
}

enum Content<'t> {
    Pair(&'t str, String),
    Comment(&'t str),
    Blank,
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
        _ if line.starts_with(['#', '!']) => Ok(Content::Comment(line)),
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

/// Items that no line has matched yet, each kind in its order.
struct Old<'d> {
    pairs: HashMap<&'d str, Vec<&'d Line>>,
    comments: Vec<&'d Line>,
    blanks: Vec<&'d Line>,
}

impl<'d> Old<'d> {
    fn new(draft: &'d [Line]) -> Self {
        let mut ordered: Vec<_> = draft.iter().collect();
        // Items are taken from the end, so the first line is sorted last.
        ordered.sort_by_key(|line| std::cmp::Reverse((line.line_num, line.id)));
        let mut old = Self { pairs: HashMap::new(), comments: Vec::new(), blanks: Vec::new() };
        for line in ordered {
            match (line.key.is_empty(), line.comment.is_empty()) {
                (false, _) => old.pairs.entry(&line.key).or_default().push(line),
                (true, false) => old.comments.push(line),
                (true, true) => old.blanks.push(line),
            }
        }
        old
    }

    fn take(&mut self, wanted: &Line) -> Option<&'d Line> {
        match (wanted.key.is_empty(), wanted.comment.is_empty()) {
            (false, _) => self.pairs.get_mut(wanted.key.as_str())?.pop(),
            (true, false) => self.comments.pop(),
            (true, true) => self.blanks.pop(),
        }
    }

    fn rest(self) -> Vec<Line> {
        let pairs = self.pairs.into_values().flatten();
        let mut rest: Vec<_> = pairs.chain(self.comments).chain(self.blanks).cloned().collect();
        rest.sort_by_key(|line| (line.line_num, line.id));
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::super::line;
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
}
