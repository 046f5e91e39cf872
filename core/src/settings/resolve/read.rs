//! Reads one key, or a secret and the file that contains it: the value, validated, and its entry in
//! the report.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use tracing::warn;

use super::Resolver;
use crate::redact::{MASK, without_credentials};
use crate::settings::address::{
    after_scheme, may_split_password, may_split_password_at_comma, split,
};
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

    /// The path of a file that only requests to servers need. A client in memory does not have it:
    /// its machine may lack the file.
    pub(super) fn file_for_servers(&mut self, key: &'static SettingKey) -> Option<SettingValue> {
        self.look_up(key).filter(|_| !self.is_in_memory)
    }

    /// The secret, or the contents of the secret file, whichever has the higher precedence; the
    /// secret if both have the same origin.
    pub(super) fn secret(&mut self) -> Option<String> {
        let file = self.file_for_servers(&key::SECRET_FILE);
        let direct = self.look_up(&key::SECRET);
        let strength = direct.as_ref().map_or(Origin::Default, |direct| direct.origin);
        let Some(file) = file.filter(|file| file.origin < strength) else {
            return direct.map(|direct| direct.value);
        };
        let path = &file.value;
        match fs::read_to_string(path) {
            Ok(text) => {
                let value = text.trim().to_owned();
                // Recorded under the key of the secret, which masks it.
                self.record(&key::SECRET, Some(&SettingValue { value, ..file }));
                Some(text)
            }
            Err(error) => {
                let fault = format!("cannot read the secret file {path}: {error}");
                self.faults.push(fault);
                None
            }
        }
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
        let parts = split(&found.value);
        if may_split_password_at_comma(parts.clone()) {
            // Quotes nothing, because any part may be one of the password.
            let name = &found.name;
            self.faults.push(format!(
                "{name} contains a ',' that may be part of a password: write it as %2C, or begin each address with http:// or https://"
            ));
            return Vec::new();
        }
        parts.filter_map(|part| self.address(found, part)).collect()
    }

    pub(super) fn address(&mut self, found: &SettingValue, part: &str) -> Option<String> {
        let name = &found.name;
        let has_scheme = after_scheme(part).is_some();
        let address = if has_scheme { part.to_owned() } else { format!("http://{part}") };
        // Beside a scheme, a user without a password is hidden as well.
        let shown = &*without_credentials(&address);
        if may_split_password(after_scheme(&address).unwrap_or_default()) {
            self.faults.push(format!(
                "{name} contains {shown:?}, whose user, password or path is not percent-encoded: write '/' as %2F, '?' as %3F, '#' as %23, ',' as %2C and '@' as %40"
            ));
            return None;
        }
        if !has_scheme {
            warn!(name, address = shown, "address without a scheme; http:// is assumed");
        }
        let url = reqwest::Url::parse(&address).ok();
        let usable =
            url.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if !usable {
            self.faults.push(format!(
                "{name} must contain http or https addresses, but contains {shown:?}"
            ));
        }
        // Paths that begin with a slash are appended later.
        usable.then(|| address.trim_end_matches('/').to_owned())
    }
}

fn positive(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number| *number > 0)
}

#[cfg(test)]
mod tests {
    use crate::settings::Settings;

    fn fault(name: &str, addresses: &str) -> Option<String> {
        let settings = Settings::new().set("app.id", "order").set(name, addresses);
        settings.resolve().err().map(|error| error.to_string())
    }

    /// B123
    #[test]
    fn an_address_with_a_password_that_ends_its_host_is_refused() {
        for name in ["apollo.meta", "apollo.config-service"] {
            for address in [
                "http://user:7/7f3a@host",
                "http://user:80/7f3a@host",
                "http://user:se/7f3a@host",
                "http://user:se@se/7f3a@host",
                "https://user:7?7f3a@host",
                "http://user:7#7f3a@host",
                r"http://user:7\7f3a@host",
                "user:7/7f3a@host",
                "http://other,http://user:7/7f3a@host",
                "http://us/7f3a:7@host",
                "http://us?7f3a:se@host",
                "user:7f3a://7@host",
            ] {
                let fault = fault(name, address).unwrap();
                assert!(fault.contains(name) && fault.contains("as %2F"), "{fault}");
                assert!(fault.contains("***@host") && !fault.contains("7f3a"), "{fault}");
            }
            for address in [
                "http://user:7,7f3a@host",
                "http://user:7f3a,se@host",
                "user:7f3a,se@host",
                "http://user:7, 7f3a,,se@host",
                "http://other,http://user:7f3a,se@host,http://other",
                "http://user:7,7f3a:se@host",
                "http://user:7,7f3a/se@host",
            ] {
                let fault = fault(name, address).unwrap();
                assert!(fault.contains(name) && fault.contains("as %2C"), "{fault}");
                assert!(!fault.contains("7f3a") && !fault.contains("host"), "{fault}");
            }
            for address in [
                "http://user:7%2F7f3a@host:8080/a%40b",
                "http://user:7@host/a",
                "http://host/a@b",
                "http://token@host/a@b",
                "http://[::1]:8080/a@b",
                "http://other:80,http://user:7@host",
                "http://other,user:7@host",
                "user:7@other,user:7@host",
                "http://[::1]:8080,token@host",
            ] {
                assert_eq!(fault(name, address), None);
            }
        }
    }
}
