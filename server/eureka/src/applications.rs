//! Reads the lists of other servers. Older ones write an object where there is only one element of
//! an array. An instance that cannot be accepted is left out.
//!
//! Instances are parsed one by one, and only a bounded number is kept: a parsed document of
//! brackets or zeros takes many times its length in memory.

use std::fmt;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer as _};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::limits::BODY;
use crate::members::{Members, parse};
use crate::{Instance, Invalid};

/// Maximum number of instances of a list.
const MOST: usize = 20_000;

#[derive(Deserialize)]
struct ListDocument<'a> {
    #[serde(borrow)]
    applications: &'a RawValue,
}

#[derive(Deserialize)]
struct Applications<'a> {
    #[serde(borrow, default)]
    application: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct AppDocument<'a> {
    #[serde(borrow)]
    application: &'a RawValue,
}

#[derive(Deserialize)]
struct InstanceDocument<'a> {
    #[serde(borrow)]
    instance: &'a RawValue,
}

#[derive(Deserialize)]
struct Application<'a> {
    #[serde(borrow, default)]
    instance: Option<&'a RawValue>,
}

/// The instances of all apps, at most 20,000.
///
/// # Errors
/// Fails if the body is not such a list.
pub fn read(body: &[u8]) -> Result<Vec<Instance>, Invalid> {
    let document: ListDocument<'_> = from_bytes(body)?;
    let applications: Applications<'_> = object(document.applications)?;
    let mut instances = Vec::new();
    for_each(applications.application, |application| {
        let application: Application<'_> = object(application)?;
        for_each(application.instance, |instance| {
            if instances.len() < MOST && is_object(instance) {
                instances.extend(with_end(instance).map(|(instance, _)| instance).ok());
            }
            Ok(())
        })
    })?;
    Ok(instances)
}

/// The instances of one app, at most 20,000, each with the time at which its lease ends unless it
/// is renewed, in milliseconds since 1970 on the clock of the server.
///
/// # Errors
/// Fails if the body is not an app.
pub fn read_one(body: &[u8]) -> Result<Vec<(Instance, Option<i64>)>, Invalid> {
    let document: AppDocument<'_> = from_bytes(body)?;
    let application: Application<'_> = object(document.application)?;
    let mut instances = Vec::new();
    for_each(application.instance, |instance| {
        if instances.len() < MOST && is_object(instance) {
            instances.extend(with_end(instance).ok());
        }
        Ok(())
    })?;
    Ok(instances)
}

/// One instance, with the end of its lease as in [`read_one`].
///
/// # Errors
/// Fails if the body is not an instance that can be accepted.
pub fn read_instance(body: &[u8]) -> Result<(Instance, Option<i64>), Invalid> {
    let document: InstanceDocument<'_> = from_bytes(body)?;
    with_end(document.instance)
}

fn with_end(text: &RawValue) -> Result<(Instance, Option<i64>), Invalid> {
    let value = small(text)?;
    let instance = Instance::from_value(&value)?;
    let end = lease_end(&value, i64::from(instance.lease_duration) * 1000);
    Ok((instance, end))
}

/// Parses a value that is no longer than a registration may be.
pub(crate) fn small(text: &RawValue) -> Result<Value, Invalid> {
    match text.get().len() <= BODY {
        true => parse(text.get().as_bytes()),
        false => Err(Invalid::new("the instance is too large")),
    }
}

/// Servers add the duration to the time of a renewal, but not to that of the registration.
fn lease_end(instance: &Value, duration: i64) -> Option<i64> {
    let lease = Members::of(instance, "instance").ok()?.object("leaseInfo").ok()??;
    let time = |name| lease.number(name).ok().flatten().filter(|time| *time > 0);
    let registered = time("registrationTimestamp").unwrap_or_default();
    Some(time("lastRenewalTimestamp")?.max(registered.saturating_add(duration)))
}

/// Calls a function for each element of an array, or for a value that is not in one.
fn for_each<'a>(
    value: Option<&'a RawValue>,
    mut act: impl FnMut(&'a RawValue) -> Result<(), Invalid>,
) -> Result<(), Invalid> {
    struct Reader<F>(F);

    impl<'a, F: FnMut(&'a RawValue) -> Result<(), Invalid>> Visitor<'a> for Reader<F> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array")
        }

        fn visit_seq<A: SeqAccess<'a>>(mut self, mut list: A) -> Result<(), A::Error> {
            while let Some(element) = list.next_element()? {
                (self.0)(element).map_err(serde::de::Error::custom)?;
            }
            Ok(())
        }
    }

    match value {
        // `None` also stands for `null`.
        None => Ok(()),
        Some(array) if array.get().starts_with('[') => {
            let mut array = serde_json::Deserializer::from_str(array.get());
            array.deserialize_seq(Reader(act)).map_err(not_a_list)
        }
        Some(one) => act(one),
    }
}

/// An object: members of a structure may not be in an array.
fn object<'a, T: Deserialize<'a>>(value: &'a RawValue) -> Result<T, Invalid> {
    match is_object(value) {
        true => serde_json::from_str(value.get()).map_err(not_a_list),
        false => Err(not_a_list("a value is not an object")),
    }
}

fn is_object(value: &RawValue) -> bool {
    value.get().starts_with('{')
}

fn from_bytes<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Invalid> {
    serde_json::from_slice(body).map_err(not_a_list)
}

fn not_a_list(error: impl fmt::Display) -> Invalid {
    Invalid::new(format!("cannot parse the list: {error}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::instance::tests::sample;

    /// Case 85, for the forms of a list.
    #[test]
    fn one_element_may_be_written_without_an_array() {
        let good = sample("A", "a", 1);
        let mut bad = sample("A", "b", 1);
        bad["hostName"] = json!("");
        for (application, expected) in [
            (json!([{"name": "A", "instance": [good, bad]}, {"name": "B", "instance": good}]), 2),
            (json!({"name": "A", "instance": good}), 1),
            (json!({"name": "A", "instance": null}), 0),
            (json!([]), 0),
            (json!(null), 0),
        ] {
            let body = json!({"applications": {"versions_delta": 1, "application": application}});
            let read = read(body.to_string().as_bytes()).unwrap();
            assert_eq!(read.len(), expected, "{body}");
        }
        let body = json!({"application": {"name": "A", "instance": good}});
        assert_eq!(read_one(body.to_string().as_bytes()).unwrap().len(), 1);
        let body = json!({ "instance": good });
        assert_eq!(read_instance(body.to_string().as_bytes()).unwrap().0.id(), "a");
        assert!(read_instance(json!({ "instance": bad }).to_string().as_bytes()).is_err());
    }

    /// As a server lists it after the registration, and after a heartbeat; numbers may be texts.
    #[test]
    fn a_lease_ends_one_duration_after_its_last_renewal() {
        let mut one = sample("A", "a", 1);
        let mut end = |renewed: Value, registered: Value| {
            one["leaseInfo"] = json!({
                "durationInSecs": 90, "lastRenewalTimestamp": renewed,
                "registrationTimestamp": registered,
            });
            let body = json!({"application": {"name": "A", "instance": [one]}});
            read_one(body.to_string().as_bytes()).unwrap()[0].1
        };
        assert_eq!(end(json!(5_000), json!(5_000)), Some(95_000));
        assert_eq!(end(json!("125000"), json!(5_000)), Some(125_000));
        assert_eq!(end(json!(0), json!(0)), None);
        assert_eq!(end(json!(i64::MAX), json!(i64::MAX)), Some(i64::MAX));
        assert_eq!(end(json!([]), json!(1)), None);
    }

    /// Neither an element that is too large nor one that is none affects the others.
    #[test]
    fn elements_are_read_one_by_one() {
        let good = sample("A", "a", 1);
        let mut large = sample("A", "b", 1);
        large["other"] = json!("x".repeat(BODY));
        let listed = json!([null, 7, large, good, []]);
        let body = json!({"applications": {"application": {"name": "A", "instance": listed}}});
        assert_eq!(read(body.to_string().as_bytes()).unwrap().len(), 1);
        let many = vec!["0"; 3 * MOST].join(",");
        let body = format!("{{\"applications\":{{\"application\":[{many}]}}}}");
        assert!(read(body.as_bytes()).is_err());
        let many = vec![good.to_string(); MOST + 1].join(",");
        let body = format!("{{\"application\":{{\"instance\":[{many}]}}}}");
        assert_eq!(read_one(body.as_bytes()).unwrap().len(), MOST);
    }

    /// Case 86, for the depth.
    #[test]
    fn a_list_that_is_nested_too_deeply_is_refused() {
        let body = format!("{{\"applications\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
        assert!(read(body.as_bytes()).is_err());
    }
}
