//! Constraints of the tables, checked before the database is used, so that every engine rejects the
//! same input with a message that names the column: absent values, texts that are too long, names
//! with other characters. Knows no table.

use castalia_core::protocol::namespace::is_valid_name;
use castalia_store::Authorship;
use chrono::{DateTime, Utc};

use crate::error::{Code, Error, Result};

/// Widths of the columns, in characters.
pub const APP_ID: usize = 64;
pub const NAME: usize = 32;
pub const OPERATOR: usize = 64;
pub const RELEASE_KEY: usize = 64;

/// The rule of names, in the text that callers of Apollo know.
pub const NAME_RULE: &str = "Only digits, alphabets and symbol - _ . (except single .) are allowed";

/// Author and times of a row, as far as a request states them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Author {
    /// User who created it.
    pub created_by: Option<String>,
    /// User who changed it last.
    pub last_modified_by: Option<String>,
    /// Time of creation; `None` for now.
    pub created_time: Option<DateTime<Utc>>,
    /// Time of the last change; `None` for now.
    pub last_time: Option<DateTime<Utc>>,
}

impl Author {
    /// The same operator for creation and last change.
    #[must_use]
    pub fn of(operator: &str) -> Self {
        Self {
            created_by: Some(operator.to_owned()),
            last_modified_by: Some(operator.to_owned()),
            ..Self::default()
        }
    }

    /// User who changed the row last, checked against the width of the column.
    ///
    /// # Errors
    /// Fails if the name is too long.
    pub fn editor(&self) -> Result<Option<&str>> {
        let editor = self.last_modified_by.as_deref();
        check_width(editor.unwrap_or_default(), "DataChange_LastModifiedBy", OPERATOR)?;
        Ok(editor)
    }

    /// The values for a new row.
    ///
    /// # Errors
    /// Fails if no creator is named, or if a name is too long.
    pub fn checked(&self) -> Result<Authorship> {
        Ok(Authorship {
            created_by: fitting(self.created_by.as_deref(), "DataChange_CreatedBy", OPERATOR)?,
            last_modified_by: self.editor()?.map(str::to_owned),
            created_time: self.created_time,
            last_time: self.last_time,
        })
    }
}

/// The value of a column that must not be null.
///
/// # Errors
/// Fails if it is absent: Apollo's database refuses such a row, which clients see as status 500.
pub fn present<T>(value: Option<T>, column: &str) -> Result<T> {
    value.ok_or_else(|| {
        Error::service(format!("Column '{column}' cannot be null")).with_code(Code::Constraint)
    })
}

/// The text of a column that must not be null, checked against its width.
///
/// # Errors
/// Fails if it is absent or too long.
pub fn fitting(text: Option<&str>, column: &str, width: usize) -> Result<String> {
    let text = present(text, column)?;
    check_width(text, column, width)?;
    Ok(text.to_owned())
}

/// Rejects a text that exceeds its column.
///
/// # Errors
/// Fails if it is too long.
pub fn check_width(text: &str, column: &str, width: usize) -> Result<()> {
    // Bytes are compared first, so that characters are counted for long texts only.
    if text.len() > width && text.chars().count() > width {
        let message = format!("Data too long for column '{column}': at most {width} characters");
        return Err(Error::service(message).with_code(Code::Constraint));
    }
    Ok(())
}

/// Rejects members of a body that exceed their limits: member, text, limit in characters. Unlike a
/// column that is too narrow, which Apollo reports with status 500, this is the caller's mistake.
///
/// # Errors
/// Names the first one that is too long, with its limit and its length.
pub fn check_members<'a>(
    members: impl IntoIterator<Item = (&'a str, Option<&'a str>, usize)>,
) -> Result<()> {
    for (member, text, limit) in members {
        let text = text.unwrap_or_default();
        let length = if text.len() > limit { text.chars().count() } else { 0 };
        if length > limit {
            let message = format!("{member} is longer than {limit} characters: it has {length}");
            return Err(Error::bad_request(message).with_code(Code::TooLong));
        }
    }
    Ok(())
}

/// Whether a row can have this name: it follows the grammar and fits into its column. Names from
/// clients are checked before they reach a cache or the database.
#[must_use]
pub fn can_be_stored(name: &str, width: usize) -> bool {
    // The grammar allows ASCII characters only, so bytes are characters.
    name.len() <= width && is_valid_name(name)
}

/// Checks a name against the grammar; `kind` starts the message. An absent name passes, because the
/// column rejects it later.
///
/// # Errors
/// Fails if the name has other characters.
pub fn check_name(name: Option<&str>, kind: &str) -> Result<()> {
    match name {
        Some(name) if !is_valid_name(name) => {
            Err(Error::bad_request(format!("Invalid {kind} format: {NAME_RULE}"))
                .with_code(Code::InvalidName))
        }
        _ => Ok(()),
    }
}

/// The violations of a new row, in one text in the format of Apollo's validator.
#[derive(Debug, Default)]
pub struct Violations(Vec<String>);

impl Violations {
    /// Requires a text that is not blank.
    pub fn not_blank(&mut self, text: Option<&str>, property: &str) {
        if text.is_none_or(|text| text.trim().is_empty()) {
            self.0.push(format!("{property} cannot be blank"));
        }
    }

    /// Requires a name of a definition that follows the grammar.
    pub fn app_namespace_name(&mut self, name: Option<&str>) {
        if name.is_some_and(|name| !is_valid_name(name)) {
            let suffixes = "not allowed to end with .json, .yml, .yaml, .xml, .properties";
            self.0.push(format!("Invalid Namespace format: {NAME_RULE} & {suffixes}"));
        }
    }

    /// Fails if there are violations.
    ///
    /// # Errors
    /// Returns a bad request that lists all of them.
    pub fn check(self, entity: &str) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let list = self.0.join(", ");
        Err(Error::bad_request(format!("Validation failed for {entity}: {list}"))
            .with_code(Code::Constraint))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_count_characters() {
        assert!(check_width(&"中".repeat(32), "Name", NAME).is_ok());
        assert!(check_width(&"a".repeat(33), "Name", NAME).is_err());
    }

    #[test]
    fn a_member_that_is_too_long_is_named_with_its_limit_and_its_length() {
        let name = "中".repeat(33);
        let check = |limit| check_members([("absent", None, 0), ("name", Some(&*name), limit)]);
        assert!(check(33).is_ok());
        let error = check(32).unwrap_err();
        assert_eq!(error.message(), "name is longer than 32 characters: it has 33");
        assert_eq!(error.code(), Code::TooLong);
    }

    #[test]
    fn a_name_that_no_row_can_have_is_recognized() {
        assert!(can_be_stored(&"a".repeat(32), NAME) && can_be_stored("a.b-C_1", NAME));
        for name in [&"a".repeat(33), "", ".a", "a b", "生产", "a+b", "a\0"] {
            assert!(!can_be_stored(name, NAME), "{name:?}");
        }
    }

    #[test]
    fn names_follow_the_grammar_and_absent_ones_pass() {
        for good in [Some("a"), Some("a.json"), Some("-_1"), None] {
            assert!(check_name(good, "AppId").is_ok(), "{good:?}");
        }
        for bad in ["", ".a", "bad id", "a/b"] {
            let error = check_name(Some(bad), "AppId").unwrap_err();
            assert!(error.message().starts_with("Invalid AppId format: Only digits"), "{error}");
        }
    }
}
