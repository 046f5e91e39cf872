//! Settings of signing in: OpenID Connect, and who may use a password of the portal beside another
//! way. How users sign in is not known here.

use castalia_core::redact::without_credentials;
use castalia_store::Secret;

use super::definition::find;
use super::directory::DirectorySettings;
use super::read::SettingsReader;
use super::role::Role;

/// Addresses at which a provider may be reached without TLS.
const OWN_MACHINE: [&str; 3] = ["http://127.0.0.1", "http://[::1]", "http://localhost"];

/// How users sign in. By default with a password in the portal's database.
#[derive(Debug, Clone, Default)]
pub struct SignInSettings {
    /// Users who may sign in with a password of the portal although another way is configured.
    pub local_users: Vec<String>,
    /// Whether users of another way sign in to accounts that have a password of the portal.
    pub link_local_users: bool,
    /// The provider, if users sign in with OpenID Connect.
    pub open_id: Option<OpenIdSettings>,
    /// The proxy that signs users in, if there is one.
    pub proxy: Option<ProxySettings>,
    /// The directory, if users sign in with its passwords.
    pub directory: Option<DirectorySettings>,
}

/// A proxy that identifies users in a header.
#[derive(Debug, Clone)]
pub struct ProxySettings {
    /// Header with the user name.
    pub user_header: String,
    /// Header with the display name.
    pub display_name_header: Option<String>,
    /// Header with the mail address.
    pub email_header: Option<String>,
    /// Header with the secret.
    pub secret_header: String,
    /// Secret that only the proxy knows.
    pub secret: Secret,
}

/// A provider of OpenID Connect.
#[derive(Debug, Clone)]
pub struct OpenIdSettings {
    /// Identifier of the provider, to which the path of its discovery document is appended.
    pub issuer: String,
    /// Name of the portal at the provider.
    pub client_id: String,
    /// Secret of the portal at the provider; a public client has none.
    pub client_secret: Option<Secret>,
    /// Whether the secret is sent in the body instead of a header.
    pub secret_in_body: bool,
    /// Last segment of the addresses that the provider redirects to.
    pub registration: String,
    /// Requested scopes, without `openid`.
    pub scopes: Vec<String>,
    /// Claim that becomes the user name.
    pub id_claim: String,
    /// Claim that becomes the display name; by default the first of two usual ones.
    pub name_claim: Option<String>,
    /// Claim that becomes the mail address.
    pub email_claim: String,
    /// Claim that lists the groups.
    pub groups_claim: String,
    /// Users must be in one of these groups; without groups, every user may sign in.
    pub required_groups: Vec<String>,
    /// Members of these groups are super administrators, and other users of the provider are not;
    /// without groups, the list of super administrators is not changed.
    pub super_admin_groups: Vec<String>,
    /// Audience of the tokens that programs may send instead of a session; without one, none is
    /// accepted.
    pub bearer_audience: Option<String>,
}

impl SignInSettings {
    /// Whether this user may sign in with a password of the portal.
    #[must_use]
    pub fn is_local(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        !self.is_external() || self.local_users.iter().any(|local| local.to_lowercase() == name)
    }

    /// Whether the page needs a form for names and passwords.
    #[must_use]
    pub fn has_form(&self) -> bool {
        self.directory.is_some() || self.has_local_passwords()
    }

    /// Whether some users have a password of the portal.
    #[must_use]
    pub fn has_local_passwords(&self) -> bool {
        !self.is_external() || !self.local_users.is_empty()
    }

    /// Whether another system has the accounts.
    #[must_use]
    pub fn is_external(&self) -> bool {
        self.open_id.is_some() || self.directory.is_some() || self.proxy.is_some()
    }
}

impl SettingsReader<'_> {
    pub(super) fn sign_in(&mut self) -> SignInSettings {
        let (open_id, directory) = (self.open_id(), self.directory());
        if open_id.is_some() && directory.is_some() {
            self.fault("ldap.urls", "oidc.issuer_uri is also set; set only one of them");
        }
        SignInSettings {
            local_users: self.list("sign_in.local_users"),
            link_local_users: self.switch("sign_in.link_local_users").unwrap_or_default(),
            open_id,
            directory,
            proxy: self.proxy(),
        }
    }

    fn open_id(&mut self) -> Option<OpenIdSettings> {
        let Some(issuer) = self.text("oidc.issuer_uri") else {
            self.refuse_alone("oidc.", "oidc.issuer_uri");
            return None;
        };
        let shown = without_credentials(&issuer).into_owned();
        if openidconnect::IssuerUrl::new(issuer.clone()).is_err() {
            let problem = format!("`{shown}` is not an address such as https://login.example");
            self.fault("oidc.issuer_uri", problem);
        } else if !is_protected(&issuer) {
            let problem = format!("`{shown}` is not protected by TLS; use an https:// address");
            self.fault("oidc.issuer_uri", problem);
        }
        let registration = self.text("oidc.registration").unwrap_or_default();
        if !castalia_core::protocol::namespace::is_valid_name(&registration) {
            self.fault("oidc.registration", format!("`{registration}` is not a name"));
        }
        let client_id = self.text("oidc.client_id");
        if client_id.is_none() {
            self.fault("oidc.client_id", "is unset; OpenID Connect needs it");
        }
        let mut scopes = self.list("oidc.scope");
        scopes.retain(|scope| scope != "openid");
        Some(OpenIdSettings {
            issuer,
            client_id: client_id.unwrap_or_default(),
            client_secret: self.secret("oidc.client_secret", "oidc.client_secret_file"),
            secret_in_body: self
                .choice(
                    "oidc.client_authentication_method",
                    &[("client_secret_basic", false), ("client_secret_post", true)],
                )
                .unwrap_or_default(),
            registration,
            scopes,
            id_claim: self.text("oidc.user_id_claim_name").unwrap_or_default(),
            name_claim: self.text("oidc.user_display_name_claim_name"),
            email_claim: self.text("oidc.email_claim_name").unwrap_or_default(),
            groups_claim: self.text("oidc.groups_claim_name").unwrap_or_default(),
            required_groups: self.list("oidc.required_groups"),
            super_admin_groups: self.list("oidc.super_admin_groups"),
            bearer_audience: self.text("oidc.bearer_audience"),
        })
    }

    fn proxy(&mut self) -> Option<ProxySettings> {
        let secret = self.secret("proxy_sign_in.secret", "proxy_sign_in.secret_file");
        let Some(user_header) = self.header("proxy_sign_in.user_header") else {
            self.refuse_alone("proxy_sign_in.", "proxy_sign_in.user_header");
            return None;
        };
        let Some(secret) = secret else {
            let problem = "needs proxy_sign_in.secret; without it anybody could send the header";
            self.fault("proxy_sign_in.user_header", problem);
            return None;
        };
        self.check_token("proxy_sign_in.secret", secret.expose());
        Some(ProxySettings {
            user_header,
            display_name_header: self.header("proxy_sign_in.display_name_header"),
            email_header: self.header("proxy_sign_in.email_header"),
            secret_header: self.header("proxy_sign_in.secret_header").unwrap_or_default(),
            secret,
        })
    }

    /// The name of a header.
    fn header(&mut self, name: &str) -> Option<String> {
        let text = self.text(name)?;
        if text.parse::<http::HeaderName>().is_err() {
            self.fault(name, format!("`{text}` is not the name of a header"));
        }
        Some(text.to_lowercase())
    }

    /// A secret that is set by its text or by the name of a file.
    pub(super) fn secret(&mut self, text: &str, file: &str) -> Option<Secret> {
        match (self.text(text), self.text(file)) {
            (Some(_), Some(_)) => {
                self.fault(file, format!("{text} is also set; set only one of them"));
                None
            }
            (Some(secret), None) => Some(Secret::new(secret)),
            (None, Some(path)) => match super::file::text(&path) {
                Ok(secret) if !secret.trim().is_empty() => Some(Secret::new(secret.trim())),
                Ok(_) => {
                    self.fault(file, format!("{path} is empty"));
                    None
                }
                Err(error) => {
                    self.fault(file, format!("cannot read {path}: {error}"));
                    None
                }
            },
            (None, None) => None,
        }
    }

    pub(super) fn list(&mut self, name: &str) -> Vec<String> {
        let text = self.text(name).unwrap_or_default();
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        words.map(str::to_owned).collect()
    }

    /// Settings with this prefix have no effect without the needed one, which is a mistake, unless no
    /// user signs in here: nodes of all roles may share an environment.
    pub(super) fn refuse_alone(&mut self, prefix: &str, needed: &str) {
        let roles = self.text("roles").unwrap_or_default();
        if !roles.split(',').any(|role| role.trim() == Role::Portal.name()) {
            return;
        }
        let names: Vec<_> = self.texts.explicit().map(|(name, _)| name).collect();
        for name in names.into_iter().filter(|name| name.starts_with(prefix)) {
            let default = find(name).and_then(|definition| definition.default);
            if self.text(name).is_some_and(|text| Some(&*text) != default) {
                self.fault(name, format!("has no effect without {needed}"));
            }
        }
    }
}

/// Whether nobody on the network can read or change what is exchanged with an address.
fn is_protected(address: &str) -> bool {
    let is_own = |own: &&str| {
        let rest = address.strip_prefix(*own);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
    };
    address.starts_with("https://") || OWN_MACHINE.iter().any(is_own)
}

#[cfg(test)]
mod tests {
    use super::super::{Settings, Texts};
    use super::*;

    fn read(flags: &[(&'static str, &str)]) -> Result<SignInSettings, String> {
        let flags = flags.iter().map(|(name, text)| (*name, (*text).to_owned())).collect();
        let texts = Texts::gather(flags, None, std::iter::empty()).unwrap();
        let settings = Settings::from_texts(&texts);
        settings.map(|settings| settings.sign_in).map_err(|faults| format!("{faults:?}"))
    }

    #[test]
    fn without_settings_everyone_has_a_password_of_the_portal() {
        let settings = read(&[]).unwrap();
        assert!(settings.is_local("anyone") && settings.has_form());
    }

    #[test]
    fn beside_a_provider_only_named_users_have_one() {
        let provider = [("oidc.issuer_uri", "https://login.example"), ("oidc.client_id", "portal")];
        let settings = read(&provider).unwrap();
        assert!(!settings.is_local("apollo") && !settings.has_form());
        let settings = [&provider[..], &[("sign_in.local_users", "apollo, Anna")]].concat();
        let settings = read(&settings).unwrap();
        assert!(settings.is_local("Apollo") && settings.is_local("anna") && settings.has_form());
        assert!(!settings.is_local("other"));
    }

    /// X115.
    #[test]
    fn a_form_is_for_passwords_of_the_portal_or_of_a_directory() {
        let proxy = [
            ("proxy_sign_in.user_header", "X-User"),
            ("proxy_sign_in.secret", "0123456789abcdef0123456789abcdef"),
        ];
        let directory =
            [("ldap.urls", "ldap://a"), ("ldap.base", "dc=a"), ("ldap.search_filter", "(uid={0})")];
        assert!(!read(&proxy).unwrap().has_form());
        assert!(read(&[&proxy[..], &directory].concat()).unwrap().has_form());
        let local = [("sign_in.local_users", "apollo")];
        assert!(read(&[&proxy[..], &local].concat()).unwrap().has_form());
    }

    #[test]
    fn the_examples_of_the_documentation_are_valid() {
        const PAGE: &str = include_str!("../../../docs/sign-in.md");
        let dir = tempfile::tempdir().unwrap();
        let secret = dir.path().join("secret");
        std::fs::write(&secret, "0123456789abcdef0123456789abcdef").unwrap();
        let examples: Vec<&str> = PAGE.split("```toml\n").skip(1).collect();
        for example in &examples {
            let text = example.split("```").next().unwrap();
            let text = text.lines().map(|line| match line.split_once(" = \"/etc/") {
                Some((name, _)) => format!("{name} = \"{}\"", secret.display()),
                None => line.to_owned(),
            });
            let file = dir.path().join("castalia.toml");
            std::fs::write(&file, text.collect::<Vec<_>>().join("\n")).unwrap();
            let texts = Texts::gather(Vec::new(), Some(file), std::iter::empty()).unwrap();
            Settings::from_texts(&texts).unwrap_or_else(|faults| panic!("{faults:?} in {example}"));
        }
        assert_eq!(examples.len(), 6);
    }

    #[test]
    fn mistakes_stop_the_start() {
        let id = ("oidc.client_id", "portal");
        for (flags, problem) in [
            (vec![id], "has no effect without oidc.issuer_uri"),
            (vec![("oidc.bearer_audience", "api")], "has no effect without oidc.issuer_uri"),
            (
                vec![id, ("oidc.issuer_uri", "https://a"), ("oidc.bearer_audience", "")],
                "is set but empty",
            ),
            (vec![("oidc.issuer_uri", "https://login.example")], "--oidc-client-id"),
            (vec![id, ("oidc.issuer_uri", "login.example")], "is not an address"),
            (vec![id, ("oidc.issuer_uri", "http://login.example")], "not protected by TLS"),
            (vec![id, ("oidc.issuer_uri", "http://localhost.evil.example")], "not protected"),
            (
                vec![id, ("oidc.issuer_uri", "https://a"), ("oidc.client_secret_file", "/absent")],
                "cannot read /absent",
            ),
            (vec![("proxy_sign_in.user_header", "X-User")], "needs proxy_sign_in.secret"),
            (
                vec![("proxy_sign_in.user_header", "X-User"), ("proxy_sign_in.secret", "short")],
                "at least 32 characters",
            ),
            (vec![("ldap.base", "dc=a")], "has no effect without ldap.urls"),
            (vec![("ldap.start_tls", "maybe")], "has no effect without ldap.urls"),
            (vec![("oidc.scope", "email")], "has no effect without oidc.issuer_uri"),
            (
                vec![("proxy_sign_in.email_header", "X-Mail")],
                "has no effect without proxy_sign_in.user_header",
            ),
            (vec![("ldap.urls", "ldap://a")], "--ldap-base"),
            (vec![("ldap.urls", "http://a")], "is not an address"),
            (vec![("ldap.urls", "ldap://a"), ("ldap.username", "cn=a")], "needs ldap.password"),
            (vec![("ldap.urls", "ldap://a"), ("ldap.search_filter", "(uid=a)")], "has no {0}"),
            (vec![id, ("oidc.issuer_uri", "https://a"), ("ldap.urls", "ldap://a")], "only one"),
            (
                vec![id, ("oidc.issuer_uri", "https://a"), ("oidc.required_groups", " ")],
                "is set but empty",
            ),
        ] {
            let found = read(&flags).unwrap_err();
            assert!(found.contains(problem), "{found} instead of {problem}");
        }
        assert!(read(&[id, ("oidc.issuer_uri", "http://127.0.0.1:9000/realm")]).is_ok());
        assert!(read(&[("ldap.start_tls", "false")]).is_ok(), "the default");
        assert!(read(&[("ldap.base", "dc=a"), ("roles", "config,admin")]).is_ok(), "shared");
    }
}
