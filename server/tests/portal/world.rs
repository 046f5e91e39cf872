//! A portal with its environment in one process, callers with a session or a token, and access to
//! the rows.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::middleware::from_fn_with_state;
use castalia_server::background::Background;
use castalia_server::domain::consumer;
use castalia_server::domain::instance_audit::InstanceAudit;
use castalia_server::domain::permission::NamedRole;
use castalia_server::domain::permission::grant::{self, Grantee};
use castalia_server::domain::unique;
use castalia_server::domain::unsigned_client::UnsignedClients;
use castalia_server::domain::user::{self, SignIn};
use castalia_server::environment::Environments;
use castalia_server::feed::{FeedOptions, ReleaseFeed};
use castalia_server::http::failure;
use castalia_server::http::health::Readiness;
use castalia_server::http::route::Listed;
use castalia_server::nudge::Nudge;
use castalia_server::registry::ServiceRegistry;
use castalia_server::role::admin;
use castalia_server::role::portal::{self, PortalAccess};
use castalia_server::server_config::ServerConfig;
use castalia_server::settings::role::Role;
use castalia_server::settings::{Installation, Settings, Texts};
use castalia_server::state::{EnvironmentState, PortalState};
use castalia_store::user::UserRow;
use castalia_store::{Part, Secret, Store, server_config};
use http::{Method, Request, Response};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

pub(crate) use super::answer::Answer;
use super::engine;
use super::process::{self, Process};

/// Path of a namespace of the app `demo`.
pub(crate) const NS: &str =
    "/openapi/v1/envs/LOCAL/apps/demo/clusters/default/namespaces/application";
/// Password of every user here; stored in clear so that signing in is fast.
pub(crate) const PASSWORD: &str = "secret of a test";
/// Host header of requests.
pub(crate) const HOST: &str = "127.0.0.1:8070";

/// A portal with the users `apollo` (root), `u1` and `u2`.
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) environment_store: Store,
    pub(crate) environments: Environments,
    pub(crate) routes: Vec<Listed<PortalAccess>>,
    pub(crate) ready: Readiness,
    installation: Installation,
    state: PortalState,
    router: Router,
    /// Answers instead of the router.
    process: Option<Process>,
    config: ServerConfig,
    environment_config: ServerConfig,
    rows: HashMap<String, String>,
}

/// A caller.
pub(crate) struct Caller<'w> {
    world: &'w World,
    headers: Vec<(&'static str, String)>,
}

impl World {
    /// A portal on databases that Apollo created, as the numbered cases require.
    pub(crate) async fn adopted() -> Self {
        Self::with(Installation::Adopted, &[]).await
    }

    /// A portal on fresh databases.
    pub(crate) async fn fresh() -> Self {
        Self::with(Installation::Fresh, &[]).await
    }

    pub(crate) async fn with(installation: Installation, flags: &[(&'static str, &str)]) -> Self {
        Self::with_settings(installation, flags, None).await
    }

    /// The same with a settings file.
    pub(crate) async fn with_file(installation: Installation, file: PathBuf) -> Self {
        Self::with_settings(installation, &[], Some(file)).await
    }

    async fn with_settings(
        installation: Installation,
        flags: &[(&'static str, &str)],
        file: Option<PathBuf>,
    ) -> Self {
        let mut texts = vec![("env", "LOCAL".to_owned())];
        texts.extend(flags.iter().map(|(name, text)| (*name, (*text).to_owned())));
        let settings =
            Settings::from_texts(&Texts::gather(texts, file, std::iter::empty()).unwrap()).unwrap();
        let settings = Arc::new(settings);
        let environment = environment(&settings, installation).await;
        let store = engine::open(Part::Portal, installation).await;
        let rows = HashMap::from(
            [
                ("apollo.portal.envs", "local"),
                ("superAdmin", "apollo"),
                ("organizations", r#"[{"orgId":"TEST1","orgName":"One"}]"#),
            ]
            .map(|(key, value)| (key.to_owned(), value.to_owned())),
        );
        let config = ServerConfig::new(settings.fixed_for(Role::Portal));
        config.replace(rows.clone());
        let state = PortalState {
            compat: settings.compat.resolve(installation),
            installation,
            environments: Environments::new(
                &settings,
                &config,
                Some(admin::in_process(environment.clone())),
            ),
            environment: Some(environment.clone()),
            settings,
            store: store.clone(),
            config: config.clone(),
            changes: TaskTracker::new(),
            notices: Arc::default(),
            ready: environment.ready.clone(),
        };
        let (environments, ready) = (state.environments.clone(), state.ready.clone());
        ready.set(true);
        let (router, routes) = portal::router(state.clone());
        let mut world = Self {
            store,
            environments,
            environment_store: environment.store,
            routes,
            ready,
            installation,
            state,
            router: router.layer(from_fn_with_state(false, failure::render)),
            process: None,
            config,
            environment_config: environment.config,
            rows,
        };
        for name in ["apollo", "u1", "u2"] {
            world.add_user(name, &format!("{{noop}}{PASSWORD}")).await;
        }
        if process::is_wanted() {
            world.store_settings().await;
            let stores = [&world.environment_store, &world.store];
            world.process = Some(Process::start(installation, stores, flags));
        }
        world
    }

    /// Stores the portal's settings, for nodes and transactions that read them.
    pub(crate) async fn store_settings(&self) {
        let stored: Result<_, castalia_store::StoreError> = self
            .store
            .write(self.rows.clone(), |tx, rows| {
                Box::pin(async move {
                    for (key, value) in rows {
                        server_config::upsert_of_portal(tx, key, value, None, "apollo").await?;
                    }
                    Ok(())
                })
            })
            .await;
        stored.unwrap();
    }

    /// The environment LOCAL.
    pub(crate) fn environment(&self) -> &EnvironmentState {
        self.state.environment.as_ref().unwrap()
    }

    /// Another node of the same portal: it shares the databases and nothing else that it remembers
    /// about callers.
    pub(crate) fn second_node(&self) -> Self {
        let (router, routes) = portal::router(self.state.clone());
        Self {
            store: self.store.clone(),
            environments: self.environments.clone(),
            environment_store: self.environment_store.clone(),
            routes,
            ready: self.ready.clone(),
            installation: self.installation,
            state: self.state.clone(),
            router: router.layer(from_fn_with_state(false, failure::render)),
            process: None,
            config: self.config.clone(),
            environment_config: self.environment_config.clone(),
            rows: self.rows.clone(),
        }
    }

    /// Starts the background work of the portal; it ends with the returned value's shutdown.
    pub(crate) fn run(&self) -> Background {
        let background = Background::default();
        // A process does it anyway.
        if self.process.is_none() {
            portal::run(&self.state, &background);
        }
        background
    }

    /// The same with the app `demo` of `u1`.
    pub(crate) async fn with_demo() -> Self {
        let world = Self::adopted().await;
        world.user("u1").await.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
        world
    }

    pub(crate) async fn add_user(&self, name: &str, stored: &str) {
        let row = UserRow {
            username: name.to_owned(),
            display_name: Some(format!("Name of {name}")),
            email: Some(format!("{name}@example.com")),
            password: Some(Secret::new(stored)),
            is_enabled: Some(true),
        };
        let made: Result<_, castalia_store::StoreError> =
            self.store.write(row, |tx, row| Box::pin(castalia_store::user::create(tx, row))).await;
        made.unwrap();
    }

    /// Sets a key of the portal's settings.
    pub(crate) fn set(&mut self, key: &str, value: &str) {
        self.rows.insert(key.to_owned(), value.to_owned());
        self.config.replace(self.rows.clone());
        if let Some(process) = &self.process {
            process.set("portal-db", key, value);
        }
    }

    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        match &self.process {
            Some(process) => process.answer(request).await,
            None => self.router.clone().oneshot(request).await.unwrap().map(Body::new),
        }
    }

    /// Sets a key of the environment's settings.
    pub(crate) fn set_in_environment(&self, key: &str, value: &str) {
        self.set_all_in_environment(&[(key, value)]);
    }

    /// Sets keys of the environment's settings, and no others.
    pub(crate) fn set_all_in_environment(&self, rows: &[(&str, &str)]) {
        if let Some(process) = &self.process {
            rows.iter().for_each(|(key, value)| process.set("envs/LOCAL/config-db", key, value));
        }
        let rows = rows.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        self.environment_config.replace(rows.collect());
    }

    /// Assigns roles to a user, as the pages for it will.
    pub(crate) async fn grant(&self, user: &str, roles: Vec<NamedRole>) {
        let input = (roles, user.to_owned());
        unique::write(&self.store, input, |tx, (roles, user)| {
            Box::pin(async move {
                for role in roles {
                    grant::give(tx, role, Grantee::Users(&[user]), "apollo").await?;
                }
                Ok(())
            })
        })
        .await
        .unwrap();
    }

    /// A token of a consumer with the permissions of an administrator of these apps.
    pub(crate) async fn token(&self, name: &str, apps: &[&str]) -> String {
        let apps: Vec<_> = apps.iter().map(|app| (*app).to_owned()).collect();
        consumer::create_token(&self.store, self.installation, name, &apps, false)
            .await
            .unwrap()
            .text
    }

    pub(crate) async fn token_for_all(&self, name: &str) -> String {
        consumer::create_token(&self.store, self.installation, name, &[], true).await.unwrap().text
    }

    pub(crate) fn nobody(&self) -> Caller<'_> {
        Caller { world: self, headers: Vec::new() }
    }

    pub(crate) fn consumer(&self, token: &str) -> Caller<'_> {
        self.nobody().with("authorization", token)
    }

    /// Signs in.
    pub(crate) async fn user(&self, name: &str) -> Caller<'_> {
        let cookie = self.nobody().sign_in(name, PASSWORD).await.cookie().expect("a session");
        let caller = self.nobody().with("cookie", &cookie);
        let token = caller.get("/openapi/v1/user").await.header("x-csrf-token").to_owned();
        caller.with("x-csrf-token", &token)
    }

    /// Whether this user can sign in with this password.
    pub(crate) async fn accepts(&self, name: &str, password: &str) -> bool {
        let outcome =
            user::sign_in(&self.store, self.installation, name, password.to_owned()).await.unwrap();
        matches!(outcome, SignIn::Accepted(_))
    }
}

impl Caller<'_> {
    /// The same caller at another node.
    pub(crate) fn at<'n>(&self, world: &'n World) -> Caller<'n> {
        Caller { world, headers: self.headers.clone() }
    }

    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, "", String::new()).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, "", String::new()).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, "application/json", body.to_string()).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, "application/json", body.to_string()).await
    }

    /// Posts a form with a file.
    pub(crate) async fn upload(&self, path: &str, name: &str, content: &[u8]) -> Answer {
        let head = format!(
            "--BOUNDARY\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
             content-type: application/octet-stream\r\n\r\n"
        );
        let body = [head.as_bytes(), content, b"\r\n--BOUNDARY--\r\n"].concat();
        self.send(Method::POST, path, "multipart/form-data; boundary=BOUNDARY", body).await
    }

    pub(crate) async fn sign_in(&self, name: &str, password: &str) -> Answer {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("username", name)
            .append_pair("password", password)
            .finish();
        self.send(Method::POST, "/signin", "application/x-www-form-urlencoded", form).await
    }

    /// Opens a stream.
    pub(crate) async fn open(&self, path: &str) -> Body {
        let mut request = Request::builder().uri(path);
        if self.headers.iter().all(|(name, _)| *name != "host") {
            request = request.header("host", HOST);
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let request = request.body(Body::empty()).unwrap();
        let response = self.world.answer(request).await;
        assert_eq!(response.status(), 200, "{path}");
        response.into_body()
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        kind: &str,
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if self.headers.iter().all(|(name, _)| *name != "host") {
            request = request.header("host", HOST);
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        if !kind.is_empty() {
            request = request.header("content-type", kind);
        }
        let mut request = request.body(body.into()).unwrap();
        request
            .extensions_mut()
            .insert(ConnectInfo(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1)));
        let (parts, body) = self.world.answer(request).await.into_parts();
        // A stream of events has no end.
        let is_stream = parts.headers.get("content-type").is_some_and(|kind| {
            kind.to_str().is_ok_and(|kind| kind.starts_with("text/event-stream"))
        });
        let body = if is_stream { Body::empty() } else { body };
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
            bytes: body.to_vec(),
        }
    }
}

/// Body that creates an app.
pub(crate) fn app(app_id: &str, owner: &str) -> Value {
    json!({
        "assignAppRoleToSelf": false,
        "admins": [],
        "app": { "appId": app_id, "name": app_id, "orgId": "TEST1", "orgName": "One", "ownerName": owner },
    })
}

pub(crate) fn item(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": value, "type": 0 })
}

pub(crate) async fn environment(
    settings: &Arc<Settings>,
    installation: Installation,
) -> EnvironmentState {
    let store = engine::open(Part::Config, installation).await;
    let config = ServerConfig::new([].into());
    let feed = ReleaseFeed::load(store.clone(), config.clone(), FeedOptions::default());
    let feed = feed.await.unwrap();
    // A publish is answered when the feed has delivered it.
    feed.run(&Background::default());
    EnvironmentState {
        settings: Arc::clone(settings),
        compat: settings.compat.resolve(installation),
        feed,
        nudge: Nudge::open(&store, &ServiceRegistry::fixed(Vec::new()), Secret::new("secret"))
            .unwrap(),
        instances: InstanceAudit::new(store.clone(), config.clone()),
        unsigned: UnsignedClients::new(store.clone()),
        registry: ServiceRegistry::fixed(Vec::new()),
        changes: TaskTracker::new(),
        ready: Readiness::default(),
        store,
        config,
    }
}
