//! Reads the lists of other servers. Older ones write an object where there is only one element of
//! an array. An instance that cannot be accepted is left out.

use serde::Deserialize;
use serde_json::Value;

use crate::members::Members;
use crate::{Instance, Invalid};

#[derive(Deserialize)]
struct ListDocument {
    applications: Applications,
}

#[derive(Deserialize)]
struct Applications {
    #[serde(default)]
    application: OneOrMany<Application>,
}

#[derive(Deserialize)]
struct AppDocument {
    application: Application,
}

#[derive(Deserialize)]
struct InstanceDocument {
    instance: Value,
}

#[derive(Deserialize)]
struct Application {
    #[serde(default)]
    instance: OneOrMany<Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    Many(Vec<T>),
    One(T),
    None(()),
}

impl<T> Default for OneOrMany<T> {
    fn default() -> Self {
        Self::None(())
    }
}

impl<T> OneOrMany<T> {
    fn into_vec(self) -> Vec<T> {
        match self {
            Self::Many(many) => many,
            Self::One(one) => vec![one],
            Self::None(()) => Vec::new(),
        }
    }
}

/// The instances of all apps.
///
/// # Errors
/// Fails if the body is not such a list.
pub fn read(body: &[u8]) -> Result<Vec<Instance>, Invalid> {
    let document: ListDocument = parse(body)?;
    Ok(document.applications.application.into_vec().into_iter().flat_map(instances).collect())
}

/// The instances of one app, each with the time at which its lease ends unless it is renewed, in
/// milliseconds since 1970 on the clock of the server.
///
/// # Errors
/// Fails if the body is not an app.
pub fn read_one(body: &[u8]) -> Result<Vec<(Instance, Option<i64>)>, Invalid> {
    let document: AppDocument = parse(body)?;
    let values = document.application.instance.into_vec().into_iter();
    let values = values.filter(|value| !value.is_null());
    Ok(values.filter_map(|value| with_end(&value).ok()).collect())
}

/// One instance, with the end of its lease as in [`read_one`].
///
/// # Errors
/// Fails if the body is not an instance that can be accepted.
pub fn read_instance(body: &[u8]) -> Result<(Instance, Option<i64>), Invalid> {
    let document: InstanceDocument = parse(body)?;
    with_end(&document.instance)
}

fn with_end(value: &Value) -> Result<(Instance, Option<i64>), Invalid> {
    let instance = Instance::from_value(value)?;
    let end = lease_end(value, i64::from(instance.lease_duration) * 1000);
    Ok((instance, end))
}

/// Servers add the duration to the time of a renewal, but not to that of the registration.
fn lease_end(instance: &Value, duration: i64) -> Option<i64> {
    let lease = Members::of(instance, "instance").ok()?.object("leaseInfo").ok()??;
    let time = |name| lease.number(name).ok().flatten().filter(|time| *time > 0);
    let registered = time("registrationTimestamp").unwrap_or_default();
    Some(time("lastRenewalTimestamp")?.max(registered.saturating_add(duration)))
}

fn instances(application: Application) -> impl Iterator<Item = Instance> {
    let instances = application.instance.into_vec().into_iter();
    instances.filter(|value| !value.is_null()).filter_map(|value| Instance::from_value(&value).ok())
}

fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Invalid> {
    serde_json::from_slice(body)
        .map_err(|error| Invalid::new(format!("cannot parse the list: {error}")))
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

    /// Case 86, for the depth.
    #[test]
    fn a_list_that_is_nested_too_deeply_is_refused() {
        let body = format!("{{\"applications\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
        assert!(read(body.as_bytes()).is_err());
    }
}
