//! Interprets plain scalars by YAML 1.1, as the text that Java prints for the parsed value.

use serde_json::Value;

/// A scalar, by the kind of key that it makes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum YamlScalar {
    Null,
    Text(String),
    /// A boolean or number, as Java prints it.
    Other(String),
}

impl YamlScalar {
    pub(super) fn text(&self) -> &str {
        match self {
            YamlScalar::Null => "",
            YamlScalar::Text(text) | YamlScalar::Other(text) => text,
        }
    }

    pub(super) fn to_json(&self) -> Value {
        match self {
            YamlScalar::Null => Value::Null,
            YamlScalar::Text(text) => Value::String(text.clone()),
            // JSON has neither infinity nor a value that is no number.
            YamlScalar::Other(text) => {
                serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone()))
            }
        }
    }
}

/// The value of a plain scalar. Dates keep their text; Java would print one that depends on time
/// zone and locale.
pub(super) fn resolve(word: &str) -> YamlScalar {
    match word {
        "" | "~" | "null" | "Null" | "NULL" => return YamlScalar::Null,
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return YamlScalar::Other("true".to_owned());
        }
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return YamlScalar::Other("false".to_owned());
        }
        _ => {}
    }
    let number = integer(word).or_else(|| float(word).map(java_text));
    number.map_or_else(|| YamlScalar::Text(word.to_owned()), YamlScalar::Other)
}

/// Whole numbers: binary, octal with a leading 0, decimal, hexadecimal, and base 60 with colons,
/// with `_` between digits.
fn integer(word: &str) -> Option<String> {
    let (sign, digits) = split_sign(word);
    let number = if let Some(binary) = digits.strip_prefix("0b") {
        radix(binary, 2)?
    } else if let Some(hexadecimal) = digits.strip_prefix("0x") {
        radix(hexadecimal, 16)?
    } else if digits.contains(':') {
        let first = digits.bytes().next().filter(|byte| (b'1'..=b'9').contains(byte));
        first.and_then(|_| base_60(digits))?
    } else if digits.len() > 1 && digits.starts_with('0') {
        radix(&digits[1..], 8)?
    } else {
        return decimal(sign, digits);
    };
    Some((sign * number).to_string())
}

/// Decimal digits of any length, without underscores: Java's parser has no limit either.
fn decimal(sign: i128, digits: &str) -> Option<String> {
    if !digits.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let number = without_underscores(digits);
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
    let negative = sign < 0 && number != "0";
    is_number.then(|| format!("{}{number}", if negative { "-" } else { "" }))
}

fn radix(digits: &str, radix: u32) -> Option<i128> {
    // A sign has been removed already, but the standard library would accept another one.
    let number = without_underscores(digits);
    let unsigned = !number.starts_with(['+', '-']);
    unsigned.then(|| i128::from_str_radix(&number, radix).ok())?
}

/// `12:30` is 12 times 60 plus 30.
fn base_60(digits: &str) -> Option<i128> {
    let mut parts = digits.split(':');
    let first = without_underscores(parts.next()?);
    let mut number = first.parse::<i128>().ok()?;
    for part in parts {
        let is_part = matches!(part.len(), 1 | 2) && part.bytes().all(|b| b.is_ascii_digit());
        let part = part.parse::<i128>().ok().filter(|part| is_part && *part < 60)?;
        number = number.checked_mul(60)?.checked_add(part)?;
    }
    Some(number)
}

fn float(word: &str) -> Option<f64> {
    let (sign, digits) = split_sign(word);
    let sign = if sign < 0 { -1.0 } else { 1.0 };
    match digits {
        ".inf" | ".Inf" | ".INF" => return Some(sign * f64::INFINITY),
        ".nan" | ".NaN" | ".NAN" if digits.len() == word.len() => return Some(f64::NAN),
        _ => {}
    }
    let (whole, fraction) = digits.split_once(':').map_or((None, digits), |_| {
        let (whole, last) = digits.rsplit_once(':').unwrap_or_default();
        (Some(whole), last)
    });
    let number = plain_float(fraction)?;
    let number = match whole {
        None => number,
        Some(whole) if fraction.contains('.') && number < 60.0 => {
            #[expect(clippy::cast_precision_loss, reason = "the value is a double in Java too")]
            let whole = base_60(whole)? as f64;
            whole * 60.0 + number
        }
        Some(_) => return None,
    };
    Some(sign * number)
}

/// Digits with a decimal point, an exponent, or both.
fn plain_float(text: &str) -> Option<f64> {
    let starts = text.bytes().next()?;
    let begins_like_one = starts.is_ascii_digit()
        || (starts == b'.' && text.as_bytes().get(1).is_some_and(u8::is_ascii_digit));
    let has_mark = text.contains(['.', 'e', 'E']);
    let only_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let well_formed = only_digits(&mantissa.replacen('.', "", 1))
        && !exponent.is_empty()
        && exponent.bytes().all(|byte| byte.is_ascii_digit());
    let is_float = begins_like_one && has_mark && well_formed;
    is_float.then(|| without_underscores(text).parse().ok())?
}

/// Java's text of a double: plain from 0.001 up to ten million, otherwise with an exponent.
fn java_text(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        let sign = if number < 0.0 { "-" } else { "" };
        return format!("{sign}Infinity");
    }
    let size = number.abs();
    if size == 0.0 || (1e-3..1e7).contains(&size) {
        return format!("{number:?}");
    }
    let text = format!("{number:E}");
    match text.split_once('E') {
        Some((mantissa, exponent)) if !mantissa.contains('.') => format!("{mantissa}.0E{exponent}"),
        _ => text,
    }
}

fn split_sign(word: &str) -> (i128, &str) {
    match word.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, word.strip_prefix('+').unwrap_or(word)),
    }
}

fn without_underscores(digits: &str) -> String {
    digits.chars().filter(|character| *character != '_').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_their_yaml_1_1_meaning_in_javas_text() {
        let table = [
            ("yes", "true"),
            ("Off", "false"),
            ("010", "8"),
            ("0x10", "16"),
            ("0b101", "5"),
            ("1_000", "1000"),
            ("+5", "5"),
            ("-0", "0"),
            ("0", "0"),
            ("12:30", "750"),
            ("-1:00:00", "-3600"),
            ("1:30.5", "90.5"),
            ("1e+12", "1.0E12"),
            ("1e3", "1000.0"),
            ("1.10", "1.1"),
            ("1.", "1.0"),
            (".5", "0.5"),
            ("0.0001", "1.0E-4"),
            ("12345678.9", "1.23456789E7"),
            (".inf", "Infinity"),
            ("-.INF", "-Infinity"),
            (".nan", "NaN"),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
        ];
        for (word, text) in table {
            assert_eq!(resolve(word), YamlScalar::Other(text.into()), "{word}");
        }
    }

    #[test]
    fn what_only_looks_like_a_number_is_text() {
        let words = [
            "08",
            "1:60",
            "0:30:",
            "1.2.3",
            "e3",
            ".",
            "-",
            "+",
            "_1",
            "0x",
            "0b2",
            "yEs",
            "2024-01-02",
            "1e",
            "12:30:x",
            "--1",
            "0x-1",
            "0-7",
            "nan",
            "+.nan",
            ".e1",
            "1 ",
            "true ",
        ];
        for word in words {
            assert_eq!(resolve(word), YamlScalar::Text(word.into()), "{word}");
        }
        assert_eq!(resolve("~"), YamlScalar::Null);
    }
}
