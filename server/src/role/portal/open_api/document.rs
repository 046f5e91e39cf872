//! The OpenAPI document of `/openapi/v1`: the operations among the portal's routes, each as its
//! route and its handler describe it.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::Method;
use http::header::CONTENT_TYPE;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::path::{
    HttpMethod, Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn,
    PathItemBuilder, PathsBuilder,
};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, Content, Info, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, RefOr,
    Required, ResponseBuilder, Schema, Server,
};

use crate::http::failure::Handled;
use crate::http::operation::{self, JSON, Media, Signature};
use crate::http::route::Listed;
use crate::json::schema::{Documented as _, Schemas};
use crate::role::portal::{Portal, PortalAccess};

/// Name of the security scheme in Apollo's contract.
const TOKEN: &str = "ApiKeyAuth";
/// Marks an operation that Apollo's portal does not have.
const EXTENSION: &str = "x-castalia-extension";

/// The document, built at the first request for it: a node that nobody asks for it does without its
/// memory.
#[derive(Debug, Default)]
pub(in crate::role::portal) struct Document {
    /// Set once all routes are known.
    described: OnceLock<DescribedRoute>,
    text: OnceLock<Bytes>,
}

#[derive(Debug)]
struct DescribedRoute {
    routes: Vec<Listed<PortalAccess>>,
    base_path: String,
}

impl Document {
    /// Sets the routes to describe, which are served below a base path.
    pub(in crate::role::portal) fn describe(
        &self,
        routes: &[Listed<PortalAccess>],
        base_path: &str,
    ) {
        let (routes, base_path) = (routes.to_vec(), base_path.to_owned());
        self.described.get_or_init(|| DescribedRoute { routes, base_path });
    }

    /// The routes, each with its operation if it is one of the API.
    pub(super) fn routes(&self) -> &[Listed<PortalAccess>] {
        self.described.get().map_or(&[], |described| &described.routes)
    }

    fn text(&self) -> Bytes {
        let build = |DescribedRoute { routes, base_path }: &DescribedRoute| {
            let text = document(routes, base_path).to_pretty_json().unwrap_or_default();
            self.text.get_or_init(|| text.into()).clone()
        };
        self.text.get().cloned().or_else(|| self.described.get().map(build)).unwrap_or_default()
    }
}

/// Returns the document.
pub(super) async fn get(State(portal): State<Portal>) -> Response {
    ([(CONTENT_TYPE, JSON)], portal.own.document.text()).into_response()
}

fn document(routes: &[Listed<PortalAccess>], base_path: &str) -> OpenApi {
    let mut schemas = Schemas::new();
    let error = Handled::schema(&mut schemas);
    let mut items = BTreeMap::<_, PathItemBuilder>::new();
    for route in routes {
        let Some(operation) = &route.operation else { continue };
        let mut signature = (operation.signature)();
        schemas.append(&mut signature.schemas);
        let described = described(route.path, operation, signature, error.clone());
        let item = items.remove(route.path).unwrap_or_default();
        items.insert(route.path, item.operation(method(&route.method), described));
    }
    let paths = items
        .into_iter()
        .fold(PathsBuilder::new(), |paths, (path, item)| paths.path(path, item.build()));
    let components =
        ComponentsBuilder::new().schemas_from_iter(schemas).security_scheme(TOKEN, token());
    let server = Server::new(if base_path.is_empty() { "/" } else { base_path });
    OpenApiBuilder::new()
        .info(info())
        .servers(Some([server]))
        .paths(paths)
        .components(Some(components.build()))
        .security(Some([SecurityRequirement::new(TOKEN, Vec::<String>::new())]))
        .build()
}

fn info() -> Info {
    let license = LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0"));
    InfoBuilder::new()
        .title("Castalia portal")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Apollo's OpenAPI for all environments. Callers are consumers and users with a token, and signed-in users.",
        ))
        .license(Some(license.build()))
        .build()
}

fn described(
    path: &str,
    operation: &operation::Operation,
    signature: Signature,
    error: RefOr<Schema>,
) -> Operation {
    let about = operation.about;
    let mark = operation.is_extension.then(|| Extensions::from_iter([(EXTENSION, true)]));
    let Signature { mut parameters, request, response, .. } = signature;
    for name in placeholders(path) {
        if !parameters.iter().any(|parameter| parameter.name == name) {
            parameters.push(in_path(name));
        }
    }
    let success = ResponseBuilder::new().description("Done.");
    let success = match response {
        Some(Media { kind, schema }) => success.content(kind, Content::new(Some(schema))),
        None => success,
    };
    let failure = ResponseBuilder::new()
        .description("Refused or failed; `code` names the reason.")
        .content(JSON, Content::new(Some(error)));
    OperationBuilder::new()
        .operation_id(Some(about.id))
        .tag(about.tag)
        .summary(Some(about.summary))
        .parameters(Some(parameters))
        .request_body(request.map(request_body))
        .response("200", success)
        .response("default", failure)
        .extensions(mark)
        .build()
}

fn request_body(Media { kind, schema }: Media) -> RequestBody {
    RequestBodyBuilder::new()
        .content(kind, Content::new(Some(schema)))
        .required(Some(Required::True))
        .build()
}

/// Names in braces. Those that only the access guard reads are in no handler's signature.
fn placeholders(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
}

fn in_path(name: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .build()
}

fn token() -> SecurityScheme {
    let header = ApiKeyValue::with_description(
        "Authorization",
        "Token of a consumer, or `Bearer ` and the access token of a user. Browsers send a session cookie instead, and `X-CSRF-Token` with writes.",
    );
    SecurityScheme::ApiKey(ApiKey::Header(header))
}

fn method(method: &Method) -> HttpMethod {
    match *method {
        Method::POST => HttpMethod::Post,
        Method::PUT => HttpMethod::Put,
        Method::DELETE => HttpMethod::Delete,
        Method::HEAD => HttpMethod::Head,
        _ => HttpMethod::Get,
    }
}
