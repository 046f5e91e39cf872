//! Documents that try to execute code or to explode (SEC-20): they are refused quickly and with
//! little memory.

use std::time::Duration;

use serde_json::json;

use crate::support::app::App;
use crate::support::http::Http;
use crate::support::memory::peak_kib;
use crate::support::server::{Options, Server};
use crate::support::stopwatch::{Limit, Stopwatch};

/// How much longer the refusal of a document may take, in an unoptimised program, than that of a
/// text of its length which is not parsed; a bomb takes minutes.
const LONGER: Limit = Limit { usual: Duration::from_millis(500), most: Duration::from_secs(20) };
/// Limit of the memory that refusals may add, in KiB.
const EXTRA_KIB: u64 = 50 * 1024;

/// Lines of which each refers to nine copies of the previous one.
fn alias_bomb() -> String {
    let mut text = "a0: &a0 [lol]\n".to_owned();
    for line in 1..12 {
        let aliases = vec![format!("*a{}", line - 1); 9].join(",");
        text += &format!("a{line}: &a{line} [{aliases}]\n");
    }
    text
}

/// Documents by the namespace that they are written to.
fn hostile() -> Vec<(&'static str, String)> {
    const DEPTH: usize = 1_000_000;
    let deep = |open: &str, close: &str, depth| open.repeat(depth) + &close.repeat(depth);
    let yaml = [
        "a: !!javax.script.ScriptEngineManager [!!java.net.URLClassLoader [[]]]".to_owned(),
        "a: !!python/object/apply:os.system [id]".to_owned(),
        "a: !ruby/object:Gem::Installer x".to_owned(),
        alias_bomb(),
        deep("[", "]", DEPTH),
        "- ".repeat(DEPTH),
        "a: 1\na: 2".to_owned(),
    ];
    let json =
        [deep("[", "]", DEPTH), deep("{\"a\":", "}", DEPTH / 10), r#"{"a":1,"a":2}"#.to_owned()];
    let yaml = yaml.into_iter().map(|text| ("conf.yaml", text));
    yaml.chain(json.into_iter().map(|text| ("conf.json", text))).collect()
}

/// Sends a text as the value of an item; returns how long its refusal takes, and the reason.
async fn refusal(admin: &Http, items: &str, text: &str) -> (Duration, String) {
    let item = json!({ "key": "content", "value": text, "dataChangeCreatedBy": "apollo" });
    let watch = Stopwatch::start();
    let answer = admin.post(items, item).await;
    assert_eq!(answer.status, 400, "{items}: {}", &text[..text.len().min(40)]);
    (watch.elapsed(), answer.text)
}

/// SEC-20: constructor tags, alias bombs and depths of a million are refused quickly and with
/// little memory; XML remains text, whose entities are not resolved.
#[tokio::test]
async fn documents_cannot_execute_or_explode() {
    let options = Options::new()
        .flag("--roles", "config,meta,admin")
        .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false")
        .variable("CASTALIA_ITEM_VALUE_LENGTH_LIMIT", "20000000");
    let server = Server::start_with(options);
    let admin = Http::new(&server.admin);
    let app = App::create(&admin, "demo").await;
    for name in ["conf.yaml", "conf.json", "page.xml"] {
        app.add_namespace(name, false).await;
    }
    let bomb = "<!DOCTYPE x [<!ENTITY a \"lol\"><!ENTITY b \"&a;&a;\"><!ENTITY c SYSTEM \"file:///etc/passwd\">]>\
                <x>&b;&c;</x>";
    app.release("default", "page.xml", &[("content", bomb)]).await;
    let items = |namespace: &str| format!("{}/items", app.path("default", namespace));
    let before = peak_kib(&server);
    for (namespace, text) in hostile() {
        let longer = async || {
            let (plain, reason) = refusal(&admin, &items("page.xml"), &text).await;
            assert!(reason.contains("already exists"), "{reason}");
            let (hostile, reason) = refusal(&admin, &items(namespace), &text).await;
            assert!(reason.contains("invalid"), "{reason}");
            hostile.saturating_sub(plain)
        };
        LONGER.check(&text[..text.len().min(40)], longer).await;
    }
    let grown = peak_kib(&server) - before;
    assert!(grown < EXTRA_KIB, "{grown} KiB more");

    let config = Http::new(&server.config);
    let path = "/configs/demo/default/page.xml";
    assert_eq!(config.get(path).await.ok().json()["configurations"]["content"], bomb);
}
