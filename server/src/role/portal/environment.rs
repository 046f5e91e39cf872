//! The environments and the way to each: the one of this process through the admin role's router in memory, others through their
//! admin services. Above this file nobody knows which is which; what an admin service refuses reaches the caller unchanged.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use http::header::CONTENT_TYPE;
use http::{Method, Request};
use http_body_util::BodyExt as _;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tower::ServiceExt as _;

use crate::domain::environment::normalise;
use crate::domain::permission::need::Place;
use crate::error::{Error, Result};
use crate::json;
use crate::role::{Role, admin};
use crate::server_config::ServerConfig;
use crate::settings::Settings;
use crate::state::EnvironmentState;

/// Environments of an installation that names none, as in Apollo's portal.
const DEFAULT_ENVS: [&str; 3] = ["FAT", "UAT", "PRO"];
/// What must be escaped in a path segment.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const FORM: &str = "application/x-www-form-urlencoded";

/// All environments that the portal shows. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Environments {
    config: ServerConfig,
    local: Option<Arc<Local>>,
}

#[derive(Debug)]
struct Local {
    name: String,
    router: Router,
}

/// One environment: calls of its admin API.
#[derive(Debug, Clone)]
pub struct Environment {
    name: String,
    local: Option<Arc<Local>>,
}

impl Environments {
    /// Those that the portal's settings name, and the one of this process where it plays the admin role.
    #[must_use]
    pub fn new(settings: &Settings, config: &ServerConfig, own: Option<&EnvironmentState>) -> Self {
        let own = own.filter(|_| settings.plays(Role::Admin));
        let local = own.map(|state| Local {
            name: settings.env.clone(),
            router: admin::in_process(state.clone()),
        });
        Self { config: config.clone(), local: local.map(Arc::new) }
    }

    /// Names in the order in which they are shown.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let configured = self.config.list("apollo.portal.envs");
        let configured = match configured.is_empty() {
            true => DEFAULT_ENVS.map(str::to_owned).to_vec(),
            false => configured,
        };
        let mut names = Vec::with_capacity(configured.len() + 1);
        let own = self.local.iter().map(|local| local.name.clone());
        for name in configured.iter().map(|name| normalise(name)).chain(own) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// Those that can be reached, in the same order.
    #[must_use]
    pub fn active(&self) -> Vec<Environment> {
        self.all().into_iter().filter(|environment| environment.local.is_some()).collect()
    }

    /// All of them, reachable or not.
    #[must_use]
    pub fn all(&self) -> Vec<Environment> {
        self.names().into_iter().map(|name| self.named(name)).collect()
    }

    /// The environment of a name in any of its spellings.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn find(&self, name: &str) -> Result<Environment> {
        let normalised = normalise(name);
        if !self.names().contains(&normalised) {
            return Err(
                Error::bad_request(format!("invalid env format:{name}")).with_code("unknown_env")
            );
        }
        Ok(self.named(normalised))
    }

    fn named(&self, name: String) -> Environment {
        let local = self.local.clone().filter(|local| local.name == name);
        Environment { name, local }
    }
}

impl Environment {
    /// Name in its one spelling.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Reads what must be there.
    ///
    /// # Errors
    /// What the admin service refuses, and an environment that cannot be reached.
    pub async fn get<T: DeserializeOwned>(&self, address: Address) -> Result<T> {
        parse(&self.call(Method::GET, address, None).await?)
    }

    /// Reads what may be absent: an empty answer means that it is.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn find<T: DeserializeOwned>(&self, address: Address) -> Result<Option<T>> {
        let answer = self.call(Method::GET, address, None).await?;
        if answer.is_empty() { Ok(None) } else { parse(&answer).map(Some) }
    }

    /// Creates something and reads what was created.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn create<T: DeserializeOwned>(
        &self,
        address: Address,
        body: &impl Serialize,
    ) -> Result<T> {
        parse(&self.send(Method::POST, address, body).await?)
    }

    /// Posts something that has no answer.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn post(&self, address: Address, body: &impl Serialize) -> Result<()> {
        self.send(Method::POST, address, body).await.map(drop)
    }

    /// Changes something.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn put(&self, address: Address, body: &impl Serialize) -> Result<()> {
        self.send(Method::PUT, address, body).await.map(drop)
    }

    /// Changes something by the address alone.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn put_empty(&self, address: Address) -> Result<()> {
        self.call(Method::PUT, address, None).await.map(drop)
    }

    /// Posts form fields and reads what was made of them.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn submit<T: DeserializeOwned>(
        &self,
        address: Address,
        fields: &[(&str, &str)],
    ) -> Result<T> {
        parse(&self.call(Method::POST, address, Some((FORM, encode(fields)))).await?)
    }

    /// Deletes something.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn delete(&self, address: Address) -> Result<()> {
        self.call(Method::DELETE, address, None).await.map(drop)
    }

    async fn send(&self, method: Method, address: Address, body: &impl Serialize) -> Result<Bytes> {
        self.call(method, address, Some((json::JSON_TYPE, json::write(body)?))).await
    }

    async fn call(
        &self,
        method: Method,
        address: Address,
        body: Option<(&str, String)>,
    ) -> Result<Bytes> {
        let Some(local) = &self.local else { return Err(self.unreachable()) };
        let request = Request::builder().method(method).uri(address.0);
        let request = match body {
            Some((kind, text)) => request.header(CONTENT_TYPE, kind).body(Body::from(text)),
            None => request.body(Body::empty()),
        };
        let request =
            request.map_err(|error| Error::internal("cannot address the admin service", error))?;
        let Ok(mut response) = local.router.clone().oneshot(request).await;
        if let Some(error) = response.extensions_mut().remove::<Error>() {
            return Err(error);
        }
        let status = response.status();
        let answer = response.into_body().collect().await;
        let answer = answer
            .map_err(|error| Error::internal("cannot read the admin service's answer", error))?
            .to_bytes();
        if status.is_success() {
            Ok(answer)
        } else {
            Err(Error::service(format!("Admin service of {} answered {status}.", self.name)))
        }
    }

    /// Text that scripts of Apollo's portal look for.
    fn unreachable(&self) -> Error {
        Error::service(format!(
            "No available admin server. Maybe because of meta server down or all admin server down. Env: {}",
            self.name
        ))
        .with_code("env_unreachable")
    }
}

/// Path and query of a call of the admin API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(String);

impl Address {
    /// Of unescaped segments.
    #[must_use]
    pub fn new<S: AsRef<str>>(segments: impl IntoIterator<Item = S>) -> Self {
        let mut path = String::new();
        for segment in segments {
            path.push('/');
            path.extend(utf8_percent_encode(segment.as_ref(), ESCAPED));
        }
        Self(path)
    }

    /// Of something in a cluster.
    #[must_use]
    pub fn in_cluster(place: &Place, rest: &[&str]) -> Self {
        let cluster = ["apps", &place.app_id, "clusters", &place.cluster];
        Self::new(cluster.iter().chain(rest))
    }

    /// Of something in a namespace.
    #[must_use]
    pub fn in_namespace(place: &Place, rest: &[&str]) -> Self {
        let namespace =
            ["apps", &place.app_id, "clusters", &place.cluster, "namespaces", &place.namespace];
        Self::new(namespace.iter().chain(rest))
    }

    /// Adds parameters.
    #[must_use]
    pub fn with(self, parameters: &[(&str, &str)]) -> Self {
        Self(format!("{}?{}", self.0, encode(parameters)))
    }
}

fn encode(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

fn parse<T: DeserializeOwned>(answer: &[u8]) -> Result<T> {
    serde_json::from_slice(answer).map_err(|error| {
        Error::internal("the admin service gave another answer than it should", error)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use super::*;

    fn environments(rows: &[(&str, &str)], own: Option<&str>) -> Environments {
        let config = ServerConfig::new(BTreeMap::new());
        config.replace(
            rows.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<HashMap<_, _>>(),
        );
        let local =
            own.map(|name| Arc::new(Local { name: name.to_owned(), router: Router::new() }));
        Environments { config, local }
    }

    #[test]
    fn names_are_normalised_once_each_and_the_own_one_is_among_them() {
        let environments = environments(&[("apollo.portal.envs", "dev, prod,Pro")], Some("LOCAL"));
        assert_eq!(environments.names(), ["DEV", "PRO", "LOCAL"]);
        let active: Vec<_> = environments.active().iter().map(|e| e.name().to_owned()).collect();
        assert_eq!(active, ["LOCAL"]);
    }

    #[test]
    fn without_a_setting_the_names_are_those_of_apollos_portal() {
        assert_eq!(environments(&[], None).names(), DEFAULT_ENVS);
    }

    #[test]
    fn an_unknown_name_is_a_bad_request() {
        let environments = environments(&[("apollo.portal.envs", "DEV")], None);
        assert_eq!(environments.find("dev").unwrap().name(), "DEV");
        assert_eq!(environments.find("x").unwrap_err().message(), "invalid env format:x");
    }

    #[tokio::test]
    async fn an_environment_that_is_not_here_says_so_as_apollos_portal_does() {
        let environments = environments(&[("apollo.portal.envs", "DEV")], None);
        let error = environments
            .find("DEV")
            .unwrap()
            .delete(Address::new(["apps", "a"]))
            .await
            .unwrap_err();
        assert!(error.message().starts_with("No available admin server."), "{error}");
    }

    #[test]
    fn names_in_addresses_are_escaped() {
        let place = Place {
            app_id: "a".into(),
            cluster: "c d".into(),
            namespace: "n.yml".into(),
            ..Place::default()
        };
        let address = Address::in_namespace(&place, &["items", "x/ä"]).with(&[("operator", "u&v")]);
        assert_eq!(
            address.0,
            "/apps/a/clusters/c%20d/namespaces/n.yml/items/x%2F%C3%A4?operator=u%26v"
        );
    }
}
