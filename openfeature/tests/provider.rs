//! The provider as an application uses it, with an in-memory client.

use castalia_core::InMemory;
use castalia_openfeature::CastaliaProvider;
use open_feature::EvaluationErrorCode::{FlagNotFound, ParseError, TypeMismatch};
use open_feature::provider::FeatureProvider as _;
use open_feature::{EvaluationContext, EvaluationReason, Value};

async fn over(entries: &[(&str, &str)]) -> castalia_core::Result<(InMemory, CastaliaProvider)> {
    let memory = InMemory::new()?;
    memory.publish("application", entries.iter().copied()).await?;
    let provider = CastaliaProvider::new(memory.client().config("application").await?);
    Ok((memory, provider))
}

#[tokio::test]
async fn flags_are_values_by_type_and_follow_them() {
    let entries = [
        ("on", "True"),
        ("name", "blue"),
        ("n", "5"),
        ("x", "0.5"),
        ("json", r#"{"a": [1, null]}"#),
    ];
    let (memory, provider) = over(&entries).await.unwrap();
    let context = EvaluationContext::default();
    let on = provider.resolve_bool_value("on", &context).await.unwrap();
    assert_eq!((on.value, on.reason), (true, Some(EvaluationReason::Static)));
    assert_eq!(provider.resolve_string_value("name", &context).await.unwrap().value, "blue");
    assert_eq!(provider.resolve_int_value("n", &context).await.unwrap().value, 5);
    assert!((provider.resolve_float_value("x", &context).await.unwrap().value - 0.5).abs() < 1e-9);
    let json = provider.resolve_struct_value("json", &context).await.unwrap().value;
    assert_eq!(json.fields.get("a"), Some(&Value::Array(vec![Value::Int(1)])));
    memory.set("application", "on", "false").await.unwrap();
    assert!(!provider.resolve_bool_value("on", &context).await.unwrap().value);
    memory.client().close().await;
}

#[tokio::test]
async fn missing_mistyped_and_malformed_flags_are_errors_of_their_own() {
    let (memory, provider) = over(&[("on", "yes"), ("n", "many"), ("json", "[1]")]).await.unwrap();
    let context = EvaluationContext::default();
    let codes = [
        provider.resolve_bool_value("missing", &context).await.unwrap_err().code,
        provider.resolve_bool_value("on", &context).await.unwrap_err().code,
        provider.resolve_int_value("n", &context).await.unwrap_err().code,
        provider.resolve_struct_value("n", &context).await.unwrap_err().code,
        provider.resolve_struct_value("json", &context).await.unwrap_err().code,
    ];
    assert_eq!(codes, [FlagNotFound, TypeMismatch, ParseError, ParseError, TypeMismatch]);
    memory.client().close().await;
}
