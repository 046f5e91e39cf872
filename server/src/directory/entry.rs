//! Entries of a directory: the filters that find them, and what the settings make of them (pure).

use std::borrow::Cow;
use std::collections::HashMap;

use ldap3::ldap_escape;

use crate::settings::directory::{DirectorySettings, GroupSettings};

/// Bit of `userAccountControl` in Active Directory: the account is disabled.
const ACCOUNT_DISABLED: u32 = 2;
/// Values of other attributes that say so.
const DISABLED: [&str; 5] = ["disabled", "inactive", "locked", "suspended", "terminated"];

/// What the name that a user types replaces in a filter.
const NAME: &str = "{0}";
/// Holds for every entry.
const ANY_ENTRY: &str = "objectClass=*";
/// Holds for no entry.
const NO_ENTRY: &str = "!(objectClass=*)";

/// An entry that a search found.
#[derive(Debug, Clone)]
pub struct DirectoryEntry {
    /// Distinguished name.
    pub dn: String,
    /// Values by attribute.
    pub attributes: HashMap<String, Vec<String>>,
}

/// A user as the settings read an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryUser {
    /// The login id of the entry, whatever was typed.
    pub id: String,
    /// Display name.
    pub display_name: Option<String>,
    /// Mail address.
    pub email: Option<String>,
}

impl DirectoryEntry {
    /// Names of attributes ignore case.
    fn first(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.and_then(|(_, values)| values.first()).map(String::as_str)
    }

    /// The values of an attribute that the directory returned.
    pub(super) fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        let found = self
            .attributes
            .iter()
            .filter(move |(known, _)| known.eq_ignore_ascii_case(name) || is_range_of(known, name));
        found.flat_map(|(_, values)| values).map(String::as_str)
    }

    /// Whether these are a range of the values of the attribute.
    pub(super) fn is_range(&self, name: &str) -> bool {
        self.attributes.keys().any(|known| is_range_of(known, name))
    }
}

/// Whether a name in an answer, such as `member;range=0-1499`, is that of a range of the values of
/// an attribute. Active Directory returns one if there are too many values.
fn is_range_of(known: &str, name: &str) -> bool {
    known.split_once(';').is_some_and(|(attribute, option)| {
        attribute.eq_ignore_ascii_case(name) && option.to_ascii_lowercase().starts_with("range=")
    })
}

impl GroupSettings {
    /// Finds the groups that have an entry as a member, by its distinguished name or its id.
    pub(super) fn with_member(&self, dn: &str, id: &str) -> String {
        // Alone, a filter may do without its parentheses.
        let filter = match self.filter.starts_with('(') {
            true => Cow::from(&self.filter),
            false => format!("({})", self.filter).into(),
        };
        let (member, dn, id) = (&self.membership, ldap_escape(dn), ldap_escape(id));
        format!("(&{filter}(|({member}={dn})({member}={id})))")
    }
}

impl DirectorySettings {
    /// The attributes to read.
    pub(super) fn attributes(&self) -> Vec<String> {
        let names = [&self.login_id, &self.display_name, &self.email];
        names.into_iter().chain(&self.account_status).cloned().collect()
    }

    /// The entry whose user signs in with this name.
    pub(super) fn sign_in_filter(&self, name: &str) -> String {
        self.of_users(&self.search_filter.replace(NAME, &ldap_escape(name)))
    }

    /// The entry with this id.
    pub(super) fn search_by_id(&self, id: &str) -> String {
        self.of_users(&format!("({}={})", self.login_id, ldap_escape(id)))
    }

    /// The entries with this id whose users may sign in, with whatever name.
    pub(super) fn admitted_by_id(&self, id: &str) -> String {
        let (login_id, id) = (&self.login_id, ldap_escape(id));
        self.of_users(&format!("(&({login_id}={id}){})", for_any_name(&self.search_filter)))
    }

    /// Entries whose id or display name begins with the text.
    pub(super) fn search_for(&self, text: &str) -> String {
        let text = ldap_escape(text);
        let (id, name) = (&self.login_id, &self.display_name);
        self.of_users(&format!("(|({id}={text}*)({name}={text}*))"))
    }

    fn of_users(&self, filter: &str) -> String {
        let member_of = self.member_of.iter();
        let groups: String =
            member_of.map(|group| format!("(memberOf={})", ldap_escape(group))).collect();
        let groups = if groups.is_empty() { groups } else { format!("(|{groups})") };
        format!("(&(objectClass={}){groups}{filter})", ldap_escape(&self.object_class))
    }

    /// The user of an entry; `None` if it has no id or is disabled.
    pub(super) fn person(&self, entry: &DirectoryEntry) -> Option<DirectoryUser> {
        if self.is_disabled(entry) {
            return None;
        }
        Some(DirectoryUser {
            id: entry.first(&self.login_id)?.to_owned(),
            display_name: entry.first(&self.display_name).map(str::to_owned),
            email: entry.first(&self.email).map(str::to_owned),
        })
    }

    fn is_disabled(&self, entry: &DirectoryEntry) -> bool {
        let Some(name) = &self.account_status else { return false };
        let Some(status) = entry.first(name) else { return false };
        let status = status.trim();
        if name.eq_ignore_ascii_case("userAccountControl") {
            return status.parse::<u32>().is_ok_and(|flags| flags & ACCOUNT_DISABLED != 0);
        }
        if name.eq_ignore_ascii_case("nsAccountLock") {
            return status.eq_ignore_ascii_case("true");
        }
        DISABLED.iter().any(|word| status.eq_ignore_ascii_case(word))
    }
}

/// The filter without what it requires of the name that a user types.
fn for_any_name(filter: &str) -> String {
    let (mut result, mut done) = (String::with_capacity(filter.len()), 0);
    // Values of a filter contain no parenthesis that is not escaped.
    while let Some(found) = filter[done..].find(NAME).map(|at| done + at) {
        let start = filter[..found].rfind('(').map_or(done, |at| done.max(at + 1));
        let end = filter[found..].find(')').map_or(filter.len(), |at| found + at);
        result.push_str(&filter[done..start]);
        match is_negated(&filter[..start]) {
            true => result.push_str(NO_ENTRY),
            false => result.push_str(&assertion_for_any_name(&filter[start..end])),
        }
        done = end;
    }
    result + &filter[done..]
}

/// Whether what follows in a filter must not hold.
fn is_negated(before: &str) -> bool {
    let mut open = Vec::new();
    for (at, character) in before.char_indices() {
        match character {
            '(' => open.push(before[at + 1..].trim_start().starts_with('!')),
            ')' => {
                open.pop();
            }
            _ => {}
        }
    }
    open.into_iter().filter(|is_not| *is_not).count() % 2 == 1
}

/// What holds if an assertion about a name holds for any name. Of a comparison that has no
/// wildcards, that the attribute is present.
fn assertion_for_any_name(assertion: &str) -> Cow<'static, str> {
    let attribute = assertion.split(['=', ':', '<', '>', '~']).next().unwrap_or_default();
    if attribute.trim().is_empty() || attribute.contains(NAME) {
        return ANY_ENTRY.into();
    }
    let value = assertion[attribute.len()..].strip_prefix('=');
    // A part of a distinguished name cannot be compared.
    let Some(value) = value.filter(|value| !value.contains('=')) else {
        return format!("{attribute}=*").into();
    };
    let mut value = value.trim().replace(NAME, "*");
    while value.contains("**") {
        value = value.replace("**", "*");
    }
    format!("{attribute}={value}").into()
}

/// Whether two distinguished names are equal but for case and blanks around their parts.
pub(super) fn is_same_dn(a: &str, b: &str) -> bool {
    let parts = |dn: &str| {
        let parts = dn.split(',').map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            format!("{}={}", name.trim(), value.trim()).to_lowercase()
        });
        parts.collect::<Vec<_>>()
    };
    parts(a) == parts(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Settings, Texts};

    fn settings(flags: &[(&'static str, &str)]) -> DirectorySettings {
        let needed = [
            ("ldap.urls", "ldap://127.0.0.1"),
            ("ldap.base", "dc=a"),
            ("ldap.search_filter", "(uid={0})"),
        ];
        let flags = needed.iter().chain(flags);
        let flags = flags.map(|(name, text)| (*name, (*text).to_owned())).collect();
        let texts = Texts::gather(flags, None, std::iter::empty()).unwrap();
        Settings::from_texts(&texts).unwrap().sign_in.directory.unwrap()
    }

    fn entry(pairs: &[(&str, &str)]) -> DirectoryEntry {
        let attributes =
            pairs.iter().map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()]));
        DirectoryEntry { dn: "uid=a,dc=a".to_owned(), attributes: attributes.collect() }
    }

    #[test]
    fn no_text_of_a_user_becomes_a_part_of_the_filter() {
        let settings = settings(&[("ldap.member_of", "cn=a,dc=a|cn=b,dc=a")]);
        let users = "(&(objectClass=inetOrgPerson)(|(memberOf=cn=a,dc=a)(memberOf=cn=b,dc=a))";
        let filter = settings.sign_in_filter("*)(uid=*))(|(uid=*");
        assert_eq!(filter, format!("{users}(uid=\\2a\\29\\28uid=\\2a\\29\\29\\28|\\28uid=\\2a))"));
        assert_eq!(settings.search_by_id("a\\\0"), format!("{users}(uid=a\\5c\\00))"));
        assert_eq!(settings.search_for("a*"), format!("{users}(|(uid=a\\2a*)(cn=a\\2a*)))"));
    }

    /// X56.
    #[test]
    fn what_a_filter_requires_beside_the_name_is_required_of_the_owner_of_a_token() {
        let filters = [
            ("(uid={0})", "(uid=*)"),
            ("(&(uid={0})(!(locked=TRUE)))", "(&(uid=*)(!(locked=TRUE)))"),
            ("(|(uid={0})(mail={0}@corp))", "(|(uid=*)(mail=*@corp))"),
            ("(&(cn=*{0}*)(ou=a*))", "(&(cn=*)(ou=a*))"),
            // Neither has wildcards.
            ("(distinguishedName=CN={0},OU=a)", "(distinguishedName=*)"),
            ("(|(cn:caseExactMatch:={0})(sn>={0})(cn~={0}))", "(|(cn=*)(sn=*)(cn=*))"),
            ("(:dn:2.4.6.8.10:={0})", "(objectClass=*)"),
            // Who is refused by one name may sign in with another one.
            ("(&(uid={0})(!(refused={0})))", "(&(uid=*)(!(!(objectClass=*))))"),
            ("(!(|(a=1)(a={0})))", "(!(|(a=1)(!(objectClass=*))))"),
            ("(!(!(uid={0})))", "(!(!(uid=*)))"),
        ];
        for (filter, expected) in filters {
            assert_eq!(for_any_name(filter), expected);
        }
        let filter = settings(&[]).admitted_by_id("a*");
        assert_eq!(filter, "(&(objectClass=inetOrgPerson)(&(uid=a\\2a)(uid=*)))");
    }

    /// X128.
    #[test]
    fn a_range_of_the_values_of_an_attribute_is_recognised() {
        let group = entry(&[("Member;Range=0-1499", "cn=a"), ("member", "cn=b"), ("members", "c")]);
        let mut values: Vec<_> = group.values("member").collect();
        values.sort_unstable();
        assert_eq!(values, ["cn=a", "cn=b"]);
        assert!(group.is_range("member") && !group.is_range("members"));
        assert!(!entry(&[("member;lang-en", "x")]).is_range("member"));
        for search in ["(cn=dev)", "cn=dev"] {
            let groups = settings(&[("ldap.group_search", search)]).groups.unwrap();
            let expected = "(&(cn=dev)(|(member=cn=a\\2a,dc=a)(member=a\\28)))";
            assert_eq!(groups.with_member("cn=a*,dc=a", "a("), expected);
        }
    }

    #[test]
    fn the_id_is_that_of_the_entry() {
        let found = settings(&[]).person(&entry(&[("UID", "Anna"), ("cn", "Anna A."), ("x", "y")]));
        let found = found.unwrap();
        assert_eq!((found.id.as_str(), found.display_name.as_deref()), ("Anna", Some("Anna A.")));
        assert_eq!(settings(&[]).person(&entry(&[("cn", "x")])), None);
    }

    #[test]
    fn disabled_accounts_are_recognised() {
        for (name, value, is_disabled) in [
            ("userAccountControl", "514", true),
            ("userAccountControl", "512", false),
            ("nsAccountLock", "TRUE", true),
            ("nsAccountLock", "false", false),
            ("status", "Inactive", true),
            ("status", "active", false),
        ] {
            let settings = settings(&[("ldap.account_status", name)]);
            let found = settings.person(&entry(&[("uid", "a"), (name, value)]));
            assert_eq!(found.is_none(), is_disabled, "{name}={value}");
        }
    }

    #[test]
    fn distinguished_names_ignore_case_and_blanks() {
        assert!(is_same_dn("CN=Anna A., OU=People,dc=a", "cn=anna a.,ou=people , DC=a"));
        assert!(!is_same_dn("cn=anna,dc=a", "cn=anna,dc=b"));
        assert!(!is_same_dn("cn=anna,dc=a", "cn=anna"));
    }
}
