//! The settings of how users of the portal sign in.

use super::{Definition, define};

pub(super) const SETTINGS: &[Definition] = &[
    define(
        "sign_in.local_users",
        None,
        "LIST",
        "Users who sign in with a password of the portal although another way is configured; nobody by default",
    ),
    define(
        "sign_in.link_local_users",
        Some("false"),
        "BOOL",
        "Let users whom another system identifies sign in to an existing account of their name that has a password of the portal",
    ),
    define("oidc.issuer_uri", None, "URL", "Issuer of OpenID Connect; users then sign in there"),
    define("oidc.client_id", None, "NAME", "Client id of the portal at the issuer"),
    define("oidc.client_secret", None, "SECRET", "Client secret of the portal at the issuer"),
    define(
        "oidc.client_secret_file",
        None,
        "FILE",
        "File that contains the client secret of the portal at the issuer",
    ),
    define(
        "oidc.client_authentication_method",
        Some("client_secret_basic"),
        "client_secret_basic|client_secret_post",
        "Send the client secret in a header or in the body",
    ),
    // The redirect address that operators of Apollo's portal have registered contains it.
    define(
        "oidc.registration",
        Some("apollo"),
        "NAME",
        "Last part of the redirect address: /login/oauth2/code/NAME",
    ),
    define("oidc.scope", Some("openid,profile,email"), "LIST", "Scopes to request from the issuer"),
    define("oidc.user_id_claim_name", Some("sub"), "CLAIM", "Claim that becomes the user name"),
    define(
        "oidc.user_display_name_claim_name",
        None,
        "CLAIM",
        "Claim that becomes the display name; by default preferred_username, or else name",
    ),
    define("oidc.email_claim_name", Some("email"), "CLAIM", "Claim that becomes the mail address"),
    define(
        "oidc.groups_claim_name",
        Some("groups"),
        "CLAIM",
        "Claim that lists the groups of the user; dots lead into nested claims",
    ),
    define(
        "oidc.required_groups",
        None,
        "LIST",
        "Groups of which users need one to sign in; by default none is needed",
    ),
    define(
        "oidc.super_admin_groups",
        None,
        "LIST",
        "Groups whose members are added to `superAdmin` at sign-in, while other users of the issuer are removed from it",
    ),
    // Plain LDAP is the default of most directories; the documentation recommends ldaps.
    define(
        "ldap.urls",
        None,
        "LIST",
        "Servers of an LDAP directory, such as ldaps://ldap.example; users then sign in with its passwords",
    ),
    define("ldap.base", None, "DN", "Entry of the directory below which users are searched for"),
    define("ldap.username", None, "DN", "Account that searches the directory; anonymous if unset"),
    define("ldap.password", None, "PASSWORD", "Password of that account"),
    define("ldap.password_file", None, "FILE", "File that contains the password of that account"),
    define(
        "ldap.search_filter",
        None,
        "FILTER",
        "Filter that finds the user who signs in, with {0} for the name, such as (uid={0})",
    ),
    define("ldap.object_class", Some("inetOrgPerson"), "CLASS", "Object class of users"),
    define("ldap.login_id", Some("uid"), "ATTRIBUTE", "Attribute that becomes the user name"),
    define(
        "ldap.user_display_name",
        Some("cn"),
        "ATTRIBUTE",
        "Attribute that becomes the display name",
    ),
    define("ldap.email", Some("mail"), "ATTRIBUTE", "Attribute that becomes the mail address"),
    define(
        "ldap.account_status",
        None,
        "ATTRIBUTE",
        "Attribute that marks disabled users, such as userAccountControl or nsAccountLock",
    ),
    define(
        "ldap.member_of",
        None,
        "LIST",
        "Groups of which users need one in their attribute memberOf, separated by |",
    ),
    define(
        "ldap.group_search",
        None,
        "FILTER",
        "Filter that finds the groups of which users need one, such as (cn=portal)",
    ),
    define(
        "ldap.group_base",
        None,
        "DN",
        "Entry below which groups are searched for, within ldap.base",
    ),
    define(
        "ldap.group_membership",
        Some("member"),
        "ATTRIBUTE",
        "Attribute of a group that lists the DNs or login ids of its members",
    ),
    define(
        "proxy_sign_in.user_header",
        None,
        "HEADER",
        "Header in which a proxy names the user whom it has identified, such as X-Forwarded-User",
    ),
    define(
        "proxy_sign_in.display_name_header",
        None,
        "HEADER",
        "Header in which the proxy sends the display name",
    ),
    define(
        "proxy_sign_in.email_header",
        None,
        "HEADER",
        "Header in which the proxy sends the mail address",
    ),
    define(
        "proxy_sign_in.secret",
        None,
        "SECRET",
        "Secret that the proxy sends; without it the other headers are ignored",
    ),
    define(
        "proxy_sign_in.secret_file",
        None,
        "FILE",
        "File that contains the secret that the proxy sends",
    ),
    define(
        "proxy_sign_in.secret_header",
        Some("X-Castalia-Proxy-Secret"),
        "HEADER",
        "Header in which the proxy sends the secret",
    ),
];
