//! Parses dates: the three forms of the Java client, and RFC 3339.

use std::time::{self, SystemTime};

use chrono::{
    DateTime, Days, Duration, FixedOffset, Local, Months, NaiveDate, NaiveDateTime, TimeZone, Utc,
};

use super::rules::{ReadRules, Zone};
use super::value::FromValue;

/// How dates are validated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Calendar {
    /// Dates that do not exist are rejected.
    Strict,
    /// As in the Java client: 30 February is 2 March, and text after a date is ignored.
    Lenient,
}

/// Parses `yyyy-MM-dd HH:mm:ss.SSS`, `yyyy-MM-dd HH:mm:ss`, `yyyy-MM-dd` or RFC 3339, ignoring
/// surrounding white space.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use castalia_core::Zone;
/// use castalia_core::format::date::{Calendar, parse};
///
/// let one_day = SystemTime::UNIX_EPOCH + Duration::from_secs(86_400);
/// assert_eq!(parse("1970-01-02", Zone::Utc, Calendar::Strict), Some(one_day));
/// assert_eq!(parse("1970-02-30", Zone::Utc, Calendar::Strict), None);
/// assert!(parse("1970-02-30", Zone::Utc, Calendar::Lenient).is_some());
/// ```
#[must_use]
pub fn parse(text: &str, zone: Zone, calendar: Calendar) -> Option<SystemTime> {
    let text = text.trim();
    if matches!(text.as_bytes().get(10), Some(b'T' | b't')) {
        return system_time(&DateTime::parse_from_rfc3339(text).ok()?);
    }
    let moment = match calendar {
        Calendar::Strict => strict(text)?,
        Calendar::Lenient => lenient(text)?,
    };
    in_zone(moment, zone)
}

fn in_zone(moment: NaiveDateTime, zone: Zone) -> Option<SystemTime> {
    match zone {
        Zone::Utc => system_time(&Utc.from_utc_datetime(&moment)),
        Zone::Offset(seconds) => {
            let zone = FixedOffset::east_opt(seconds)?;
            system_time(&zone.from_local_datetime(&moment).earliest()?)
        }
        Zone::Local => {
            let found = Local.from_local_datetime(&moment).earliest();
            // A time that is skipped when the clock is put forward does not exist; Java uses the one
            // that is later by what is skipped, as if the clock had not been changed yet.
            let found = found.or_else(|| {
                let earlier = moment.checked_sub_signed(Duration::days(1))?;
                let earlier = Local.from_local_datetime(&earlier).earliest()?;
                earlier.checked_add_signed(Duration::days(1))
            });
            system_time(&found?)
        }
    }
}

fn system_time(moment: &DateTime<impl TimeZone>) -> Option<SystemTime> {
    since_1970(moment.timestamp(), moment.timestamp_subsec_nanos())
}

/// `None` for what the operating system cannot represent, such as a time before 1601 on Windows.
/// The conversion of chrono panics there.
fn since_1970(seconds: i64, nanos: u32) -> Option<SystemTime> {
    let whole = time::Duration::from_secs(seconds.unsigned_abs());
    let second = match seconds < 0 {
        true => SystemTime::UNIX_EPOCH.checked_sub(whole),
        false => SystemTime::UNIX_EPOCH.checked_add(whole),
    };
    second?.checked_add(time::Duration::from_nanos(nanos.into()))
}

fn strict(text: &str) -> Option<NaiveDateTime> {
    const SHAPE: &[u8] = b"0000-00-00 00:00:00.000";
    let matches = matches!(text.len(), 10 | 19 | 23)
        && text.bytes().zip(SHAPE).all(|(byte, shape)| match shape {
            b'0' => byte.is_ascii_digit(),
            separator => byte == *separator,
        });
    let number = |from: usize, to: usize| -> Option<u32> {
        text.get(from..to).map_or(Some(0), |digits| digits.parse().ok())
    };
    if !matches {
        return None;
    }
    let year = text.get(..4)?.parse().ok()?;
    let date = NaiveDate::from_ymd_opt(year, number(5, 7)?, number(8, 10)?)?;
    date.and_hms_milli_opt(number(11, 13)?, number(14, 16)?, number(17, 19)?, number(20, 23)?)
}

/// Numbers that are out of range carry over, as in Java's lenient calendar.
fn lenient(text: &str) -> Option<NaiveDateTime> {
    // The Java client selects the form by the length of the text.
    let separators = match text.len() {
        23 => "-- ::.",
        19 => "-- ::",
        _ => "--",
    };
    let mut rest = text;
    let mut numbers = [0i64; 7];
    for (index, number) in numbers.iter_mut().take(separators.len() + 1).enumerate() {
        if index > 0 {
            rest = rest.strip_prefix(separators.chars().nth(index - 1)?)?;
        }
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        *number = rest.get(..digits)?.parse().ok()?;
        rest = &rest[digits..];
    }
    let [year, month, day, hour, minute, second, milli] = numbers;
    let start = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, 1, 1)?;
    let months = u32::try_from(month).ok()?;
    let date = match months.checked_sub(1) {
        Some(months) => start.checked_add_months(Months::new(months))?,
        None => start.checked_sub_months(Months::new(1))?,
    };
    let date = match u64::try_from(day).ok()?.checked_sub(1) {
        Some(days) => date.checked_add_days(Days::new(days))?,
        None => date.pred_opt()?,
    };
    let seconds = hour.checked_mul(3600)?.checked_add(minute * 60)?.checked_add(second)?;
    let time = Duration::try_seconds(seconds)? + Duration::try_milliseconds(milli)?;
    date.and_hms_opt(0, 0, 0)?.checked_add_signed(time)
}

impl FromValue for SystemTime {
    const EXPECTED: &'static str = "the value is not a date such as 2024-01-31 23:59:59";

    /// In this machine's time zone unless the text contains one; dates that do not exist are
    /// rejected.
    fn from_value(text: &str) -> Option<Self> {
        Self::read(text, ReadRules::default())
    }

    fn read(text: &str, rules: ReadRules) -> Option<Self> {
        let calendar = if rules.lenient_dates { Calendar::Lenient } else { Calendar::Strict };
        parse(text, rules.zone, calendar)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str, calendar: Calendar) -> Option<f64> {
        let moment = parse(text, Zone::Utc, calendar)?;
        Some(moment.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64())
    }

    #[test]
    fn three_shapes_and_rfc_3339_are_read() {
        let strict = |text| seconds(text, Calendar::Strict);
        assert_eq!(strict("1970-01-02"), Some(86_400.0));
        assert_eq!(strict(" 1970-01-01 00:01:01 "), Some(61.0));
        assert_eq!(strict("1970-01-01 00:00:00.250"), Some(0.25));
        assert_eq!(strict("1970-01-01T01:00:00+01:00"), Some(0.0));
        assert_eq!(strict("1970-01-01T00:00:01.5Z"), Some(1.5));
    }

    #[test]
    fn a_strict_calendar_refuses_what_does_not_exist() {
        for text in
            ["2021-02-30", "2021-2-3", "1970-01-01 24:00:00", "1970-01-01x", "", "1970-01-01 00:00"]
        {
            assert_eq!(seconds(text, Calendar::Strict), None, "{text}");
        }
    }

    #[test]
    fn a_lenient_calendar_counts_on() {
        let lenient = |text| seconds(text, Calendar::Lenient);
        assert_eq!(lenient("2021-02-30"), seconds("2021-03-02", Calendar::Strict));
        assert_eq!(lenient("2021-2-3"), seconds("2021-02-03", Calendar::Strict));
        assert_eq!(lenient("2021-13-01"), seconds("2022-01-01", Calendar::Strict));
        assert_eq!(lenient("2021-01-01 and more"), None, "it has the length of a longer shape");
        assert_eq!(lenient("2021-01-01 more"), seconds("2021-01-01", Calendar::Strict));
        assert_eq!(
            lenient("2021-01-01 25:00:00"),
            seconds("2021-01-02 01:00:00", Calendar::Strict)
        );
        assert_eq!(lenient("x"), None);
    }

    #[test]
    fn a_zone_moves_the_moment() {
        let east = parse("1970-01-01 01:00:00", Zone::Offset(3600), Calendar::Strict);
        assert_eq!(east, Some(SystemTime::UNIX_EPOCH));
        assert!(parse("2024-06-01", Zone::Local, Calendar::Strict).is_some());
    }

    /// B100: Windows has no time before 1601, and no system one after the last second of all.
    #[test]
    fn a_date_that_the_system_cannot_represent_is_malformed() {
        let quarter = 250_000_000;
        let before = SystemTime::UNIX_EPOCH - time::Duration::from_millis(750);
        assert_eq!(since_1970(-1, quarter), Some(before));
        assert_eq!(since_1970(i64::MAX, 5 * quarter), None);
        for text in ["1600-12-31", "1600-12-31T00:00:00Z"] {
            let found = [Zone::Utc, Zone::Offset(3600), Zone::Local]
                .map(|zone| parse(text, zone, Calendar::Strict).is_none());
            assert_eq!(found, [cfg!(windows); 3], "{text}");
        }
        assert!(parse("1601-01-02", Zone::Utc, Calendar::Strict).is_some());
    }

    #[test]
    fn the_last_hour_of_all_is_read_or_malformed_in_any_zone() {
        let text = "262142-12-31 23:30:00.0";
        let utc = parse(text, Zone::Utc, Calendar::Lenient).unwrap();
        // West of UTC, it is later than any moment.
        assert_eq!(parse(text, Zone::Offset(-3600), Calendar::Lenient), None);
        let east = parse(text, Zone::Offset(3600), Calendar::Lenient);
        assert_eq!(east, Some(utc - time::Duration::from_secs(3600)));
        if let Some(local) = parse(text, Zone::Local, Calendar::Lenient) {
            assert!(local < utc + time::Duration::from_secs(3600));
        }
    }
}
