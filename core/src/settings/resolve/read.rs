//! Reads one key: its value, validated, and its entry in the report.

use std::path::PathBuf;
use std::time::Duration;

use tracing::warn;

use super::Resolver;
use crate::redact::{MASK, without_credentials};
use crate::settings::effective::Setting;
use crate::settings::key::{self, SettingKey};
use crate::settings::layers::{Origin, SettingValue};

impl Resolver {
    /// Looks up a key and adds it to the report.
    pub(super) fn look_up(&mut self, key: &'static SettingKey) -> Option<SettingValue> {
        let found = self.layers.find(key);
        self.record(key, found.as_ref());
        found
    }

    /// Reports the effective value of a key, replacing an earlier entry.
    pub(super) fn record(&mut self, key: &'static SettingKey, found: Option<&SettingValue>) {
        self.report.retain(|row| row.name != key.name);
        let value = found.map_or(key.default, |found| found.value.as_str());
        let hidden = key.name == key::SECRET.name && !value.is_empty();
        self.report.push(Setting {
            name: key.name,
            value: if hidden { MASK.into() } else { without_credentials(value).into_owned() },
            origin: found.map_or(Origin::Default, |found| found.origin),
            found_as: found.map_or(key.name, |found| found.name.as_str()).to_owned(),
            meaning: key.doc,
        });
    }

    /// Reports the value that is used for a setting without one, if it differs from the default.
    pub(super) fn report_instead_of_default(&mut self, key: &SettingKey, value: String) {
        let mut rows = self.report.iter_mut();
        let row = rows.find(|row| row.name == key.name && row.origin == Origin::Default);
        if let Some(row) = row {
            row.value = value;
        }
    }

    pub(super) fn text(&mut self, key: &'static SettingKey) -> Option<String> {
        let value = self.look_up(key).map(|found| found.value);
        value.or_else(|| (!key.default.is_empty()).then(|| key.default.to_owned()))
    }

    pub(super) fn path(&mut self, key: &'static SettingKey) -> Option<PathBuf> {
        self.text(key).map(PathBuf::from)
    }

    pub(super) fn list(&mut self, key: &'static SettingKey) -> Vec<String> {
        let text = self.text(key).unwrap_or_default();
        let parts = text.split(',').map(str::trim);
        parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    /// A flag. A value that is neither true nor false is treated as false, as in the Java client.
    pub(super) fn flag(&mut self, key: &'static SettingKey) -> bool {
        let Some(found) = self.look_up(key) else {
            return key.default == "true";
        };
        let is_true = found.value.eq_ignore_ascii_case("true");
        if !is_true && !found.value.eq_ignore_ascii_case("false") {
            self.warn_invalid(&found, "true or false", "false");
            self.record(key, Some(&SettingValue { value: "false".to_owned(), ..found }));
        }
        is_true
    }

    /// A flag whose default is inverted by `castalia.java-compat`.
    pub(super) fn flag_unless_compat(&mut self, key: &'static SettingKey) -> bool {
        let compat = self.layers.find(&key::JAVA_COMPAT);
        let compat = compat.is_some_and(|found| found.value.eq_ignore_ascii_case("true"));
        let given = self.layers.find(key).is_some();
        let effective = self.flag(key) != (compat && !given);
        self.report_instead_of_default(key, effective.to_string());
        effective
    }

    pub(super) fn millis(&mut self, key: &'static SettingKey) -> Duration {
        Duration::from_millis(self.parse(key, "milliseconds above 0", positive))
    }

    pub(super) fn rate(&mut self, key: &'static SettingKey) -> f64 {
        self.parse(key, "a rate above 0", |text| {
            text.parse().ok().filter(|rate: &f64| rate.is_finite() && *rate > 0.0)
        })
    }

    pub(super) fn count(&mut self, key: &'static SettingKey) -> usize {
        self.parse(key, "a number above 0", |text| text.parse().ok().filter(|count| *count > 0))
    }

    /// A parsed value. An invalid value is a fault if it was set in code; from any other origin it
    /// is replaced by the default, because a typing error in a file must not stop a program from
    /// starting.
    pub(super) fn parse<T>(
        &mut self,
        key: &'static SettingKey,
        expected: &str,
        parser: impl Fn(&str) -> Option<T>,
    ) -> T {
        if let Some(found) = self.look_up(key) {
            match parser(&found.value) {
                Some(value) => return value,
                None => {
                    self.warn_invalid(&found, expected, key.default);
                    self.record(key, None);
                }
            }
        }
        #[expect(clippy::expect_used, reason = "a test parses every default")]
        parser(key.default).expect("defaults are valid")
    }

    /// Reports an invalid value: as a fault if it was set in code, otherwise as a warning that
    /// names its replacement.
    fn warn_invalid(&mut self, found: &SettingValue, expected: &str, instead: &str) {
        let SettingValue { value, origin, name } = found;
        let value = &*without_credentials(value);
        if *origin == Origin::Code {
            let fault = format!("{name} must be {expected}, but is {value:?}");
            self.faults.push(fault);
        } else {
            warn!(name, %origin, value, expected, instead, "invalid setting ignored; using another value instead");
        }
    }

    pub(super) fn addresses(&mut self, key: &'static SettingKey) -> Vec<String> {
        let found = self.look_up(key).or_else(|| {
            (!key.default.is_empty()).then(|| SettingValue {
                value: key.default.to_owned(),
                origin: Origin::Default,
                name: key.name.to_owned(),
            })
        });
        found.map_or_else(Vec::new, |found| self.parse_addresses(&found))
    }

    pub(super) fn parse_addresses(&mut self, found: &SettingValue) -> Vec<String> {
        let parts = found.value.split(',').map(str::trim);
        let parts = parts.filter(|part| !part.is_empty());
        parts.filter_map(|part| self.address(found, part)).collect()
    }

    pub(super) fn address(&mut self, found: &SettingValue, part: &str) -> Option<String> {
        let address = if part.contains("://") {
            part.to_owned()
        } else {
            warn!(
                name = found.name,
                address = &*without_credentials(part),
                "address without a scheme; http:// is assumed"
            );
            format!("http://{part}")
        };
        let url = reqwest::Url::parse(&address).ok();
        let usable =
            url.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if !usable {
            let name = &found.name;
            self.faults.push(format!(
                "{name} must contain http or https addresses, but contains {:?}",
                without_credentials(part)
            ));
        }
        // Paths that begin with a slash are appended later.
        usable.then(|| address.trim_end_matches('/').to_owned())
    }
}

fn positive(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number| *number > 0)
}
