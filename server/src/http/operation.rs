//! The input and output of an operation of a documented API. They are derived from the type of the
//! operation's handler, so that the OpenAPI document cannot differ from the code. Knows no
//! operation and no document.

use axum::extract::{Extension, State};
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};

use crate::json::schema::{Documented, Schemas};
use crate::json::{Json, OrEmpty};

/// How a document presents an operation.
#[derive(Debug, Clone, Copy)]
pub struct About {
    /// Group in which it is listed.
    pub tag: &'static str,
    /// Name of its method in generated clients.
    pub id: &'static str,
    /// What the operation does, in one sentence.
    pub summary: &'static str,
}

/// An operation of a documented API.
#[derive(Debug, Clone, Copy)]
pub struct Operation {
    /// How it is presented.
    pub about: About,
    /// Whether it is an addition of this server to an API that others define.
    pub is_extension: bool,
    /// Describes the handler. A function, so that schemas are built only for a document.
    pub signature: fn() -> Signature,
}

/// Media type of most bodies.
pub const JSON: &str = "application/json";

/// A body.
#[derive(Debug)]
pub struct Media {
    /// Media type.
    pub kind: &'static str,
    /// Its structure.
    pub schema: RefOr<Schema>,
}

/// Input and output of a handler.
#[derive(Debug, Default)]
pub struct Signature {
    /// Parameters of the path and of the query.
    pub parameters: Vec<Parameter>,
    /// Body of the request; `None` if no body is read.
    pub request: Option<Media>,
    /// Body of a success; `None` if it is empty.
    pub response: Option<Media>,
    /// Named schemas that the bodies refer to.
    pub schemas: Schemas,
    /// Whether the handler reads long contents, few of which are read concurrently.
    pub reads_contents: bool,
}

impl Signature {
    /// Adds parameters of the path or of the query.
    pub fn parameters<T: IntoParams>(&mut self, location: &ParameterIn) {
        self.parameters.extend(T::into_params(|| Some(location.clone())));
    }

    /// Sets the body of the request.
    pub fn request<T: Documented>(&mut self) {
        self.request = Some(Media { kind: JSON, schema: T::schema(&mut self.schemas) });
    }

    /// Sets a form with a file in this field as the body of the request.
    pub fn upload(&mut self, field: &str) {
        self.request = Some(Media { kind: "multipart/form-data", schema: form(field) });
    }

    /// Sets the body of a success.
    pub fn response<T: Documented>(&mut self) {
        self.response = Some(Media { kind: JSON, schema: T::schema(&mut self.schemas) });
    }

    /// Sets a text that is sent in parts, as they arise, as the body of a success.
    pub fn stream(&mut self, kind: &'static str) {
        let text = ObjectBuilder::new().schema_type(Type::String).into();
        self.response = Some(Media { kind, schema: text });
    }

    /// Sets a file as the body of a success.
    pub fn download(&mut self) {
        self.response = Some(Media { kind: "application/octet-stream", schema: binary() });
    }
}

fn form(field: &str) -> RefOr<Schema> {
    ObjectBuilder::new().property(field, binary()).into()
}

fn binary() -> RefOr<Schema> {
    let format = SchemaFormat::KnownFormat(KnownFormat::Binary);
    ObjectBuilder::new().schema_type(Type::String).format(Some(format)).into()
}

/// An argument of a handler.
pub trait Input {
    /// Adds what callers send for it.
    fn describe(signature: &mut Signature);
}

/// Provided by the server, not by callers.
impl<T> Input for State<T> {
    fn describe(_: &mut Signature) {}
}

/// Provided by the server, not by callers.
impl Input for http::HeaderMap {
    fn describe(_: &mut Signature) {}
}

impl<T> Input for Extension<T> {
    fn describe(_: &mut Signature) {}
}

/// A type that a handler returns.
pub trait Output {
    /// Adds the body of a success.
    fn describe(signature: &mut Signature);
}

impl Output for () {
    fn describe(_: &mut Signature) {}
}

impl<T: Documented> Output for OrEmpty<T> {
    fn describe(signature: &mut Signature) {
        signature.response::<T>();
    }
}

impl<T: Documented> Output for Json<T> {
    fn describe(signature: &mut Signature) {
        signature.response::<T>();
    }
}

impl<T: Output, E> Output for Result<T, E> {
    fn describe(signature: &mut Signature) {
        T::describe(signature);
    }
}

/// Headers and a body.
impl<H, T: Output> Output for (H, T) {
    fn describe(signature: &mut Signature) {
        T::describe(signature);
    }
}

/// A handler that a document can describe. `T` is the type that axum's `Handler` infers, which
/// keeps the implementations apart.
pub trait Described<T> {
    /// Describes its input and output.
    fn signature() -> Signature;
}

macro_rules! described {
    ($($input:ident),+) => {
        impl<F, R, O, M, $($input),+> Described<(M, $($input,)+)> for F
        where
            F: FnOnce($($input),+) -> R,
            R: Future<Output = O>,
            O: Output,
            $($input: Input,)+
        {
            fn signature() -> Signature {
                let mut signature = Signature::default();
                $($input::describe(&mut signature);)+
                O::describe(&mut signature);
                signature
            }
        }
    };
}

described!(A);
described!(A, B);
described!(A, B, C);
described!(A, B, C, D);
described!(A, B, C, D, E);
described!(A, B, C, D, E, G);
