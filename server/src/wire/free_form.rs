//! JSON objects with arbitrary members in bodies.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use utoipa::ToSchema;

/// A JSON object with arbitrary members. Apollo parses it into a map, which converts every number
/// to a double: `5` is written as `5.0`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = Object)]
pub struct FreeForm(pub IndexMap<String, Value>);

impl Serialize for FreeForm {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, Doubles(value))))
    }
}

struct Doubles<'a>(&'a Value);

impl Serialize for Doubles<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Number(number) => serializer.serialize_f64(number.as_f64().unwrap_or_default()),
            Value::Array(items) => serializer.collect_seq(items.iter().map(Doubles)),
            Value::Object(members) => {
                serializer.collect_map(members.iter().map(|(name, value)| (name, Doubles(value))))
            }
            other => other.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_a_free_form_object_are_doubles() {
        let form: FreeForm =
            serde_json::from_str(r#"{"baseReleaseId":5,"isEmergencyPublish":false}"#).unwrap();
        assert_eq!(
            serde_json::to_string(&form).unwrap(),
            r#"{"baseReleaseId":5.0,"isEmergencyPublish":false}"#
        );
    }
}
