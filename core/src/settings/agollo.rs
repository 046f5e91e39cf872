//! Reads the JSON settings file of the Go client (agollo), so that a program can switch clients
//! without changing it.

use serde::Deserialize;

use super::key;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::wire::Configurations;

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct AgolloConfig {
    app_id: String,
    cluster: String,
    namespace_name: String,
    ip: String,
    is_backup_config: Option<bool>,
    backup_config_path: String,
    secret: String,
    label: String,
    sync_server_timeout: u64,
    must_start: bool,
}

/// The settings in the file, by property name.
///
/// # Errors
/// [`ErrorKind::Parse`] if the text is not the JSON of such a file.
pub(super) fn parse(text: &str) -> Result<Configurations> {
    let config: AgolloConfig = serde_json::from_str(text).map_err(|error| {
        let text = "this is not the settings file of a Go client";
        Error::new(ErrorKind::Parse, "read settings", text).with_position_of(&error)
    })?;
    let backup = config.is_backup_config.map(|backup| backup.to_string());
    // Seconds in the Go client, milliseconds here; 0 means its default.
    let timeout =
        (config.sync_server_timeout > 0).then(|| config.sync_server_timeout.saturating_mul(1000));
    // The Go client's `mustStart` fails only if no namespace could be read.
    let policy = config.must_start.then(|| "require-any".to_owned());
    let settings = [
        (&key::APP_ID, Some(config.app_id)),
        (&key::CLUSTER, Some(config.cluster)),
        (&key::NAMESPACES, Some(config.namespace_name)),
        (&key::META, Some(config.ip)),
        (&key::CACHE_ENABLE, backup),
        (&key::IMPORT_DIR, Some(config.backup_config_path)),
        (&key::SECRET, Some(config.secret)),
        (&key::LABEL, Some(config.label)),
        (&key::READ_TIMEOUT, timeout.map(|timeout| timeout.to_string())),
        (&key::START_POLICY, policy),
    ];
    let set = settings.into_iter().filter_map(|(key, value)| Some((key.name.to_owned(), value?)));
    Ok(set.filter(|(_, value)| !value.is_empty()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_become_settings() {
        let text = r#"{"appId":"order","cluster":"dev","namespaceName":"a,b","ip":"http://m","mustStart":true,
            "isBackupConfig":false,"backupConfigPath":"/b","syncServerTimeout":3,"other":1}"#;
        let settings = parse(text).unwrap();
        let expected = [
            ("app.id", "order"),
            ("apollo.cluster", "dev"),
            ("castalia.namespaces", "a,b"),
            ("apollo.meta", "http://m"),
            ("apollo.cache.file.enable", "false"),
            ("castalia.import-dir", "/b"),
            ("apollo.readTimeout", "3000"),
            ("castalia.start-policy", "require-any"),
        ];
        let pairs: Vec<_> = settings.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(pairs, expected);
        assert!(parse("app.id=order").is_err());
    }

    /// B118
    #[test]
    fn a_timeout_beyond_all_limits_is_one_that_the_settings_judge() {
        let settings = parse(&format!("{{\"syncServerTimeout\":{}}}", u64::MAX)).unwrap();
        assert_eq!(settings["apollo.readTimeout"], u64::MAX.to_string());
    }

    /// B74
    #[test]
    fn an_error_quotes_no_value() {
        let error = parse("{\"appId\":\"order\",\n\"secret\":123456}").unwrap_err();
        assert!(!format!("{error:?}").contains("123456"), "{error:?}");
        assert!(error.to_string().contains("line=2"), "{error}");
    }
}
