//! Settings of an LDAP directory. The last parts of their names are those of Apollo's portal. How
//! the directory is used is not known here.

use std::sync::Arc;

use castalia_core::redact::without_credentials;
use castalia_store::Secret;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::read::SettingsReader;

/// A directory with whose passwords users sign in.
#[derive(Debug, Clone)]
pub struct DirectorySettings {
    /// Its servers; the first one that answers is used.
    pub urls: Vec<String>,
    /// Whether connections to `ldap://` addresses become TLS connections before anything is sent.
    pub start_tls: bool,
    /// CAs of the directory; those of the operating system by default.
    pub trusted: Option<Arc<RootCertStore>>,
    /// Entry below which users are searched for.
    pub base: String,
    /// Name and password of the account that searches; anonymous without one.
    pub account: Option<(String, Secret)>,
    /// Filter that finds the entry of a user, with `{0}` for what the user typed.
    pub search_filter: String,
    /// Object class of users.
    pub object_class: String,
    /// Attribute that becomes the user name.
    pub login_id: String,
    /// Attribute that becomes the display name.
    pub display_name: String,
    /// Attribute that becomes the mail address.
    pub email: String,
    /// Attribute that marks disabled entries.
    pub account_status: Option<String>,
    /// Groups in `memberOf` of which users need one.
    pub member_of: Vec<String>,
    /// Groups that list their members.
    pub groups: Option<GroupSettings>,
}

/// Groups whose members may sign in.
#[derive(Debug, Clone)]
pub struct GroupSettings {
    /// Entry below which they are searched for.
    pub base: String,
    /// Filter that finds them.
    pub filter: String,
    /// Attribute with the names or login ids of their members.
    pub membership: String,
}

impl SettingsReader<'_> {
    pub(super) fn directory(&mut self) -> Option<DirectorySettings> {
        let urls = self.list("ldap.urls");
        if urls.is_empty() {
            self.refuse_alone("ldap.", "ldap.urls");
            return None;
        }
        for url in &urls {
            let is_url = ["ldap://", "ldaps://"].iter().any(|scheme| url.starts_with(scheme));
            if !is_url {
                let shown = without_credentials(url);
                let problem = format!("`{shown}` is not an address such as ldaps://ldap.example");
                self.fault("ldap.urls", problem);
            }
        }
        let start_tls = self.start_tls(&urls);
        let trusted = self.trusted(start_tls || urls.iter().any(|url| is_tls(url)));
        let base = self.needed("ldap.base");
        let search_filter = self.needed("ldap.search_filter");
        if !search_filter.contains("{0}") && !search_filter.is_empty() {
            self.fault(
                "ldap.search_filter",
                "has no {0}, which is replaced by the name of the user",
            );
        }
        let account = self.account();
        let groups = self.groups(&base);
        let member_of = self.text("ldap.member_of").unwrap_or_default();
        let member_of = member_of.split('|').map(str::trim).filter(|group| !group.is_empty());
        let text = |name: &str| self.text(name).unwrap_or_default();
        Some(DirectorySettings {
            urls,
            start_tls,
            trusted,
            base,
            account,
            search_filter,
            object_class: text("ldap.object_class"),
            login_id: text("ldap.login_id"),
            display_name: text("ldap.user_display_name"),
            email: text("ldap.email"),
            account_status: self.text("ldap.account_status"),
            member_of: member_of.map(str::to_owned).collect(),
            groups,
        })
    }

    /// Refuses addresses of which some would receive passwords in clear: whoever disturbs the
    /// connections to the others would choose these.
    fn start_tls(&mut self, urls: &[String]) -> bool {
        let start_tls = self.switch("ldap.start_tls").unwrap_or_default();
        let with_tls = urls.iter().filter(|url| is_tls(url)).count();
        if start_tls && with_tls == urls.len() {
            self.fault("ldap.start_tls", "is for ldap:// addresses; ldap.urls has none");
        } else if !start_tls && with_tls > 0 && with_tls < urls.len() {
            let problem = "mixes ldap:// with ldaps://; set ldap.start_tls, or use ldaps:// only";
            self.fault("ldap.urls", problem);
        }
        start_tls
    }

    fn trusted(&mut self, is_tls: bool) -> Option<Arc<RootCertStore>> {
        const NAME: &str = "ldap.ca_file";
        let path = self.text(NAME)?;
        if !is_tls {
            self.fault(NAME, "has no effect without ldaps:// or ldap.start_tls");
        }
        let found = super::file::bytes(&path).map_err(|error| error.to_string()).and_then(|pem| {
            let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
            found.map_err(|error| error.to_string())
        });
        let found = found.map_err(|error| self.fault(NAME, format!("cannot use {path}: {error}")));
        // Bundles of companies contain old certificates that cannot be used.
        let mut trusted = RootCertStore::empty();
        let (_, unusable) = trusted.add_parsable_certificates(found.ok()?);
        if trusted.is_empty() {
            let problem = format!("{path} contains no PEM certificate that can be used");
            self.fault(NAME, problem);
            return None;
        }
        if unusable > 0 {
            tracing::warn!(path, unusable, "certificates in ldap.ca_file cannot be used");
        }
        Some(Arc::new(trusted))
    }

    fn account(&mut self) -> Option<(String, Secret)> {
        let password = self.secret("ldap.password", "ldap.password_file");
        match (self.text("ldap.username"), password) {
            (Some(name), Some(password)) => Some((name, password)),
            (Some(_), None) => {
                self.fault("ldap.username", "needs ldap.password or ldap.password_file");
                None
            }
            (None, Some(_)) => {
                self.fault("ldap.username", "is unset, but its password is set");
                None
            }
            (None, None) => None,
        }
    }

    /// Apollo's portal takes the base of groups as relative to that of users.
    fn groups(&mut self, base: &str) -> Option<GroupSettings> {
        let Some(filter) = self.text("ldap.group_search") else {
            self.refuse_alone("ldap.group_", "ldap.group_search");
            return None;
        };
        let within = self.text("ldap.group_base").unwrap_or_default();
        let is_whole = within.to_lowercase().ends_with(&base.to_lowercase());
        let base = match within.as_str() {
            "" => base.to_owned(),
            _ if is_whole => within,
            within => format!("{within},{base}"),
        };
        let membership = self.text("ldap.group_membership").unwrap_or_default();
        Some(GroupSettings { base, filter, membership })
    }

    fn needed(&mut self, name: &str) -> String {
        let text = self.text(name);
        if text.is_none() {
            self.fault(name, "is unset; ldap.urls needs it");
        }
        text.unwrap_or_default()
    }
}

fn is_tls(url: &str) -> bool {
    url.starts_with("ldaps://")
}
