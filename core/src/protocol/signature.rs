//! The access key signature: `base64(HMAC-SHA1(secret, timestamp + "\n" + path[?query]))` over the
//! raw bytes of the request line.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

/// Header with the milliseconds since the Unix epoch as decimal text.
pub const TIMESTAMP_HEADER: &str = "Timestamp";
/// Header with the signature.
pub const AUTHORIZATION_HEADER: &str = "Authorization";
/// Scheme in front of `appId:signature` in the `Authorization` header.
pub const SCHEME: &str = "Apollo";

/// A secret with its HMAC state initialized. Signing copies the state, which is a third faster than
/// initializing it each time.
///
/// ```
/// use castalia_core::protocol::signature::Signer;
///
/// let signer = Signer::new("secret");
/// let path = "/configs/demo/default/application";
/// let signature = signer.sign("1700000000000", path);
/// assert!(signer.verify("1700000000000", path, &signature));
/// assert!(!signer.verify("1700000000001", path, &signature));
/// ```
#[derive(Clone)]
pub struct Signer {
    state: Hmac<Sha1>,
    /// Whether the secret is blank. A signature made with a blank secret proves nothing.
    is_known_to_all: bool,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer(***)")
    }
}

impl Signer {
    /// Prepares a secret of any length.
    #[must_use]
    pub fn new(secret: &str) -> Self {
        #[expect(clippy::expect_used, reason = "HMAC accepts keys of every length")]
        let state =
            Hmac::<Sha1>::new_from_slice(secret.as_bytes()).expect("HMAC takes any key length");
        Self { state, is_known_to_all: secret.trim().is_empty() }
    }

    /// The signature of a request. `path_and_query` must be exactly what is sent: percent-encoded
    /// and with the context path.
    #[must_use]
    pub fn sign(&self, timestamp: &str, path_and_query: &str) -> String {
        STANDARD.encode(self.mac(timestamp, path_and_query).finalize().into_bytes())
    }

    /// Whether `signature` belongs to this request; always false for a blank secret. Compares in
    /// constant time.
    #[must_use]
    pub fn verify(&self, timestamp: &str, path_and_query: &str, signature: &str) -> bool {
        !self.is_known_to_all
            && STANDARD
                .decode(signature)
                .is_ok_and(|given| self.mac(timestamp, path_and_query).verify_slice(&given).is_ok())
    }

    fn mac(&self, timestamp: &str, path_and_query: &str) -> Hmac<Sha1> {
        let mut mac = self.state.clone();
        mac.update(timestamp.as_bytes());
        mac.update(b"\n");
        mac.update(path_and_query.as_bytes());
        mac
    }
}

/// The key that signs a client's requests for an app.
///
/// ```
/// use castalia_core::protocol::signature::AccessKey;
///
/// let key = AccessKey::new("demo", "secret").expect("the secret is not blank");
/// let [(_, timestamp), (_, authorization)] = key.headers(1_700_000_000_000, "/configs/demo/a/b");
/// assert_eq!(timestamp, "1700000000000");
/// assert!(authorization.starts_with("Apollo demo:"));
/// ```
#[derive(Debug, Clone)]
pub struct AccessKey {
    app_id: String,
    signer: Signer,
}

impl AccessKey {
    /// The key of an app; `None` if the secret is blank.
    #[must_use]
    pub fn new(app_id: &str, secret: &str) -> Option<Self> {
        let secret = secret.trim();
        (!secret.is_empty())
            .then(|| Self { app_id: app_id.to_owned(), signer: Signer::new(secret) })
    }

    /// The headers of a request. `path_and_query` must be exactly what is sent; `timestamp` is in
    /// ms since the Unix epoch.
    #[must_use]
    pub fn headers(&self, timestamp: i64, path_and_query: &str) -> [(&'static str, String); 2] {
        let timestamp = timestamp.to_string();
        let signature = self.signer.sign(&timestamp, path_and_query);
        let authorization = authorization(&self.app_id, &signature);
        [(TIMESTAMP_HEADER, timestamp), (AUTHORIZATION_HEADER, authorization)]
    }
}

/// Value of the `Authorization` header.
#[must_use]
pub fn authorization(app_id: &str, signature: &str) -> String {
    format!("{SCHEME} {app_id}:{signature}")
}

/// The signature in an `Authorization` header: the text between its first two colons. Scheme and
/// app id are ignored, as in the reference; the app id of the path decides.
#[must_use]
pub fn signature_of(authorization: &str) -> Option<&str> {
    authorization.split(':').nth(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_match_the_reference() {
        let vectors = [
            (
                "0123456789abcdef0123456789abcdef",
                "1700000000000",
                "/notifications/v2?appId=order&cluster=default&notifications=%5B%7B%22namespaceName%22%3A%22application%22%2C%22notificationId%22%3A-1%7D%5D",
                "ZstKvlLl/Riz6FidNz+kC2UdJak=",
            ),
            (
                "0123456789abcdef0123456789abcdef",
                "1700000000000",
                "/configs/a.b_c-d/default/FX.apollo?releaseKey=k1%2Bk2&dataCenter=%E4%B8%8A%E6%B5%B7&ip=10.0.0.1&label=v%201%262",
                "vFr+kFOLXCxjSLb3NOyPRXEIeGk=",
            ),
            (
                "someSecret",
                "1575018989200",
                "/configs/someAppId/default/application?ip=10.0.0.1",
                "WYjjyJFei6DYiaMlwZjew2O/Yqk=",
            ),
            (
                "0123456789abcdef0123456789abcdef",
                "1700000000000",
                "/configs/order/default/application?ip=10.0.0.1",
                "ryiZNeSmAhsDxd3+xBbQwzYMtTw=",
            ),
            (
                "0123456789abcdef0123456789abcdef",
                "1700000000000",
                "/gw/configs/a.b_c-d/default/db.yaml",
                "u0jkvCanFglPDBc6LIoPyCRzRTs=",
            ),
        ];
        for (secret, timestamp, path, expected) in vectors {
            let signer = Signer::new(secret);
            assert_eq!(signer.sign(timestamp, path), expected, "{path}");
            assert!(signer.verify(timestamp, path, expected));
            assert!(!signer.verify(timestamp, &format!("{path}x"), expected));
        }
    }

    #[test]
    fn headers_carry_the_app_id_and_the_signature() {
        let key = AccessKey::new("order", " 0123456789abcdef0123456789abcdef ").unwrap();
        let path = "/configs/order/default/application?ip=10.0.0.1";
        let [timestamp, authorization] = key.headers(1_700_000_000_000, path);
        assert_eq!(timestamp, ("Timestamp", "1700000000000".to_owned()));
        let expected = "Apollo order:ryiZNeSmAhsDxd3+xBbQwzYMtTw=";
        assert_eq!(authorization, ("Authorization", expected.to_owned()));
        assert!(AccessKey::new("order", "  ").is_none());
    }

    #[test]
    fn only_the_text_between_the_colons_counts() {
        assert_eq!(signature_of("Apollo demo:abc="), Some("abc="));
        assert_eq!(signature_of("X other:abc=:rest"), Some("abc="));
        assert_eq!(signature_of("abc="), None);
    }

    #[test]
    fn a_secret_never_shows_in_debug_text() {
        assert_eq!(format!("{:?}", Signer::new("top")), "Signer(***)");
    }
}
