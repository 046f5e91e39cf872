//! Common behaviour of all bodies: members are read leniently (numbers may be strings, null means
//! absent, or the default if a value cannot be absent), and absent members are omitted when
//! written.

use std::fmt::Display;
use std::str::FromStr;

use castalia_store::time::is_storable;
use chrono::{DateTime, Local, Utc};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::free_form::FreeForm;

/// Format of dates in bodies: the time zone of the process, without a colon in the offset.
const DATE: &str = "%Y-%m-%dT%H:%M:%S%.3f%z";
/// The same for reading: any number of fraction digits.
const ANY_DATE: &str = "%Y-%m-%dT%H:%M:%S%.f%#z";

/// A body; with `+ standard` it ends with the six members for author and times.
/// `#[schema(as = ...)]` names it in the OpenAPI document.
macro_rules! body {
    ($(#[$meta:meta])* $name:ident { $( $(#[$doc:meta])* $field:ident: $type:ty, )* } + standard) => {
        body! { $(#[$meta])* $name {
            $( $(#[$doc])* $field: $type, )*
            /// User name of the creator.
            data_change_created_by: Option<String>,
            /// User name of the last editor.
            data_change_last_modified_by: Option<String>,
            /// Display name of the creator.
            data_change_created_by_display_name: Option<String>,
            /// Display name of the last editor.
            data_change_last_modified_by_display_name: Option<String>,
            /// Time of creation, as `2026-05-31T14:44:28.000+0800`.
            #[schema(value_type = String)]
            data_change_created_time: Option<DateTime<Utc>>,
            /// Time of the last change, in the same form.
            #[schema(value_type = String)]
            data_change_last_modified_time: Option<DateTime<Utc>>,
        } }
    };
    ($(#[$meta:meta])* $name:ident { $( $(#[$doc:meta])* $field:ident: $type:ty, )* }) => {
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "camelCase")]
        $(#[$meta])*
        pub struct $name {
            $(
                $(#[$doc])*
                // Not on the struct: the document would show `null` as the default of members.
                #[serde(
                    default,
                    serialize_with = "Member::write",
                    deserialize_with = "Member::read",
                    skip_serializing_if = "Member::is_absent"
                )]
                // Absent members are left out, never null.
                #[schema(nullable = false)]
                pub $field: $type,
            )*
        }

        impl crate::json::schema::Named for $name {}
    };
}

pub(crate) use body;

/// A value of a member.
pub(crate) trait Member: Sized {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;
    /// Whether the member is omitted.
    fn is_absent(&self) -> bool {
        false
    }
}

/// A scalar that may be written as another kind of scalar.
#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Flag(bool),
    Whole(i64),
    Float(f64),
    Text(String),
}

/// A number or flag, which may be a string; `None` for null and for an empty string.
fn scalar<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    let text = match Option::deserialize(deserializer)? {
        None => return Ok(None),
        Some(Scalar::Flag(flag)) => flag.to_string(),
        Some(Scalar::Whole(number)) => number.to_string(),
        // Formats `5.0` as `5`, because Apollo treats it as a whole number.
        Some(Scalar::Float(number)) => number.to_string(),
        Some(Scalar::Text(text)) if text.is_empty() => return Ok(None),
        Some(Scalar::Text(text)) => text,
    };
    // The error does not repeat the text: in the wrong place, it may be a secret.
    text.trim().parse().map(Some).map_err(D::Error::custom)
}

macro_rules! scalar {
    ($($type:ty),*) => {$(
        impl Member for $type {
            fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Ok(scalar(deserializer)?.unwrap_or_default())
            }

            fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.serialize(serializer)
            }
        }

        impl Member for Option<$type> {
            fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                scalar(deserializer)
            }

            fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.serialize(serializer)
            }

            fn is_absent(&self) -> bool {
                self.is_none()
            }
        }
    )*};
}

scalar!(i64, i16, bool);

impl Member for Option<String> {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map(|scalar| match scalar {
            Scalar::Text(text) => text,
            Scalar::Flag(flag) => flag.to_string(),
            Scalar::Whole(number) => number.to_string(),
            Scalar::Float(number) => number.to_string(),
        }))
    }

    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize(serializer)
    }

    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

impl Member for Option<DateTime<Utc>> {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
        DateTime::parse_from_str(&text, ANY_DATE)
            .or_else(|_| DateTime::parse_from_rfc3339(&text))
            .ok()
            .map(|date| date.to_utc())
            .filter(is_storable)
            .map(Some)
            .ok_or_else(|| D::Error::custom("this is not a date with time and time zone"))
    }

    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.map(|date| date.with_timezone(&Local).format(DATE).to_string());
        text.serialize(serializer)
    }

    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

/// Lists and objects are read and written as they are.
macro_rules! structure {
    ($($type:ty $(, $element:ident)?;)*) => {$(
        impl$(<$element: Serialize + DeserializeOwned>)? Member for Option<$type> {
            fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::deserialize(deserializer)
            }

            fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.serialize(serializer)
            }

            fn is_absent(&self) -> bool {
                self.is_none()
            }
        }
    )*};
}

structure! {
    Vec<T>, T;
    Box<T>, T;
    FreeForm;
}
