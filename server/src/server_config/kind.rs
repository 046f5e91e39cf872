//! Defines how the text of a ServerConfig key is read: numbers, times, switches, lists. An invalid
//! text, or one out of range, has the effect of an absent one, as in Apollo. No key is named here.

mod object;

use std::ops::RangeInclusive;
use std::time::Duration;

pub use self::object::{ByEnvironment, Overrides};

/// A key of the ServerConfig tables.
#[derive(Debug)]
pub struct Key<K> {
    /// The name as in rows and files; variables spell it in capitals.
    pub name: &'static str,
    /// The table that its row is in.
    pub table: Table,
    /// How its text is read.
    pub kind: K,
    /// Its purpose, as documented.
    pub about: &'static str,
}

/// The database that contains the row of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// ApolloConfigDB, one for each environment.
    Config,
    /// ApolloPortalDB.
    Portal,
}

/// Converts the text of a key to a value.
pub trait ValueKind {
    /// The type of the value.
    type Value;

    /// The value of a text, or the default if the text is absent or invalid.
    fn read(&self, text: Option<String>) -> Self::Value;

    /// The default as an operator would write it; empty if there is none.
    fn default(&self) -> String;

    /// Describes the valid texts.
    fn form(&self) -> String;

    /// What an editor of a value needs to know.
    fn shape(&self) -> Shape;

    /// The parts of a text that have no effect because they are malformed.
    fn malformed(&self, _text: &str) -> Vec<String> {
        Vec::new()
    }

    /// Whether a text as a whole is valid.
    fn is_valid(&self, _text: &str) -> bool {
        true
    }

    /// Whether a text has the effect of an absent one.
    fn is_absent(&self, text: &str) -> bool {
        text.trim().is_empty()
    }

    /// Whether an operator who enters a text means what it does: it has an effect in all its parts,
    /// and not that of another text.
    fn is_plain(&self, text: &str) -> bool {
        self.is_valid(text) && self.malformed(text).is_empty()
    }
}

/// The values of a kind, for programs that present an editor of them.
#[derive(Debug, Clone, Default)]
pub struct Shape {
    /// Name of the kind.
    pub name: &'static str,
    /// Unit of a number.
    pub unit: Option<&'static str>,
    /// Minimum of a number.
    pub minimum: Option<u64>,
    /// Maximum of a number; `None` for Java's greatest `long`.
    pub maximum: Option<u64>,
}

impl Shape {
    fn named(name: &'static str) -> Self {
        Self { name, ..Self::default() }
    }

    fn number(range: &RangeInclusive<u64>, unit: Option<&'static str>) -> Self {
        let maximum = Some(*range.end()).filter(|end| *end != MANY);
        Self { name: "number", unit, minimum: Some(*range.start()), maximum }
    }
}

/// A number.
#[derive(Debug)]
pub struct Count {
    /// Value if the text is absent or invalid.
    pub default: u64,
    /// Texts out of this range are invalid.
    pub range: RangeInclusive<u64>,
}

impl ValueKind for Count {
    type Value = u64;

    fn read(&self, text: Option<String>) -> u64 {
        number(text, &self.range).unwrap_or(self.default)
    }

    fn is_valid(&self, text: &str) -> bool {
        number(Some(text.to_owned()), &self.range).is_some()
    }

    fn default(&self) -> String {
        self.default.to_string()
    }

    fn form(&self) -> String {
        range(&self.range)
    }

    fn shape(&self) -> Shape {
        Shape::number(&self.range, None)
    }
}

/// A number; unlimited if it is not set.
#[derive(Debug)]
pub struct Limit;

impl ValueKind for Limit {
    type Value = Option<u64>;

    fn read(&self, text: Option<String>) -> Option<u64> {
        number(text, &(1..=MANY))
    }

    fn is_valid(&self, text: &str) -> bool {
        number(Some(text.to_owned()), &(1..=MANY)).is_some()
    }

    fn default(&self) -> String {
        String::new()
    }

    fn form(&self) -> String {
        range(&(1..=MANY))
    }

    fn shape(&self) -> Shape {
        Shape::number(&(1..=MANY), None)
    }
}

/// A duration, written as a number of units.
#[derive(Debug)]
pub struct Time {
    /// Unit of the text, the default and the range.
    pub unit: Unit,
    /// Value if the text is absent or invalid.
    pub default: u64,
    /// Texts out of this range are invalid.
    pub range: RangeInclusive<u64>,
}

/// Unit of a [`Time`].
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum Unit {
    Milliseconds,
    Seconds,
    Minutes,
    Hours,
}

impl Unit {
    fn symbol(self) -> &'static str {
        match self {
            Unit::Milliseconds => "ms",
            Unit::Seconds => "s",
            Unit::Minutes => "min",
            Unit::Hours => "h",
        }
    }
}

impl ValueKind for Time {
    type Value = Duration;

    fn read(&self, text: Option<String>) -> Duration {
        let number = number(text, &self.range).unwrap_or(self.default);
        let seconds = |each: u64| Duration::from_secs(number.saturating_mul(each));
        match self.unit {
            Unit::Milliseconds => Duration::from_millis(number),
            Unit::Seconds => seconds(1),
            Unit::Minutes => seconds(60),
            Unit::Hours => seconds(3600),
        }
    }

    fn is_valid(&self, text: &str) -> bool {
        number(Some(text.to_owned()), &self.range).is_some()
    }

    fn default(&self) -> String {
        self.default.to_string()
    }

    fn form(&self) -> String {
        format!("{}, {}", self.unit.symbol(), range(&self.range))
    }

    fn shape(&self) -> Shape {
        Shape::number(&self.range, Some(self.unit.symbol()))
    }
}

/// A switch; only the exact text `true` turns it on, any other text turns it off.
#[derive(Debug)]
pub struct Switch {
    /// Value if the text is absent.
    pub default: bool,
    /// Whether Apollo reads the key through Spring: case makes no difference, and a blank text is
    /// an absent one.
    pub is_of_spring: bool,
}

impl ValueKind for Switch {
    type Value = bool;

    fn read(&self, text: Option<String>) -> bool {
        match text {
            Some(text) if self.is_of_spring && !text.trim().is_empty() => {
                text.trim().eq_ignore_ascii_case("true")
            }
            Some(text) if !self.is_of_spring => text == "true",
            _ => self.default,
        }
    }

    /// A blank text is `false` here, whatever the default is.
    fn is_absent(&self, text: &str) -> bool {
        self.is_of_spring && text.trim().is_empty()
    }

    fn is_plain(&self, text: &str) -> bool {
        let text = if self.is_of_spring { text.trim().to_lowercase() } else { text.to_owned() };
        ["true", "false"].contains(&text.as_str())
    }

    fn default(&self) -> String {
        self.default.to_string()
    }

    fn form(&self) -> String {
        let case = if self.is_of_spring { ", in any case" } else { "" };
        format!("`true` or `false`{case}")
    }

    fn shape(&self) -> Shape {
        Shape::named("switch")
    }
}

/// A text without further interpretation.
#[derive(Debug)]
pub struct Text;

impl ValueKind for Text {
    type Value = Option<String>;

    fn read(&self, text: Option<String>) -> Option<String> {
        text
    }

    fn default(&self) -> String {
        String::new()
    }

    fn form(&self) -> String {
        "text".to_owned()
    }

    fn shape(&self) -> Shape {
        Shape::named("text")
    }
}

/// Texts separated by commas; surrounding blanks and empty entries are dropped.
#[derive(Debug)]
pub struct List;

impl ValueKind for List {
    type Value = Vec<String>;

    fn read(&self, text: Option<String>) -> Vec<String> {
        let text = text.unwrap_or_default();
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    fn default(&self) -> String {
        String::new()
    }

    fn form(&self) -> String {
        "comma-separated list".to_owned()
    }

    fn shape(&self) -> Shape {
        Shape::named("list")
    }
}

/// Java's greatest `long`, which Apollo accepts where it has no other bound.
pub(super) const MANY: u64 = i64::MAX.unsigned_abs();

fn number(text: Option<String>, range: &RangeInclusive<u64>) -> Option<u64> {
    let number = text?.trim().parse().ok()?;
    range.contains(&number).then_some(number)
}

fn range(range: &RangeInclusive<u64>) -> String {
    match (range.start(), *range.end()) {
        (start, MANY) => format!("{start} or more"),
        (start, end) => format!("{start} to {end}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn numbers_out_of_range_fall_back_to_the_default() {
        let count = Count { default: 60, range: 1..=90 };
        let read = ["91", "0", "-5", "x", "", " 5 "].map(|number| count.read(text(number)));
        assert_eq!((read, count.read(None)), ([60, 60, 60, 60, 60, 5], 60));
        assert_eq!(["7", "0", "-1"].map(|number| Limit.read(text(number))), [Some(7), None, None]);
    }

    #[test]
    fn times_have_their_unit_and_no_overflow() {
        let time = |unit| Time { unit, default: 2, range: 1..=MANY };
        assert_eq!(time(Unit::Milliseconds).read(None), Duration::from_millis(2));
        assert_eq!(time(Unit::Seconds).read(text("3")), Duration::from_secs(3));
        assert_eq!(time(Unit::Minutes).read(text("3")), Duration::from_secs(180));
        assert_eq!(time(Unit::Hours).read(text("3")), Duration::from_secs(10_800));
        let most = i64::MAX.to_string();
        assert_eq!(time(Unit::Hours).read(text(&most)), Duration::from_secs(u64::MAX));
    }

    #[test]
    fn only_the_exact_text_turns_a_switch_on() {
        for default in [false, true] {
            let read = [None, text("true"), text("True"), text("1"), text("")]
                .map(|text| Switch { default, is_of_spring: false }.read(text));
            assert_eq!(read, [default, true, false, false, false]);
        }
    }

    #[test]
    fn case_makes_no_difference_to_a_switch_that_apollo_reads_through_spring() {
        for default in [false, true] {
            let read = [None, text(" "), text("TRUE"), text("true"), text("False"), text("1")]
                .map(|text| Switch { default, is_of_spring: true }.read(text));
            assert_eq!(read, [default, default, true, true, false, false]);
        }
    }

    #[test]
    fn lists_drop_blanks_and_what_is_empty() {
        assert_eq!(List.read(text(" a ,, b")), ["a", "b"]);
        assert!(List.read(None).is_empty());
    }
}
