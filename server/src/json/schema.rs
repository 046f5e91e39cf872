//! The representation of JSON bodies in an OpenAPI document: references to named schemas, and lists
//! of such references. Knows no body.

use std::collections::BTreeMap;

use utoipa::openapi::{ArrayBuilder, ObjectBuilder, Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// Schemas of a document with their names.
pub type Schemas = Vec<(String, RefOr<Schema>)>;

/// A body with a name in the document.
pub trait Named: ToSchema {}

/// A body that a document can describe.
pub trait Documented {
    /// Returns the schema, and adds the named ones that it refers to.
    fn schema(schemas: &mut Schemas) -> RefOr<Schema>;
}

impl<T: Named> Documented for T {
    fn schema(schemas: &mut Schemas) -> RefOr<Schema> {
        let name = T::name();
        T::schemas(schemas);
        schemas.push((name.to_string(), <T as PartialSchema>::schema()));
        Ref::from_schema_name(name).into()
    }
}

impl<T: Documented> Documented for Vec<T> {
    fn schema(schemas: &mut Schemas) -> RefOr<Schema> {
        ArrayBuilder::new().items(T::schema(schemas)).into()
    }
}

impl Documented for bool {
    fn schema(_: &mut Schemas) -> RefOr<Schema> {
        <Self as PartialSchema>::schema()
    }
}

impl Documented for u64 {
    fn schema(_: &mut Schemas) -> RefOr<Schema> {
        <Self as PartialSchema>::schema()
    }
}

impl<T: Documented> Documented for BTreeMap<String, T> {
    fn schema(schemas: &mut Schemas) -> RefOr<Schema> {
        ObjectBuilder::new().additional_properties(Some(T::schema(schemas))).into()
    }
}

impl Documented for String {
    fn schema(_: &mut Schemas) -> RefOr<Schema> {
        <Self as PartialSchema>::schema()
    }
}
