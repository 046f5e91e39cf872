//! The rules by which texts are read as other types, where a program may choose.

use std::fmt;

/// By which rules the values of a client are read; its settings choose them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReadRules {
    /// Of dates that name no zone (`castalia.time-zone`).
    pub zone: Zone,
    /// Whether a date such as 30 February counts on, and text behind a date is ignored (`castalia.lenient-dates`).
    pub lenient_dates: bool,
    /// Whether a boolean must be one of the usual words, instead of being false if it is not `true`
    /// (`castalia.strict-booleans`).
    pub strict_booleans: bool,
}

/// The zone of a date that names none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Zone {
    /// That of this machine.
    #[default]
    Local,
    /// UTC.
    Utc,
    /// Seconds east of UTC, less than a day.
    Offset(i32),
}

impl Zone {
    /// Reads `local`, `utc` or `Z`, or an offset such as `+08:00`; `None` for all else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            _ if text.eq_ignore_ascii_case("local") => return Some(Zone::Local),
            _ if text.eq_ignore_ascii_case("utc") || text == "Z" => return Some(Zone::Utc),
            _ => {}
        }
        let (sign, digits) = match text.strip_prefix('-') {
            Some(digits) => (-1, digits),
            None => (1, text.strip_prefix('+')?),
        };
        let (hours, minutes) = digits.split_once(':')?;
        let number = |digits: &str, below: i32| {
            let digits = (digits.len() == 2).then_some(digits)?;
            digits.parse().ok().filter(|number| (0..below).contains(number))
        };
        Some(Zone::Offset(sign * (number(hours, 24)? * 3600 + number(minutes, 60)? * 60)))
    }
}

impl fmt::Display for Zone {
    /// The text that [`Zone::parse`] reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Zone::Local => f.write_str("local"),
            Zone::Utc => f.write_str("utc"),
            Zone::Offset(seconds) => {
                let sign = if *seconds < 0 { '-' } else { '+' };
                let minutes = seconds.abs() / 60;
                write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_read_from_their_text() {
        for (text, zone) in [
            ("local", Some(Zone::Local)),
            ("UTC", Some(Zone::Utc)),
            ("Z", Some(Zone::Utc)),
            ("+08:00", Some(Zone::Offset(28_800))),
            ("-03:30", Some(Zone::Offset(-12_600))),
            ("+8:00", None),
            ("+24:00", None),
            ("+08:60", None),
            ("+-8:00", None),
            ("08:00", None),
            ("Asia/Shanghai", None),
            ("", None),
        ] {
            assert_eq!(Zone::parse(text), zone, "{text}");
            assert!(zone.is_none_or(|zone| Zone::parse(&zone.to_string()) == Some(zone)));
        }
    }
}
