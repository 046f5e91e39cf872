//! A provider of OpenID Connect in this process, whose answers a test may spoil: it signs with
//! ES256, checks PKCE, redirect address and client, and accepts each code once.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{AUTHORIZATION, LOCATION};
use http::{HeaderMap, StatusCode, Uri};
use parking_lot::Mutex;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio::sync::watch;

pub(crate) const CLIENT: &str = "portal";
pub(crate) const SECRET: &str = "secret at the provider";
/// Longest wait for the next request of the portal, on a busy machine. It reads a document at most
/// every ten seconds.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// A running provider.
#[derive(Clone)]
pub(crate) struct Provider {
    pub(crate) issuer: String,
    pub(crate) rules: Arc<Mutex<Rules>>,
    /// Documents that were read.
    pub(crate) reads: Arc<AtomicUsize>,
    /// Requests that the token endpoint received.
    pub(crate) exchanges: Arc<AtomicUsize>,
    codes: Arc<Mutex<HashMap<String, HashMap<String, String>>>>,
    frozen: watch::Sender<bool>,
}

/// What it says.
pub(crate) struct Rules {
    key: EcdsaKeyPair,
    /// Id of the key.
    kid: Option<String>,
    /// Claims of the user, and changes of the usual ones; `null` removes a claim.
    pub(crate) claims: Value,
    /// Claims of the user info.
    pub(crate) user_info: Value,
    /// Whether tokens have no signature.
    pub(crate) unsigned: bool,
    /// Whether tokens are signed with a key that it does not publish.
    pub(crate) foreign_key: bool,
    /// Changes of the answer of the token endpoint; `null` removes a member.
    pub(crate) token_answer: Value,
    /// Statuses of the token and user info endpoints.
    pub(crate) token_status: StatusCode,
    pub(crate) user_info_status: StatusCode,
    /// Path of the token endpoint.
    pub(crate) token_path: &'static str,
}

impl Provider {
    pub(crate) async fn start() -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub(crate) fn on(listener: TcpListener) -> Self {
        let provider = Self {
            issuer: format!("http://{}", listener.local_addr().unwrap()),
            rules: Arc::new(Mutex::new(Rules {
                key: new_key(),
                kid: Some("1".to_owned()),
                claims: json!({
                    "sub": "anna", "preferred_username": "Anna A.", "email": "anna@b.example",
                }),
                user_info: json!({ "sub": "anna" }),
                unsigned: false,
                foreign_key: false,
                token_answer: json!({}),
                token_status: StatusCode::OK,
                user_info_status: StatusCode::OK,
                token_path: "/token",
            })),
            reads: Arc::default(),
            exchanges: Arc::default(),
            codes: Arc::default(),
            frozen: watch::channel(false).0,
        };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(document))
            .route("/keys", get(keys))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .route("/moved/token", post(token))
            .route("/userinfo", get(user_info))
            .with_state(provider.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        provider
    }

    /// Flags of a portal that uses it.
    pub(crate) fn flags(&self) -> Vec<(&'static str, &str)> {
        vec![
            ("oidc.issuer_uri", &self.issuer),
            ("oidc.client_id", CLIENT),
            ("oidc.client_secret", SECRET),
        ]
    }

    /// Signs with another key from now on.
    pub(crate) fn rotate(&self) {
        let kid = self.rules.lock().kid.clone().unwrap_or_default();
        self.rotate_to(Some(&format!("{kid}1")));
    }

    /// The same with this id of the key.
    pub(crate) fn rotate_to(&self, kid: Option<&str>) {
        let mut rules = self.rules.lock();
        rules.key = new_key();
        rules.kid = kid.map(str::to_owned);
    }

    /// Accepts connections and answers nothing.
    pub(crate) fn freeze(&self, frozen: bool) {
        self.frozen.send_replace(frozen);
    }

    /// Sets claims of the user.
    pub(crate) fn claim(&self, claims: &Value) {
        let mut rules = self.rules.lock();
        for (name, value) in claims.as_object().unwrap() {
            rules.claims[name] = value.clone();
        }
    }

    async fn thaw(&self) {
        self.frozen.subscribe().wait_for(|frozen| !frozen).await.unwrap();
    }
}

fn new_key() -> EcdsaKeyPair {
    let random = SystemRandom::new();
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let key = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
    EcdsaKeyPair::from_pkcs8(algorithm, key.as_ref(), &random).unwrap()
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

async fn document(State(provider): State<Provider>) -> Json<Value> {
    provider.thaw().await;
    provider.reads.fetch_add(1, Ordering::Relaxed);
    let at = |path: &str| format!("{}{path}", provider.issuer);
    Json(json!({
        "issuer": provider.issuer,
        "authorization_endpoint": at("/authorize"),
        "token_endpoint": at(provider.rules.lock().token_path),
        "userinfo_endpoint": at("/userinfo"),
        "end_session_endpoint": at("/end"),
        "jwks_uri": at("/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        // As some providers do; a token without a signature must be refused nevertheless.
        "id_token_signing_alg_values_supported": ["ES256", "none"],
    }))
}

async fn keys(State(provider): State<Provider>) -> Json<Value> {
    let rules = provider.rules.lock();
    let [_, x @ ..] = &rules.key.public_key().as_ref()[..33] else { panic!("a short key") };
    let y = &rules.key.public_key().as_ref()[33..];
    let key = json!({
        "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "x": encode(x), "y": encode(y),
    });
    Json(json!({ "keys": [merged(key, &json!({ "kid": rules.kid }))] }))
}

/// The user agrees at once.
async fn authorize(
    State(provider): State<Provider>,
    Query(asked): Query<HashMap<String, String>>,
) -> Response {
    assert_eq!(asked["response_type"], "code");
    assert_eq!(asked["code_challenge_method"], "S256");
    assert!(asked["scope"].split(' ').any(|scope| scope == "openid"), "{asked:?}");
    let (back, state) = (asked["redirect_uri"].clone(), asked["state"].clone());
    let code = format!("code{}", fastrand::u64(..));
    provider.codes.lock().insert(code.clone(), asked);
    (StatusCode::FOUND, [(LOCATION, format!("{back}?code={code}&state={state}"))]).into_response()
}

async fn token(
    State(provider): State<Provider>,
    headers: HeaderMap,
    uri: Uri,
    Form(given): Form<HashMap<String, String>>,
) -> Response {
    provider.exchanges.fetch_add(1, Ordering::Relaxed);
    provider.thaw().await;
    if uri.path() != provider.rules.lock().token_path {
        return (StatusCode::NOT_FOUND, Json(json!({ "error": "nothing here" }))).into_response();
    }
    let refuse = |problem: &str| {
        (StatusCode::BAD_REQUEST, Json(json!({ "error": problem }))).into_response()
    };
    let basic = format!("{CLIENT}:{}", SECRET.replace(' ', "+"));
    let basic = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(basic));
    if headers.get(AUTHORIZATION).is_none_or(|sent| sent != basic.as_str()) {
        return refuse("invalid_client");
    }
    let Some(asked) = provider.codes.lock().remove(&given["code"]) else {
        return refuse("invalid_grant");
    };
    let challenge = encode(Sha256::digest(&given["code_verifier"]));
    if challenge != asked["code_challenge"] || given["redirect_uri"] != asked["redirect_uri"] {
        return refuse("invalid_grant");
    }
    let usual = json!({
        "access_token": "access", "token_type": "Bearer", "id_token": provider.sign(&asked["nonce"]),
    });
    let rules = provider.rules.lock();
    (rules.token_status, Json(merged(usual, &rules.token_answer))).into_response()
}

async fn user_info(
    State(provider): State<Provider>,
    headers: HeaderMap,
) -> (StatusCode, Json<Value>) {
    assert_eq!(headers[AUTHORIZATION], "Bearer access");
    let rules = provider.rules.lock();
    (rules.user_info_status, Json(rules.user_info.clone()))
}

impl Provider {
    fn sign(&self, nonce: &str) -> String {
        let claims = self.rules.lock().claims.clone();
        self.issue(&merged(json!({ "aud": CLIENT, "nonce": nonce }), &claims), &json!({}))
    }

    /// A token with these claims and header members beside the usual ones.
    pub(crate) fn issue(&self, claims: &Value, header: &Value) -> String {
        let rules = self.rules.lock();
        let claims = self.claims(&rules, claims);
        let header = match rules.unsigned {
            true => json!({ "alg": "none" }),
            false => {
                let usual = merged(json!({ "alg": "ES256" }), &json!({ "kid": rules.kid }));
                merged(usual, header)
            }
        };
        let text = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        if rules.unsigned {
            return format!("{text}.");
        }
        let foreign = rules.foreign_key.then(new_key);
        let key = foreign.as_ref().unwrap_or(&rules.key);
        let signature = key.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
        format!("{text}.{}", encode(signature))
    }

    /// A token that is signed with a secret instead of a key.
    pub(crate) fn seal(&self, claims: &Value, secret: &[u8]) -> String {
        let rules = self.rules.lock();
        let header = json!({ "alg": "HS256", "kid": rules.kid });
        let claims = self.claims(&rules, claims);
        let text = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
        format!("{text}.{}", encode(ring::hmac::sign(&key, text.as_bytes())))
    }

    /// The key that it publishes.
    pub(crate) fn public_key(&self) -> Vec<u8> {
        self.rules.lock().key.public_key().as_ref().to_vec()
    }

    fn claims(&self, rules: &Rules, more: &Value) -> Value {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let usual = json!({ "iss": self.issuer, "iat": now, "exp": now + 300 });
        merged(merged(usual, &rules.claims), more)
    }
}

/// The members of both, of which `null` removes one.
fn merged(mut known: Value, more: &Value) -> Value {
    for (name, value) in more.as_object().unwrap() {
        match value {
            Value::Null => drop(known.as_object_mut().unwrap().remove(name)),
            value => known[name] = value.clone(),
        }
    }
    known
}
