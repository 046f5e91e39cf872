//! The rules for typed reads that a program can choose.

use std::fmt;

/// How values of a client are parsed as other types; chosen by its settings.
///
/// ```
/// use std::time::SystemTime;
/// use castalia_core::{FromValue, ReadRules, Zone};
///
/// let rules = ReadRules { zone: Zone::Utc, ..ReadRules::default() };
/// assert_eq!(SystemTime::read("1970-01-01", rules), Some(SystemTime::UNIX_EPOCH));
///
/// let strict = ReadRules { strict_booleans: true, ..ReadRules::default() };
/// assert_eq!(bool::read("maybe", ReadRules::default()), Some(false));
/// assert_eq!(bool::read("maybe", strict), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReadRules {
    /// Time zone of dates without one (`castalia.time-zone`).
    pub zone: Zone,
    /// Whether dates that are out of range carry over and text after a date is ignored
    /// (`castalia.lenient-dates`).
    pub lenient_dates: bool,
    /// Whether anything but the usual words is malformed as a boolean, instead of false
    /// (`castalia.strict-booleans`).
    pub strict_booleans: bool,
}

/// Time zone of dates without one.
///
/// ```
/// use castalia_core::Zone;
///
/// assert_eq!(Zone::parse("+08:00"), Some(Zone::Offset(8 * 3600)));
/// assert_eq!(Zone::parse("Mars"), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Zone {
    /// The time zone of this machine.
    #[default]
    Local,
    /// UTC.
    Utc,
    /// Seconds east of UTC, less than a day.
    Offset(i32),
}

impl Zone {
    /// Parses `local`, `utc`, `Z`, or an offset such as `+08:00`.
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
    /// Writes the text that [`Zone::parse`] reads.
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
