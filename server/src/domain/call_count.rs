//! How often a consumer or an access token changed something on each of the last 30 days, in UTC.
//! The calls are recorded anyway; reads are not.

use std::collections::HashMap;

use castalia_store::call::{CallsOfDay, of_consumer, of_user_token};
use castalia_store::{Id, Store, now};
use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};

use crate::error::Result;

/// Number of days.
pub const DAYS: u64 = 30;

/// The calls of a consumer, of the oldest day first.
pub async fn consumer(store: &Store, id: Id) -> Result<Vec<CallsOfDay>> {
    let today = now().date_naive();
    Ok(filled(today, of_consumer(store.read(), id, start(today)).await?))
}

/// The calls with a user token, of the oldest day first.
pub async fn user_token(store: &Store, id: Id) -> Result<Vec<CallsOfDay>> {
    let today = now().date_naive();
    Ok(filled(today, of_user_token(store.read(), id, start(today)).await?))
}

fn first(today: NaiveDate) -> NaiveDate {
    today.checked_sub_days(Days::new(DAYS - 1)).unwrap_or(today)
}

fn start(today: NaiveDate) -> DateTime<Utc> {
    first(today).and_time(NaiveTime::MIN).and_utc()
}

/// All days, with 0 for those without calls.
fn filled(today: NaiveDate, found: Vec<CallsOfDay>) -> Vec<CallsOfDay> {
    let found: HashMap<_, _> = found.into_iter().collect();
    let days = first(today).iter_days().take_while(|day| *day <= today);
    days.map(|day| (day, found.get(&day).copied().unwrap_or_default())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_without_calls_are_zero() {
        let today = NaiveDate::from_ymd_opt(2026, 3, 1).unwrap();
        let yesterday = NaiveDate::from_ymd_opt(2026, 2, 28).unwrap();
        let days = filled(today, vec![(yesterday, 7)]);
        assert_eq!(days.len() as u64, DAYS);
        assert_eq!(days[0].0, NaiveDate::from_ymd_opt(2026, 1, 31).unwrap());
        assert_eq!(days[28..], [(yesterday, 7), (today, 0)]);
        assert!(days[..28].iter().all(|(_, calls)| *calls == 0));
    }
}
