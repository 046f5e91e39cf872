//! Claims about a user, and what the settings make of them (pure).

use serde_json::{Map, Value};

use crate::log_rate::shortened;
use crate::settings::sign_in::OpenIdSettings;

/// Claims that usually contain a display name, best first.
const DISPLAY_NAMES: [&str; 2] = ["preferred_username", "name"];
const EMAIL: &str = "email";
const EMAIL_VERIFIED: &str = "email_verified";

/// What the provider says about a user.
#[derive(Debug, Clone, Default)]
pub struct Claims(Map<String, Value>);

/// A user as the settings read the claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedUser {
    /// User name.
    pub id: String,
    /// Display name.
    pub display_name: Option<String>,
    /// Mail address.
    pub email: Option<String>,
    /// Whether the groups make the user a super administrator; `None` if they do not decide.
    pub is_super_admin: Option<bool>,
}

/// Whether a claim is the subject, or one from which the settings read something.
pub(super) fn is_used(name: &str, settings: &OpenIdSettings) -> bool {
    let OpenIdSettings { id_claim, name_claim, email_claim, groups_claim, .. } = settings;
    let named = [Some(id_claim), name_claim.as_ref(), Some(email_claim), Some(groups_claim)];
    ["sub", EMAIL, EMAIL_VERIFIED].contains(&name)
        || DISPLAY_NAMES.contains(&name)
        || named
            .into_iter()
            .flatten()
            .any(|claim| claim.split('.').next() == Some(name) || claim == name)
}

/// Why a user may not sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInRefusal {
    /// For the log.
    pub problem: String,
    /// Name of the user, if it is certain that no group makes the user a super administrator.
    pub dismissed: Option<String>,
}

impl From<String> for SignInRefusal {
    fn from(problem: String) -> Self {
        Self { problem, dismissed: None }
    }
}

impl Claims {
    /// A claim that is `null` is taken for a missing one.
    pub(super) fn new(mut claims: Map<String, Value>) -> Self {
        claims.retain(|_, value| !value.is_null());
        Self(claims)
    }

    /// Whether a claim that the settings name is missing.
    pub(super) fn lacks(&self, settings: &OpenIdSettings) -> bool {
        let OpenIdSettings { id_claim, name_claim, email_claim, groups_claim, .. } = settings;
        let has_name = match name_claim {
            Some(claim) => self.find(claim).is_some(),
            None => DISPLAY_NAMES.iter().any(|claim| self.find(claim).is_some()),
        };
        let needs_groups =
            !settings.required_groups.is_empty() || !settings.super_admin_groups.is_empty();
        self.find(id_claim).is_none()
            || self.find(email_claim).is_none()
            || !has_name
            || (needs_groups && self.find(groups_claim).is_none())
    }

    /// Adds claims of another source; those that are known already take precedence, because they
    /// were signed.
    pub(super) fn complete(&mut self, others: Map<String, Value>) {
        for (name, value) in others {
            self.0.entry(name).or_insert(value);
        }
    }

    /// The user of these claims.
    ///
    /// # Errors
    /// Returns why the user may not sign in.
    pub fn person(&self, settings: &OpenIdSettings) -> Result<ClaimedUser, SignInRefusal> {
        let id_claim = settings.id_claim.as_str();
        let Some(id) = self.text(id_claim) else {
            return Err(format!("the provider sent no claim `{id_claim}` for the user name").into());
        };
        let shown = shortened(&id);
        // Otherwise a user could enter the address of another one.
        if id_claim == EMAIL && !self.has_verified_email() {
            return Err(
                format!("the provider has not verified the mail address of `{shown}`").into()
            );
        }
        let groups = self.groups(&settings.groups_claim);
        let is_in = |wanted: &[String]| wanted.iter().any(|wanted| groups.contains(wanted));
        let decides = !settings.super_admin_groups.is_empty();
        let is_super_admin = decides.then(|| is_in(&settings.super_admin_groups));
        if !settings.required_groups.is_empty() && !is_in(&settings.required_groups) {
            return Err(SignInRefusal {
                problem: format!("`{shown}` is in none of the groups in oidc.required_groups"),
                dismissed: (is_super_admin == Some(false)).then_some(id),
            });
        }
        let display_name = match &settings.name_claim {
            Some(claim) => self.text(claim),
            None => DISPLAY_NAMES.iter().find_map(|claim| self.text(claim)),
        };
        let email = self.text(&settings.email_claim);
        Ok(ClaimedUser { id, display_name, email, is_super_admin })
    }

    fn has_verified_email(&self) -> bool {
        match self.0.get(EMAIL_VERIFIED) {
            Some(Value::Bool(is_verified)) => *is_verified,
            Some(Value::String(text)) => text == "true",
            _ => false,
        }
    }

    /// A claim of this name, or, if there is none, one that its dots lead to.
    fn find(&self, name: &str) -> Option<&Value> {
        let nested = || {
            let mut names = name.split('.');
            let first = self.0.get(names.next()?)?;
            names.try_fold(first, |value, name| value.get(name))
        };
        self.0.get(name).or_else(nested).filter(|value| !value.is_null())
    }

    fn text(&self, name: &str) -> Option<String> {
        match self.find(name)? {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    fn groups(&self, name: &str) -> Vec<String> {
        match self.find(name) {
            Some(Value::Array(groups)) => {
                groups.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            Some(Value::String(group)) => vec![group.clone()],
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::settings::{Settings, Texts};

    fn object(claims: Value) -> Map<String, Value> {
        let Value::Object(claims) = claims else { panic!("no object") };
        claims
    }

    fn settings(flags: &[(&'static str, &str)]) -> OpenIdSettings {
        let needed = [("oidc.issuer_uri", "https://a"), ("oidc.client_id", "portal")];
        let flags = needed.iter().chain(flags);
        let flags = flags.map(|(name, text)| (*name, (*text).to_owned())).collect();
        let texts = Texts::gather(flags, None, std::iter::empty()).unwrap();
        Settings::from_texts(&texts).unwrap().sign_in.open_id.unwrap()
    }

    fn read(claims: Value, flags: &[(&'static str, &str)]) -> Result<ClaimedUser, String> {
        let person = Claims::new(object(claims)).person(&settings(flags));
        person.map_err(|refusal| refusal.problem)
    }

    #[test]
    fn the_settings_choose_the_claims() {
        let claims = json!({
            "sub": "7f3", "preferred_username": "anna", "name": "Anna A.", "mail": "a@b.example",
            "nick": "an",
        });
        let person = read(claims.clone(), &[]).unwrap();
        assert_eq!((person.id.as_str(), person.display_name.as_deref()), ("7f3", Some("anna")));
        let flags = [
            ("oidc.user_id_claim_name", "nick"),
            ("oidc.user_display_name_claim_name", "name"),
            ("oidc.email_claim_name", "mail"),
        ];
        let person = read(claims.clone(), &flags).unwrap();
        assert_eq!(person.id, "an");
        assert_eq!(person.display_name.as_deref(), Some("Anna A."));
        assert_eq!(person.email.as_deref(), Some("a@b.example"));
        let error = read(claims, &[("oidc.user_id_claim_name", "upn")]).unwrap_err();
        assert!(error.contains("`upn`"), "{error}");
    }

    #[test]
    fn a_claim_that_is_null_is_asked_for_like_a_missing_one() {
        let settings = settings(&[("oidc.required_groups", "staff")]);
        let user_info = json!({ "groups": ["staff"] });
        let token = json!({ "sub": "a", "name": "A", "email": "a@b.example", "groups": null });
        let mut claims = Claims::new(object(token));
        assert!(claims.lacks(&settings));
        claims.complete(object(user_info));
        assert!(!claims.lacks(&settings));
        assert!(claims.person(&settings).is_ok());
    }

    #[test]
    fn groups_decide_who_signs_in_and_who_administers() {
        let flags = [
            ("oidc.required_groups", "staff,admins"),
            ("oidc.super_admin_groups", "admins"),
            ("oidc.groups_claim_name", "realm.roles"),
        ];
        let with = |groups: Value| json!({ "sub": "a", "realm": { "roles": groups } });
        let root = |groups| read(with(groups), &flags).map(|person| person.is_super_admin);
        assert_eq!(root(json!(["staff", "x"])), Ok(Some(false)));
        assert_eq!(root(json!(["admins"])), Ok(Some(true)));
        assert_eq!(root(json!("admins")), Ok(Some(true)));
        for none in [json!([]), json!(["Staff"]), json!(null), json!({ "staff": true })] {
            assert!(root(none.clone()).is_err(), "{none}");
        }
        assert_eq!(read(json!({ "sub": "a" }), &[]).unwrap().is_super_admin, None);
    }

    #[test]
    fn a_mail_address_is_a_user_name_only_if_it_is_verified() {
        let flags = [("oidc.user_id_claim_name", "email")];
        let with = |verified: Value| json!({ "email": "a@b.example", "email_verified": verified });
        assert!(read(with(json!(true)), &flags).is_ok());
        assert!(read(with(json!(false)), &flags).is_err());
        assert!(read(json!({ "email": "a@b.example" }), &flags).is_err());
    }
}
