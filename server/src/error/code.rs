//! The stable codes of errors: one table of their names and meanings, which is also a page of the
//! documentation.

use serde::{Serialize, Serializer};

/// Declares the codes: variant, name, meaning.
macro_rules! codes {
    ($($variant:ident $name:literal $meaning:literal)*) => {
        /// The reason of an error, for programs: stable, and independent of the message.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Code {
            $(#[doc = $meaning] $variant,)*
        }

        impl Code {
            /// All codes.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name in the body of an answer, in snake case.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// The code with this name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|code| code.name() == name)
            }

            /// One sentence for the documentation, without its period.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$variant => $meaning,)*
                }
            }
        }
    };
}

codes! {
    BadRequest "bad_request" "The request violates a rule; the message says which"
    Unauthorized "unauthorized" "Credentials are missing or wrong"
    Forbidden "forbidden" "The caller lacks a permission"
    NotFound "not_found" "The object does not exist"
    MethodNotAllowed "method_not_allowed" "The path does not support the method"
    Conflict "conflict" "The object was changed meanwhile"
    TooLarge "too_large" "The body exceeds its limit"
    TooMany "too_many" "A rate limit or a maximum number is reached; wait, then retry"
    Unavailable "unavailable" "The server is temporarily unavailable; retry later or with another node"
    Service "service" "A rule of the service that Apollo reports with status 500; the message says which"
    Internal "internal" "A fault of the server; its log has the cause"
    UnknownPath "unknown_path" "No operation has this path"
    BadEncoding "bad_encoding" "A path or parameter is encoded wrongly or ambiguously"
    MissingParameter "missing_parameter" "A required parameter is absent"
    InvalidParameter "invalid_parameter" "A parameter has a value that cannot be parsed"
    InvalidAppId "invalid_app_id" "The app id of a client's request is not a name"
    InvalidNotifications "invalid_notifications" "The notifications of a poll are not the expected list"
    UnreadableBody "unreadable_body" "The body cannot be parsed"
    UnsupportedMediaType "unsupported_media_type" "The body has a Content-Type other than JSON"
    MissingMember "missing_member" "A required member of the body is empty"
    MissingOperator "missing_operator" "The request contains no operator"
    InvalidSetting "invalid_setting" "The value of a server setting is not of the kind that its key has"
    OwnAccount "own_account" "Users cannot delete themselves"
    LastAdministrator "last_administrator" "No other super administrator is left who can sign in"
    Blank "blank" "A name or another required text is blank"
    TooLong "too_long" "A text exceeds its limit"
    AnswerTooLong "answer_too_long" "The texts of a list are too long together for one answer; ask for fewer at a time"
    InvalidName "invalid_name" "A name contains characters that are not allowed"
    Constraint "constraint" "The database cannot store a value of this length or kind"
    UnknownProperty "unknown_property" "A list cannot be sorted by this property"
    UnreadableRow "unreadable_row" "A row of the database that the request depends on cannot be decoded; the message says which and what to do"
    StaleRevision "stale_revision" "The namespace or the row was changed since the revision that the change is based on; read it again"
    OutcomeUnknown "outcome_unknown" "The database failed during the commit: check whether the change was stored before retrying"
    AppNotFound "app_not_found" "There is no such app"
    AppExists "app_exists" "The app already exists"
    ClusterNotFound "cluster_not_found" "There is no such cluster"
    ClusterExists "cluster_exists" "The cluster already exists"
    NamespaceNotFound "namespace_not_found" "There is no such namespace"
    NotDeleted "not_deleted" "Nothing of this name was deleted at this time; it may have been restored"
    NotRestorable "not_restorable" "Apollo or an earlier version of Castalia deleted this; its rows do not show what belongs together"
    NamespaceExists "namespace_exists" "The namespace already exists"
    TooManyNamespaces "too_many_namespaces" "The cluster has the maximum number of namespaces"
    AppNamespaceNotFound "app_namespace_not_found" "The app declares no such namespace"
    AppNamespaceExists "app_namespace_exists" "The namespace, or a public one with its name, is already declared"
    UnknownAppNamespace "unknown_app_namespace" "The portal has no such app namespace"
    UnknownFormat "unknown_format" "There is no such format of namespaces"
    ItemNotFound "item_not_found" "There is no such item"
    ItemExists "item_exists" "The key already has an item"
    ItemMismatch "item_mismatch" "The item belongs to another namespace"
    TooManyItems "too_many_items" "The namespace has the maximum number of items"
    DifferentKey "different_key" "Path and body contain different keys"
    DifferentAppId "different_app_id" "Path and body contain different apps"
    DifferentNamespace "different_namespace" "The releases belong to different namespaces"
    InvalidEncodedKey "invalid_encoded_key" "The Base64 form of a key cannot be decoded"
    InvalidLine "invalid_line" "The line number of an item is out of range"
    LineWithoutSeparator "line_without_separator" "A line of the text is neither a comment nor a key with a value"
    RepeatedKeys "repeated_keys" "The text or the list contains a key twice"
    InvalidContent "invalid_content" "The content is not valid in the namespace's format"
    InvalidSchema "invalid_schema" "The JSON Schema of a namespace is not valid, refers to another document, or is for a format without structure"
    SchemaViolated "schema_violated" "The content cannot be published because it violates the JSON Schema of its namespace; the message lists where"
    ReleaseNotFound "release_not_found" "There is no such release"
    NoEmergencyPublish "no_emergency_publish" "The environment does not allow emergency publishes"
    Locked "locked" "Another user has changed the namespace and holds its lock"
    OwnEdit "own_edit" "The release must be published by someone other than the last editor"
    BranchNotFound "branch_not_found" "The namespace has no such branch"
    MainLineUnpublished "main_line_unpublished" "The main line has unpublished changes, so its branch cannot be merged"
    BranchExists "branch_exists" "The namespace already has a branch"
    AccessKeyNotFound "access_key_not_found" "There is no such access key"
    AccessKeyExists "access_key_exists" "The app already has this access key"
    AccessKeyEnabled "access_key_enabled" "An enabled access key cannot be deleted"
    TooManyAccessKeys "too_many_access_keys" "The app has the maximum number of access keys"
    WeakAccessKey "weak_access_key" "The secret of an access key is too short"
    RequestTimeTooSkewed "request_time_too_skewed" "The clock of the client is off by more than a minute"
    ServerConfigNotFound "server_config_not_found" "There is no such key of ServerConfig"
    UnknownApp "unknown_app" "The portal has no such app"
    UnknownUser "unknown_user" "There is no such user"
    DisabledUser "disabled_user" "The user is disabled"
    UserExists "user_exists" "The user already exists"
    ExternalUser "external_user" "Another system identifies the user, who has no password here"
    UnknownRole "unknown_role" "There is no such role; its object may not exist in the portal"
    AlreadyAuthorized "already_authorized" "The user already has the role"
    UnknownAccessRequest "unknown_access_request" "There is no such request for access; it may have been withdrawn"
    DecidedAccessRequest "decided_access_request" "The request for access has been decided or withdrawn"
    TooManyAccessRequests "too_many_access_requests" "The user or the app has the maximum number of open requests for access"
    UnknownConsumer "unknown_consumer" "There is no such consumer"
    ConsumerExists "consumer_exists" "The consumer already exists"
    UnknownUserToken "unknown_user_token" "The caller has no such access token"
    InvalidUserToken "invalid_user_token" "An access token with these properties cannot be created or rotated; the message says why"
    UnknownWebhook "unknown_webhook" "There is no such webhook"
    InvalidWebhook "invalid_webhook" "The address or the secret of a webhook is not acceptable"
    TooManyWebhooks "too_many_webhooks" "The portal has the maximum number of webhooks"
    UnknownFavorite "unknown_favorite" "The caller has no such favorite"
    WeakPassword "weak_password" "The password does not meet the rules"
    UnknownEnv "unknown_env" "There is no such environment"
    EnvUnreachable "env_unreachable" "The environment does not answer"
    EnvAnswerTooLong "env_answer_too_long" "The answer of the environment exceeds the limit"
    EnvRefusesPortal "env_refuses_portal" "The environment does not accept the portal's token"
    UnsupportedByEnv "unsupported_by_env" "The admin service of the environment, Apollo's or an older one, has no such operation"
    InvalidArchive "invalid_archive" "The file cannot be imported, and nothing was changed; the message lists the problems"
    ImportRunning "import_running" "Another import into the portal is running, and nothing was changed; retry when it has ended"
    PartlyFailed "partly_failed" "The operation succeeded in part; the message lists the failures"
    Csrf "csrf" "The CSRF token is absent or wrong"
    CrossSite "cross_site" "The request was sent by a page of another site"
    UnknownHost "unknown_host" "The Host header contains a name that the portal does not serve"
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/error-codes.md");

    /// `CASTALIA_WRITE_ERROR_CODES=1` rewrites the table of the page.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "asked for by a person, not a setting")]
    fn the_page_lists_every_code() {
        let page = std::fs::read_to_string(PAGE).unwrap();
        let separator = "|---|---|\n";
        let (head, _) = page.split_once(separator).unwrap();
        let row = |code: &Code| format!("| `{}` | {} |\n", code.name(), code.meaning());
        let rows: String = Code::ALL.iter().map(row).collect();
        let fresh = format!("{head}{separator}{rows}");
        if std::env::var_os("CASTALIA_WRITE_ERROR_CODES").is_some() {
            std::fs::write(PAGE, &fresh).unwrap();
        } else {
            assert_eq!(page, fresh, "set CASTALIA_WRITE_ERROR_CODES=1 to write {PAGE} anew");
        }
    }

    #[test]
    fn each_name_is_used_once() {
        let mut names: Vec<_> = Code::ALL.iter().map(|code| code.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Code::ALL.len());
    }
}
