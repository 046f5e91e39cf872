//! Texts that an instance chooses, in every place where they appear.

use serde_json::{Value, json};

use super::{instance, register};
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::logged::Logged;
use crate::support::raw;

/// Line ends, an escape sequence, the end of a script, entities, and a direction override.
const HOSTILE: &str = "\r\n\u{1b}[31m</script><a href='x'>&lt;\u{202e}]]>\0\u{ffff}";

/// Characters that end, hide or reverse the text after them in a log.
fn is_deceptive(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A node that hosts Eureka and logs text.
fn start(directory: &tempfile::TempDir) -> Logged {
    let arguments = [
        "--log-level",
        "debug",
        "--roles",
        "config,meta,admin",
        "--registry",
        "eureka",
        "--eureka-host",
        "on",
        "--eureka-username",
        "eu",
    ];
    let password = [("CASTALIA_EUREKA_PASSWORD", "pw")];
    let at = |name: &str| directory.path().join(name);
    Logged::start(&at("data"), &at("log"), 2, &arguments, &password)
}

fn caller(server: &Logged) -> Http {
    Http::new(&server.address("config")).with("authorization", "Basic ZXU6cHc=")
}

/// Case 101: hostile texts of a description are returned as data, in XML that is well formed, and
/// neither they nor hostile paths forge a line of the log.
#[tokio::test]
async fn hostile_texts_are_data_everywhere() {
    let directory = tempfile::tempdir().unwrap();
    let server = start(&directory);
    let xml = caller(&server);
    let eureka = xml.clone().with("accept", "application/json");
    let mut hostile = instance("DEMO", "k", 9);
    for name in ["homePageUrl", "vipAddress", "asgName", "appGroupName", "statusPageUrl"] {
        hostile["instance"][name] = json!(HOSTILE);
    }
    hostile["instance"]["metadata"] =
        json!({HOSTILE: HOSTILE, "plain": HOSTILE, "1x": "y", "a b": "c"});
    hostile["instance"]["dataCenterInfo"] = json!({"name": HOSTILE, "@class": HOSTILE});
    assert_eq!(eureka.post("/eureka/apps/DEMO", hostile.clone()).await.status, 204);
    let one = eureka.get("/eureka/apps/DEMO/k").await.ok();
    assert_eq!(one.header("content-type"), "application/json");
    let stored = &one.json()["instance"];
    assert_eq!(stored["metadata"], hostile["instance"]["metadata"]);
    assert_eq!(stored["vipAddress"], HOSTILE);
    for path in ["/eureka/apps", "/eureka/apps/delta", "/eureka/apps/DEMO", "/eureka/apps/DEMO/k"] {
        let text = xml.get(path).await.ok().text;
        let is_forbidden = |c: char| c.is_control() && !matches!(c, '\r' | '\n' | '\t');
        assert!(!text.contains(is_forbidden) && !text.contains('\u{ffff}'), "{path}: {text:?}");
        assert!(!text.contains("</script>") && !text.contains("]]>"), "{path}: {text:?}");
        assert!(text.contains("&lt;/script&gt;"), "{path}: {text:?}");
        assert!(!text.contains("<1x>") && !text.contains("<a b>"), "{path}: {text:?}");
    }
    // Ids with deceptive characters, some of which are refused, and the lines that they cause.
    for id in [HOSTILE, "a\u{202e}b", "a\u{2028}b", "\u{85}", "a\u{1b}[2Jb"] {
        register(&eureka, "DEMO", id, 9).await;
        let older = register(&eureka, "DEMO", id, 1).await;
        assert!(matches!(older.status, 204 | 400), "{older:?}");
        let other = instance(id, "k", 1);
        assert_eq!(eureka.post("/eureka/apps/DEMO", other).await.status, 400, "{id:?}");
    }
    let credentials = [("authorization", "Basic ZXU6cHc=")];
    let base = server.address("config");
    for part in ["%0d%0aforged", "%1b%5b31m", "%e2%80%ae", &"%00".repeat(255), "%ff", "%"] {
        for target in [
            format!("/eureka/apps/{part}"),
            format!("/eureka/apps/DEMO/{part}"),
            format!("/eureka/instances/{part}"),
            format!("/eureka/vips/{part}"),
            format!("/eureka/apps/DEMO/{part}/status?value={part}"),
        ] {
            let answer = raw::get(&base, &target, &credentials).await;
            let is_list = target.contains("vips") && answer.status == 200;
            assert!(is_list || matches!(answer.status, 400 | 404 | 405), "{target}: {answer:?}");
        }
    }
    raw::get(&base, "/the-last-one", &[]).await;
    let is_written = async || server.log().contains("the-last-one").then_some(());
    eventually("the line of the last request", is_written).await;
    let log = server.log();
    assert!(log.contains("registered with an older timestamp"), "{log:.2000}");
    for line in log.lines() {
        assert!(!line.contains(is_deceptive) && !line.starts_with("forged"), "{line:?}");
    }
}

/// An operator's call sets entries of the metadata, and no attribute of an element: `class` makes
/// Java's clients load a class.
#[tokio::test]
async fn metadata_cannot_name_a_class() {
    let directory = tempfile::tempdir().unwrap();
    let server = start(&directory);
    let xml = caller(&server);
    let eureka = xml.clone().with("accept", "application/json");
    assert_eq!(register(&eureka, "DEMO", "k", 1).await.status, 204);
    let query = "@class=javax.script.Evil&@enabled=evil&$=evil&good=yes";
    let answer = eureka.put(&format!("/eureka/apps/DEMO/k/metadata?{query}"), json!({})).await;
    assert_eq!(answer.status, 200);
    let stored = eureka.get("/eureka/apps/DEMO/k").await.ok().json();
    let metadata = &stored["instance"]["metadata"];
    assert_eq!((&metadata["@class"], &metadata["good"]), (&Value::Null, &json!("yes")));
    let text = xml.get("/eureka/apps/DEMO/k").await.ok().text;
    assert!(text.contains("<metadata><good>yes</good>"), "{text}");
    assert!(!text.contains("evil") && !text.contains("Evil"), "{text}");
}
