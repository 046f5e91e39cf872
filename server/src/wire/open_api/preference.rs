//! Body of `/openapi/v1/preferences`: what a user has chosen for the web UI.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// What a user has chosen for the web UI. Members without a choice are absent.
// The types describe the members: with a second description, the document would ask for an object.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Preferences {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(inline, nullable = false)]
    pub language: Option<Language>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(inline, nullable = false)]
    pub theme: Option<Theme>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(inline, nullable = false)]
    pub density: Option<Density>,
    /// Whether single keys are shortcuts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub shortcuts: Option<bool>,
}

impl crate::json::schema::Named for Preferences {}

/// Language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    En,
    Zh,
}

/// Theme; `auto` is that of the operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    Auto,
    Light,
    Dark,
}

/// Height of the rows of tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Density {
    Comfortable,
    Compact,
    Relaxed,
}

impl Preferences {
    /// The names of the members that are present, and their values as JSON.
    #[must_use]
    pub fn members(&self) -> Vec<(String, String)> {
        let members = serde_json::to_value(self).unwrap_or_default();
        let members = members.as_object().into_iter().flatten();
        members.map(|(name, value)| (name.clone(), value.to_string())).collect()
    }

    /// Of such members those that this version knows; a later one may have stored others.
    #[must_use]
    pub fn known(members: Vec<(String, String)>) -> Self {
        let mut known = Map::new();
        for (name, value) in members {
            let Ok(value) = serde_json::from_str::<Value>(&value) else { continue };
            let member = Map::from_iter([(name, value)]);
            if Self::deserialize(Value::Object(member.clone())).is_ok() {
                known.extend(member);
            }
        }
        Self::deserialize(Value::Object(known)).unwrap_or_default()
    }
}
