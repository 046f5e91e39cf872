//! Parses values as other types, by the rules of the official Java client.

use std::time::Duration;

use super::rules::ReadRules;

/// A type that values can be parsed as.
///
/// ```
/// use castalia_core::{FromValue, InMemory};
///
/// #[derive(Clone)]
/// struct Percent(u8);
///
/// impl FromValue for Percent {
///     const EXPECTED: &'static str = "the value is not a percentage such as 40%";
///
///     fn from_value(text: &str) -> Option<Self> {
///         let number = text.strip_suffix('%')?.parse().ok()?;
///         (number <= 100).then_some(Self(number))
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> castalia_core::Result<()> {
/// let memory = InMemory::new()?;
/// memory.set("application", "load", "40%").await?;
/// let config = memory.client().config("application").await?;
/// assert_eq!(config.get_or("load", Percent(0)).0, 40);
/// # Ok(())
/// # }
/// ```
pub trait FromValue: Clone + Send + Sync + 'static {
    /// Whether parsing takes longer than looking up an earlier result.
    const CACHED: bool = true;
    /// The message of the error for a malformed value.
    const EXPECTED: &'static str;

    /// Parses the text; `None` if it is malformed.
    fn from_value(text: &str) -> Option<Self>;

    /// Parses the text by these rules, which concern dates and booleans.
    fn read(text: &str, _rules: ReadRules) -> Option<Self> {
        Self::from_value(text)
    }
}

macro_rules! integers {
    ($($integer:ty),+) => {$(
        impl FromValue for $integer {
            const CACHED: bool = false;
            const EXPECTED: &'static str =
                concat!("the value is not a whole number in the range of ", stringify!($integer));

            /// An optional sign and ASCII digits: no blanks, no underscores, no hexadecimal.
            fn from_value(text: &str) -> Option<Self> {
                text.parse().ok()
            }
        }
    )+};
}

integers!(i8, i16, i32, i64, u8, u16, u32, u64, usize);

impl FromValue for f64 {
    const EXPECTED: &'static str = "the value is not a number";

    fn from_value(text: &str) -> Option<Self> {
        let text = text.trim_matches(|character| character <= ' ');
        if let Some(number) = hexadecimal(text) {
            return Some(number);
        }
        let number = text.strip_suffix(['f', 'F', 'd', 'D']).unwrap_or(text);
        match number.strip_prefix(['+', '-']).unwrap_or(number) {
            // Only these two words are numbers in Java, and they take no suffix.
            "NaN" if number == text => Some(f64::NAN),
            "Infinity" if number == text => Some(match number.starts_with('-') {
                true => f64::NEG_INFINITY,
                false => f64::INFINITY,
            }),
            digits if digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') => {
                number.parse().ok()
            }
            _ => None,
        }
    }
}

/// A hexadecimal number with a binary exponent, such as `0x1.8p3`, with an optional suffix `f` or
/// `d`.
fn hexadecimal(text: &str) -> Option<f64> {
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    let digits = unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0X"))?;
    let digits = digits.strip_suffix(['f', 'F', 'd', 'D']).unwrap_or(digits);
    let (mantissa, exponent) = digits.split_once(['p', 'P'])?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut number = 0.0;
    for (index, digit) in whole.chars().chain(fraction.chars()).enumerate() {
        let digit = f64::from(digit.to_digit(16)?);
        number = match index < whole.len() {
            true => number * 16.0 + digit,
            false => number + digit / 16f64.powi(i32::try_from(index - whole.len() + 1).ok()?),
        };
    }
    let some = !whole.is_empty() || !fraction.is_empty();
    let exponent: i32 = exponent.parse().ok()?;
    // Zero times a power that is too great would be no number.
    let value = if number > 0.0 { number * 2f64.powi(exponent) } else { number };
    some.then_some(sign * value)
}

impl FromValue for f32 {
    const EXPECTED: &'static str = f64::EXPECTED;

    #[expect(clippy::cast_possible_truncation, reason = "narrowing is what is asked for")]
    fn from_value(text: &str) -> Option<Self> {
        f64::from_value(text).map(|number| number as f32)
    }
}

impl FromValue for bool {
    const CACHED: bool = false;
    const EXPECTED: &'static str = "the value is not a boolean";

    /// `true` in any case is true, and every other text is false.
    fn from_value(text: &str) -> Option<Self> {
        Some(text.eq_ignore_ascii_case("true"))
    }

    fn read(text: &str, rules: ReadRules) -> Option<Self> {
        match rules.strict_booleans {
            true => strict_bool(text),
            false => Self::from_value(text),
        }
    }
}

impl FromValue for String {
    const CACHED: bool = false;
    const EXPECTED: &'static str = "the value is not text";

    fn from_value(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

impl FromValue for Duration {
    const EXPECTED: &'static str = "the value is not a duration such as 2D3H4M5S123MS or 500";

    /// Days, hours, minutes, seconds and milliseconds in this order, each optional, in any case.
    /// A number without a unit is milliseconds.
    fn from_value(text: &str) -> Option<Self> {
        const UNITS: [(&str, u64); 5] =
            [("D", 86_400_000), ("H", 3_600_000), ("M", 60_000), ("S", 1_000), ("MS", 1)];
        let text = text.to_ascii_uppercase();
        let mut rest = text.as_str();
        let mut millis = 0u64;
        let mut units = UNITS.iter();
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (number, tail) = rest.split_at(digits);
            let letters = tail.bytes().take_while(u8::is_ascii_uppercase).count();
            let (unit, tail) = tail.split_at(letters);
            let unit = match (unit, tail) {
                ("", "") => "MS",
                (unit, _) => unit,
            };
            // Searching continues after the previous unit, which enforces the order and rejects a
            // unit that occurs twice.
            let (_, factor) = units.find(|(name, _)| *name == unit)?;
            let part = number.parse::<u64>().ok()?.checked_mul(*factor)?;
            millis = millis.checked_add(part)?;
            rest = tail;
        }
        (!text.is_empty()).then(|| Duration::from_millis(millis))
    }
}

/// One of `true`, `yes`, `on`, `1` and their opposites in any case; `None` for anything else.
fn strict_bool(text: &str) -> Option<bool> {
    let is = |words: [&str; 4]| words.iter().any(|word| text.trim().eq_ignore_ascii_case(word));
    if is(["true", "yes", "on", "1"]) {
        return Some(true);
    }
    is(["false", "no", "off", "0"]).then_some(false)
}

/// Splits a text at a literal delimiter, optionally trimming white space. Empty parts at the end
/// are dropped, and an empty text is one empty part, as in Java's `String.split`.
///
/// ```
/// use castalia_core::format::value::list;
///
/// assert_eq!(list("a, b,,", ",", true), ["a", "b"]);
/// assert_eq!(list("", ",", false), [""]);
/// ```
pub fn list<'a>(text: &'a str, delimiter: &str, trim: bool) -> Vec<&'a str> {
    let trimmed = |part: &'a str| if trim { part.trim() } else { part };
    if text.is_empty() || delimiter.is_empty() {
        return vec![trimmed(text)];
    }
    let mut parts: Vec<_> = text.split(delimiter).map(trimmed).collect();
    while parts.last().is_some_and(|part| part.is_empty()) {
        parts.pop();
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_java_reads_them() {
        // Text, int, long, byte, double.
        let table = [
            ("42", Some(42), Some(42), Some(42), Some(42.0)),
            ("+5", Some(5), Some(5), Some(5), Some(5.0)),
            (" 42", None, None, None, Some(42.0)),
            ("128", Some(128), Some(128), None, Some(128.0)),
            ("2147483648", None, Some(2_147_483_648), None, Some(2_147_483_648.0)),
            ("4_2", None, None, None, None),
            ("0x10", None, None, None, None),
            ("1.5", None, None, None, Some(1.5)),
            ("1e3", None, None, None, Some(1000.0)),
            ("1.5f", None, None, None, Some(1.5)),
            (".5", None, None, None, Some(0.5)),
            ("5.", None, None, None, Some(5.0)),
            ("Infinity", None, None, None, Some(f64::INFINITY)),
            ("1e400", None, None, None, Some(f64::INFINITY)),
            ("", None, None, None, None),
        ];
        for (text, int, long, byte, double) in table {
            assert_eq!(i32::from_value(text), int, "{text}");
            assert_eq!(i64::from_value(text), long, "{text}");
            assert_eq!(i8::from_value(text), byte, "{text}");
            assert_eq!(f64::from_value(text), double, "{text}");
        }
        assert!(f64::from_value("NaN").unwrap().is_nan());
        for text in ["inf", "nan", "infinity", "NaNf", "TRUE", "1e", "f", "--1"] {
            assert_eq!(f64::from_value(text), None, "{text}");
        }
        assert_eq!(f64::from_value("-Infinity"), Some(f64::NEG_INFINITY));
        assert_eq!(f64::from_value("0x1.8p3"), Some(12.0));
        assert_eq!(f64::from_value("0x0p2000"), Some(0.0));
        assert_eq!(f64::from_value("-0XAP-1f"), Some(-5.0));
        assert_eq!(f64::from_value("0xp1"), None);
    }

    #[test]
    fn strict_booleans_are_one_of_eight_words() {
        for (text, expected) in
            [("Yes", Some(true)), (" off ", Some(false)), ("0", Some(false)), ("y", None)]
        {
            assert_eq!(strict_bool(text), expected, "{text}");
        }
    }

    #[test]
    fn only_true_is_true() {
        assert_eq!(bool::from_value("TRUE"), Some(true));
        for text in ["true ", "1", "yes", "", "42"] {
            assert_eq!(bool::from_value(text), Some(false), "{text}");
        }
    }

    #[test]
    fn durations_have_ordered_units() {
        let millis = |text| Duration::from_value(text).map(|d| d.as_millis());
        assert_eq!(millis("25D"), Some(2_160_000_000));
        assert_eq!(millis("2D3H4M5S123MS"), Some(183_845_123));
        assert_eq!(millis("123"), Some(123));
        assert_eq!(millis("5s7"), Some(5007));
        for text in [" 5s", "5x", "9999999999999D", "", "S", "5S5S", "5S5M", "1 D"] {
            assert_eq!(millis(text), None, "{text}");
        }
    }

    #[test]
    fn lists_drop_empty_parts_at_the_end() {
        assert_eq!(list("a,b,,", ",", false), ["a", "b"]);
        assert_eq!(list("", ",", false), [""]);
        assert_eq!(list(",a", ",", false), ["", "a"]);
        assert_eq!(list(" a ,b, ", ",", false), [" a ", "b", " "]);
        assert_eq!(list(" a ,b, , ", ",", true), ["a", "b"]);
    }
}
