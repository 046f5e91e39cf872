//! Who may call the hosted Eureka: the user name and the password of clients and peers, under the
//! names of this server and of Apollo. The password may be a hash, as Spring Security writes it.

use std::net::IpAddr;

use castalia_store::Secret;

use super::SettingsReader;
use crate::password::{self, Memory};
use crate::server_config::keys;

/// A password that is compared with a hash only to learn whether the hash can be verified at all.
const PROBE: &str = "x";

/// What clients and peers of the hosted Eureka send.
#[derive(Debug, Clone)]
pub struct EurekaCredentials {
    /// User name.
    pub username: String,
    /// Password.
    pub password: EurekaPassword,
}

/// A password, in the form that the settings have.
#[derive(Debug, Clone)]
pub enum EurekaPassword {
    /// The password itself.
    Clear(Secret),
    /// A hash of it, after the marker of its scheme.
    Hashed(Secret),
}

/// Who may call.
pub(super) struct Callers {
    pub(super) credentials: Option<EurekaCredentials>,
    pub(super) is_open: bool,
    pub(super) ignores_credentials: bool,
}

impl SettingsReader<'_> {
    pub(super) fn eureka_callers(&mut self, is_hosted: bool, bind: IpAddr) -> Callers {
        let is_open = self.switch("eureka.open").unwrap_or_default();
        let security = keys::EUREKA_SECURITY.name;
        let is_secured = self.fixed_switch(security);
        let known = self.faults.len();
        let credentials = self.eureka_credentials();
        let is_missing = credentials.is_none() && self.faults.len() == known;
        let is_exposed = is_hosted && !is_open && !bind.is_loopback();
        match is_secured {
            Some(true) if is_open => {
                self.fault(security, "is true, and eureka.open=on admits everyone; unset one of them");
            }
            Some(true) if is_hosted && is_missing => {
                self.fault(security, "requires eureka.username and eureka.password");
            }
            Some(false) if is_exposed => self.fault(
                security,
                "is false, which admits everyone who reaches the config port; confirm that by eureka.open=on, or set it to true",
            ),
            None if is_exposed && is_missing => self.fault(
                "eureka.username",
                "hosting Eureka for others than this machine requires eureka.username and eureka.password; \
                 eureka.open admits everyone",
            ),
            _ => {}
        }
        let is_required = !is_open && is_secured != Some(false);
        let ignores_credentials = credentials.is_some() && !is_required;
        let credentials = credentials.filter(|_| is_required);
        Callers { credentials, is_open, ignores_credentials }
    }

    fn eureka_credentials(&mut self) -> Option<EurekaCredentials> {
        let name = self.text("eureka.username").or_else(|| self.fixed(keys::EUREKA_USER.name));
        let own = self.secret("eureka.password", "eureka.password_file");
        let (source, password) = match own {
            Some(password) => ("eureka.password", Some(password)),
            None => {
                let key = keys::EUREKA_PASSWORD.name;
                (key, self.fixed(key).map(Secret::new))
            }
        };
        match (name, password) {
            (Some(username), Some(password)) => {
                if username.contains(':') {
                    let problem = "contains `:`, which separates it from the password";
                    self.fault("eureka.username", problem);
                }
                let password = self.eureka_password(source, password)?;
                Some(EurekaCredentials { username, password })
            }
            (Some(_), None) => {
                self.fault("eureka.username", "needs eureka.password or eureka.password_file");
                None
            }
            (None, Some(_)) => {
                self.fault(source, "has no effect without eureka.username");
                None
            }
            (None, None) => None,
        }
    }

    /// As Spring Boot, a text without the marker of a scheme is the password itself.
    fn eureka_password(&mut self, name: &str, text: Secret) -> Option<EurekaPassword> {
        let marked = text.expose().strip_prefix('{').and_then(|rest| rest.split_once('}'));
        let clear = match marked {
            Some(("noop", clear)) => Secret::new(clear),
            Some((marker, _)) if !marker.is_empty() => {
                return self.eureka_hash(name, marker == "placeholder", text);
            }
            _ => text,
        };
        if clear.expose().is_empty() {
            self.fault(name, "has no password after `{noop}`");
        }
        // Spring's clients split the credentials in a URL at every `:` and then send none.
        if clear.expose().contains(':') {
            self.fault(name, "contains `:`, which Spring's clients cannot send");
        }
        Some(EurekaPassword::Clear(clear))
    }

    /// The text is not repeated: it may be a password that begins with a brace.
    fn eureka_hash(&mut self, name: &str, is_never: bool, hash: Secret) -> Option<EurekaPassword> {
        if is_never || password::try_verify(&mut Memory::default(), PROBE, hash.expose()).is_none()
        {
            self.fault(
                name,
                "begins with `{`, and is no hash that can be verified; use {bcrypt} and a hash, or put {noop} in front of the password itself",
            );
            return None;
        }
        Some(EurekaPassword::Hashed(hash))
    }

    /// A switch of Apollo that this node fixes, in any case as Spring reads it.
    pub(super) fn fixed_switch(&mut self, key: &str) -> Option<bool> {
        let text = self.fixed(key).filter(|text| !text.trim().is_empty())?;
        let value = match text.trim().to_ascii_lowercase().as_str() {
            "true" | "on" => Some(true),
            "false" | "off" => Some(false),
            _ => None,
        };
        if value.is_none() {
            self.fault(key, format!("`{text}` is not one of true, false, on, off"));
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Settings, Texts};

    /// Hash of `pw`.
    const BCRYPT: &str = "{bcrypt}$2a$04$5eVsL58M16C3/wNrCpzif.vFCgRexdjJce1lInDewNOqpYgF3WZNK";

    fn settings(variables: &[(&str, &str)]) -> Result<Settings, String> {
        let prefixed =
            |(name, text): &(&str, &str)| (format!("CASTALIA_{name}"), (*text).to_owned());
        let texts = Texts::gather(Vec::new(), None, variables.iter().map(prefixed))
            .map_err(|faults| listed(&faults))?;
        Settings::from_texts(&texts).map_err(|faults| listed(&faults))
    }

    fn listed(faults: &[crate::settings::Fault]) -> String {
        faults.iter().map(|fault| format!("{fault}\n")).collect()
    }

    fn password(text: &str) -> Result<EurekaPassword, String> {
        let variables = [("EUREKA_USERNAME", "eu"), ("EUREKA_PASSWORD", text)];
        let settings = settings(&variables)?;
        settings.eureka.credentials.map(|them| them.password).ok_or_else(String::new)
    }

    #[test]
    fn a_password_is_clear_or_a_hash_as_spring_boot_decides_it() {
        for (text, expected) in [("pw", "pw"), ("{noop}pw", "pw"), ("{}pw", "{}pw"), ("{p", "{p")] {
            let Ok(EurekaPassword::Clear(clear)) = password(text) else { panic!("{text}") };
            assert_eq!(clear.expose(), expected);
        }
        let Ok(EurekaPassword::Hashed(hash)) = password(BCRYPT) else { panic!("{BCRYPT}") };
        assert_eq!(hash.expose(), BCRYPT);
        for text in ["{other}pw", "{bcrypt}pw", "{placeholder}pw", "{Bcrypt}pw"] {
            let faults = password(text).unwrap_err();
            assert!(faults.starts_with("CASTALIA_EUREKA_PASSWORD: begins with"), "{faults}");
            assert!(faults.contains("put {noop} in front"), "{faults}");
            assert!(!faults.contains("pw"), "{faults}");
        }
        assert!(password("{noop}").unwrap_err().contains("no password after"));
        assert!(password("{noop}p:w").unwrap_err().contains("cannot send"));
    }

    #[test]
    fn the_keys_of_apollo_name_the_user_and_a_password_of_either_form() {
        for (text, is_hashed) in [("{noop}pw", false), (BCRYPT, true)] {
            let settings = settings(&[
                ("APOLLO_EUREKA_SERVER_ENABLED", "true"),
                ("APOLLO_EUREKA_SERVER_SECURITY_ENABLED", "TRUE"),
                ("APOLLO_EUREKA_SERVER_SECURITY_USERNAME", "eu"),
                ("APOLLO_EUREKA_SERVER_SECURITY_PASSWORD", text),
            ]);
            let credentials = settings.unwrap().eureka.credentials.unwrap();
            assert_eq!(credentials.username, "eu");
            assert_eq!(matches!(credentials.password, EurekaPassword::Hashed(_)), is_hashed);
        }
        let unknown = settings(&[
            ("APOLLO_EUREKA_SERVER_SECURITY_USERNAME", "eu"),
            ("APOLLO_EUREKA_SERVER_SECURITY_PASSWORD", "{other}x"),
        ]);
        let faults = unknown.unwrap_err();
        assert!(faults.starts_with("apollo.eureka.server.security.password: "), "{faults}");
    }

    #[test]
    fn the_switches_of_apollo_are_read_in_any_case_and_nothing_else() {
        let hosts = |text: &str| {
            let settings = settings(&[("APOLLO_EUREKA_SERVER_ENABLED", text)])?;
            Ok::<_, String>(settings.eureka.is_hosted)
        };
        for text in ["true", "TRUE", "True", "on", " true "] {
            assert_eq!(hosts(text), Ok(true), "{text}");
        }
        for text in ["false", "FALSE", "off"] {
            assert_eq!(hosts(text), Ok(false), "{text}");
        }
        for text in ["yes", "1", "ture"] {
            let faults = hosts(text).unwrap_err();
            assert!(faults.contains("apollo.eureka.server.enabled: `"), "{faults}");
            assert!(faults.contains("is not one of true, false, on, off"), "{faults}");
        }
    }

    #[test]
    fn security_that_is_switched_off_admits_everyone_only_where_that_is_confirmed() {
        let security = ("APOLLO_EUREKA_SERVER_SECURITY_ENABLED", "false");
        let (host, everywhere) = (("EUREKA_HOST", "on"), ("BIND", "0.0.0.0"));
        let (user, password) = (("EUREKA_USERNAME", "eu"), ("EUREKA_PASSWORD", "pw"));
        let on_loopback = settings(&[host, security, user, password]).unwrap();
        assert!(on_loopback.eureka.credentials.is_none());
        let faults = settings(&[host, security, user, password, everywhere]).unwrap_err();
        assert!(faults.contains("security.enabled: is false"), "{faults}");
        assert!(faults.contains("eureka.open=on") && faults.lines().count() == 1, "{faults}");
        let open = ("EUREKA_OPEN", "on");
        let settings_open = settings(&[host, security, open, everywhere]).unwrap();
        assert!(settings_open.eureka.is_open);
        let security = (security.0, "true");
        let faults = settings(&[host, security, open]).unwrap_err();
        assert!(faults.contains("unset one of them"), "{faults}");
        let faults = settings(&[host, security]).unwrap_err();
        assert!(faults.contains("requires eureka.username"), "{faults}");
        assert!(settings(&[host, security, user, password, everywhere]).is_ok());
    }

    #[test]
    fn a_list_of_apps_without_an_app_does_not_admit_all() {
        let apps = |text| settings(&[("EUREKA_APPS", text)]).map(|settings| settings.eureka.apps);
        for text in [",", " , "] {
            let faults = apps(text).unwrap_err();
            assert!(faults.starts_with("CASTALIA_EUREKA_APPS: names no app"), "{faults}");
        }
        assert_eq!(apps("demo,").unwrap(), ["DEMO"]);
        assert!(apps("").unwrap().is_empty());
    }
}
