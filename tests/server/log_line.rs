//! Input of clients cannot forge a line of the log, or change how a line is displayed (SEC-32).

use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::logged::Logged;
use crate::support::raw;

/// Line ends, colours, and direction overrides, as UTF-8 in a URL.
const HOSTILE: [&str; 10] = [
    "%0a",
    "%0d",
    "%0d%0a",
    "%1b%5b31m",
    "%c2%85",
    "%c2%9b",
    "%e2%80%a8",
    "%e2%80%ae",
    "%e2%81%a6",
    "%08",
];

/// A forged line.
const FORGED: &str = "2026-01-01T00:00:00.000000Z  WARN forged";

/// Characters that end, hide or reverse the text after them.
fn is_deceptive(character: char) -> bool {
    (character.is_control() && character != '\n')
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[track_caller]
fn assert_clean(log: &str) {
    for line in log.lines() {
        assert!(!line.contains(is_deceptive), "{line:?}");
        assert!(!line.trim_start().starts_with("2026-01-01T00"), "a forged line: {line}");
    }
}

/// SEC-32: with line ends, escapes and direction characters in every part of a request, the text
/// log has exactly one genuine line for each event.
#[tokio::test]
async fn nothing_in_a_request_forges_a_line_of_the_text_log() {
    let directory = tempfile::tempdir().unwrap();
    let arguments = ["--log-level", "debug", "--compat-defaults", "adopted"];
    let open = [("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false")];
    let file = directory.path().join("log");
    let server = Logged::start(&directory.path().join("data"), &file, 3, &arguments, &open);
    let (config, admin, portal) =
        (server.address("config"), server.address("admin"), server.address("portal"));
    let forged = FORGED.replace(' ', "%20");
    for hostile in HOSTILE {
        let name = format!("mark{hostile}{forged}");
        for (base, target) in [
            (&config, format!("/configs/{name}/default/application")),
            (&config, format!("/configs/demo/{name}/application?ip={name}&label={name}")),
            (&config, format!("/configs/demo/default/{name}?dataCenter={name}")),
            (&config, format!("/configfiles/raw/demo/default/{name}")),
            (&config, format!("/notifications?appId={name}&cluster=c&notificationId={name}")),
            (&config, format!("/notifications/v2?appId=d&cluster=c&notifications={name}")),
            (&admin, format!("/apps/{name}")),
            (&admin, format!("/apps?name={name}")),
            (&admin, format!("/apps/demo/clusters/{name}/namespaces/x/items/{name}")),
            (&portal, format!("/openapi/v1/apps/{name}")),
            (&portal, format!("/assets/{name}")),
        ] {
            let header = [("x-forwarded-for", name.as_str()), ("authorization", name.as_str())];
            raw::get(base, &target, &header).await;
        }
    }
    let text: String = "\n\r\u{1b}[31m\u{85}\u{9b}\u{2028}\u{202e}\u{2066}".to_owned() + FORGED;
    let form = [("username", text.as_str()), ("password", "wrong password")];
    Http::new(&portal).form("/signin", &form).await;
    let app = serde_json::json!({ "appId": text, "name": text, "orgId": text, "ownerName": text });
    Http::new(&admin).post("/apps", app.clone()).await;
    let app = serde_json::json!({ "app": app, "admins": [text] });
    Http::new(&portal).post("/openapi/v1/apps", app).await;
    // Lines are in order, so once the last request is in the log, so are those before it.
    let is_written = async || server.log().contains("the-last-one").then_some(());
    raw::get(&admin, "/the-last-one", &[]).await;
    eventually("the line of the last request", is_written).await;
    let log = server.log();
    assert!(log.matches("mark").count() > 50, "what was sent is not in the log: {log:.2000}");
    assert_clean(&log);
}
