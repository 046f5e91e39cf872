#![forbid(unsafe_code)]
//! An OpenFeature provider for a namespace. The key of a flag is the key of a value. The server
//! decides by gray release rules which value a program reads, so the evaluation context has no
//! effect. The Rust SDK of OpenFeature has no events yet, so changes are not announced; the next
//! evaluation returns them.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use castalia_core::InMemory;
//! use castalia_openfeature::CastaliaProvider;
//! use open_feature::OpenFeature;
//!
//! let memory = InMemory::new()?;
//! memory.set("application", "new-checkout", "true").await?;
//! let provider = CastaliaProvider::new(memory.client().config("application").await?);
//! OpenFeature::singleton_mut().await.set_provider(provider).await;
//! let flags = OpenFeature::singleton().await.create_client();
//! assert_eq!(flags.get_bool_value("new-checkout", None, None).await, Ok(true));
//! # Ok(())
//! # }
//! ```

use async_trait::async_trait;
use castalia_core::{Config, Snapshot};
use open_feature::provider::{FeatureProvider, ProviderMetadata, ResolutionDetails};
use open_feature::{
    EvaluationContext, EvaluationError, EvaluationErrorCode, EvaluationReason, EvaluationResult,
    FlagMetadata, StructValue, Value,
};
use serde_json::Value as Json;

type Resolved<T> = EvaluationResult<ResolutionDetails<T>>;

/// Evaluates flags from the values of a namespace.
#[derive(Debug)]
pub struct CastaliaProvider {
    config: Config,
    metadata: ProviderMetadata,
}

impl CastaliaProvider {
    /// A provider for an open namespace, which the application closes.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { config, metadata: ProviderMetadata::new("castalia") }
    }

    fn resolve<T>(
        &self,
        key: &str,
        read: impl FnOnce(&Snapshot) -> EvaluationResult<Option<T>>,
    ) -> Resolved<T> {
        let snapshot = self.config.snapshot();
        let namespace = snapshot.namespace();
        let missing = || {
            let text = format!("the namespace {namespace} has no key {key}");
            failed(EvaluationErrorCode::FlagNotFound, text)
        };
        let metadata = FlagMetadata::default()
            .with_value("namespace", namespace)
            .with_value("releaseKey", snapshot.release_key());
        Ok(ResolutionDetails {
            value: read(&snapshot)?.ok_or_else(missing)?,
            variant: None,
            reason: Some(EvaluationReason::Static),
            flag_metadata: Some(metadata),
        })
    }
}

#[async_trait]
impl FeatureProvider for CastaliaProvider {
    fn metadata(&self) -> &ProviderMetadata {
        &self.metadata
    }

    /// `true` or `false` in any case. Stricter than a boolean read, because a typing error must not
    /// turn a flag off.
    async fn resolve_bool_value(&self, key: &str, _: &EvaluationContext) -> Resolved<bool> {
        self.resolve(key, |snapshot| {
            let flag = snapshot.get(key).map(|text| text.to_ascii_lowercase().parse::<bool>());
            flag.transpose().map_err(|_| mistyped("neither true nor false"))
        })
    }

    async fn resolve_int_value(&self, key: &str, _: &EvaluationContext) -> Resolved<i64> {
        self.resolve(key, |snapshot| parsed(snapshot.try_get(key)))
    }

    async fn resolve_float_value(&self, key: &str, _: &EvaluationContext) -> Resolved<f64> {
        self.resolve(key, |snapshot| parsed(snapshot.try_get(key)))
    }

    async fn resolve_string_value(&self, key: &str, _: &EvaluationContext) -> Resolved<String> {
        self.resolve(key, |snapshot| Ok(snapshot.get(key).map(str::to_owned)))
    }

    /// A JSON object; the Rust SDK has no lists here.
    async fn resolve_struct_value(
        &self,
        key: &str,
        _: &EvaluationContext,
    ) -> Resolved<StructValue> {
        self.resolve(key, |snapshot| match parsed(snapshot.get_json(key))? {
            Some(Json::Object(members)) => Ok(Some(structure(members))),
            Some(_) => Err(mistyped("no JSON object")),
            None => Ok(None),
        })
    }
}

fn parsed<T>(read: castalia_core::Result<T>) -> EvaluationResult<T> {
    read.map_err(|error| failed(EvaluationErrorCode::ParseError, error.to_string()))
}

/// Omits members that are null, which the SDK does not have.
fn structure(members: serde_json::Map<String, Json>) -> StructValue {
    let fields = members.into_iter().filter_map(|(key, value)| Some((key, plain(value)?)));
    StructValue { fields: fields.collect() }
}

fn plain(json: Json) -> Option<Value> {
    Some(match json {
        Json::Null => return None,
        Json::Bool(value) => Value::Bool(value),
        Json::Number(number) => match number.as_i64() {
            Some(value) => Value::Int(value),
            None => Value::Float(number.as_f64()?),
        },
        Json::String(value) => Value::String(value),
        Json::Array(items) => Value::Array(items.into_iter().filter_map(plain).collect()),
        Json::Object(members) => Value::Struct(structure(members)),
    })
}

fn mistyped(is: &str) -> EvaluationError {
    failed(EvaluationErrorCode::TypeMismatch, format!("the value is {is}"))
}

fn failed(code: EvaluationErrorCode, message: impl Into<String>) -> EvaluationError {
    EvaluationError { code, message: Some(message.into()) }
}
