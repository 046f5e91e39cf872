//! The JSON settings file of the Go client, read as the settings that it means.

use serde::Deserialize;

use super::key;
use crate::protocol::wire::Configurations;

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct AppConfig {
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

/// The settings in a file, by property name.
///
/// # Errors
/// Those of the JSON parser, when it is not such a file.
pub(super) fn parse(text: &str) -> serde_json::Result<Configurations> {
    let given: AppConfig = serde_json::from_str(text)?;
    let backup = given.is_backup_config.map(|backup| backup.to_string());
    let timeout = (given.sync_server_timeout > 0).then(|| given.sync_server_timeout * 1000);
    let policy = given.must_start.then(|| "require-any".to_owned());
    let settings = [
        (&key::APP_ID, Some(given.app_id)),
        (&key::CLUSTER, Some(given.cluster)),
        (&key::NAMESPACES, Some(given.namespace_name)),
        (&key::META, Some(given.ip)),
        (&key::CACHE_ENABLE, backup),
        (&key::IMPORT_DIR, Some(given.backup_config_path)),
        (&key::SECRET, Some(given.secret)),
        (&key::LABEL, Some(given.label)),
        (&key::READ_TIMEOUT, timeout.map(|timeout| timeout.to_string())),
        (&key::START_POLICY, policy),
    ];
    let given = settings.into_iter().filter_map(|(key, value)| Some((key.name.to_owned(), value?)));
    Ok(given.filter(|(_, value)| !value.is_empty()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_become_settings() {
        // C013
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
}
