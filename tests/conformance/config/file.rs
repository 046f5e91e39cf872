//! Cases C045 to C060: `/configfiles` in its three forms.

use std::collections::BTreeSet;

use serde_json::json;

use super::fixture::{DOCUMENT, Fixture};
use crate::support::eventually::eventually;
use crate::support::raw;

const TEXT: &str = "text/plain;charset=UTF-8";
const JSON: &str = "application/json;charset=UTF-8";

fn lines(text: &str) -> BTreeSet<&str> {
    text.split_terminator('\n').collect()
}

/// C045, C055: properties text has one line for each key and no comments; a release key has no
/// effect.
#[tokio::test]
async fn properties_text_has_a_line_for_each_key() {
    let fixture = Fixture::shared().await;
    let key = fixture.key("APP");
    for query in ["", &format!("&releaseKey={key}")] {
        let path = format!("/configfiles/demo/default/application?ip=10.0.0.1{query}");
        let answer = fixture.config.get(&path).await.ok();
        assert_eq!(answer.header("content-type"), TEXT);
        assert_eq!(lines(&answer.text), BTreeSet::from(["timeout=100", "mode=a"]));
        assert!(answer.text.ends_with('\n'));
    }
}

/// C046, C049: the JSON form is an object of the entries; a document has the single key `content`.
#[tokio::test]
async fn the_json_form_is_an_object_of_the_entries() {
    let fixture = Fixture::shared().await;
    let answer =
        fixture.config.get("/configfiles/json/demo/default/application?ip=10.0.0.1").await.ok();
    assert_eq!(answer.header("content-type"), JSON);
    assert_eq!(answer.json(), json!({ "timeout": "100", "mode": "a" }));
    let document = fixture.config.get("/configfiles/json/demo/default/db.json").await.ok();
    assert_eq!(document.json(), json!({ "content": DOCUMENT }));
}

/// C047: blanks in keys, and `:`, `=`, `#`, `!`, line ends and backslashes in both are escaped;
/// other letters are not.
#[tokio::test]
async fn properties_text_escapes_as_java_does() {
    let fixture = Fixture::shared().await;
    let answer = fixture.config.get("/configfiles/demo/default/esc").await.ok();
    let expected = [r"k\ 1=\  v w", r"a\:b=c\=d\#e\!f", "u=中", r"nl=x\ny\\z"];
    assert_eq!(lines(&answer.text), BTreeSet::from(expected));
}

/// C048: a release without entries is an empty text and an empty object.
#[tokio::test]
async fn an_empty_release_is_an_empty_text() {
    let fixture = Fixture::shared().await;
    assert_eq!(fixture.config.get("/configfiles/demo/default/empty").await.ok().text, "");
    assert_eq!(fixture.config.get("/configfiles/json/demo/default/empty").await.ok().text, "{}");
}

/// C050 to C052: the raw form is the stored document, typed by its suffix; for properties it is
/// their text.
#[tokio::test]
async fn the_raw_form_is_the_stored_document() {
    let fixture = Fixture::shared().await;
    for (namespace, kind, body) in [
        ("db.json", JSON, DOCUMENT),
        ("conf.yaml", "application/yaml;charset=UTF-8", "a: 1\nb: 2\n"),
        ("conf2.yml", "application/yaml;charset=UTF-8", "c: 3"),
        ("page.xml", "application/xml;charset=UTF-8", r#"<a b="1"/>"#),
        ("note.txt", TEXT, "hello"),
    ] {
        let answer =
            fixture.config.get(&format!("/configfiles/raw/demo/default/{namespace}")).await.ok();
        assert_eq!(
            (answer.header("content-type"), answer.text.as_str()),
            (kind, body),
            "{namespace}"
        );
    }
    let properties =
        fixture.config.get("/configfiles/raw/demo/default/application?ip=10.0.0.1").await.ok();
    assert_eq!(properties.header("content-type"), TEXT);
    assert_eq!(lines(&properties.text), BTreeSet::from(["timeout=100", "mode=a"]));
}

/// C053: a document without content is an empty 404.
#[tokio::test]
async fn a_document_without_content_is_an_empty_404() {
    let fixture = Fixture::shared().await;
    let app = fixture.app("c053").await;
    app.add_namespace("db.json", false).await;
    app.release("default", "db.json", &[("other", "1")]).await;
    let entries = format!("/configfiles/json/{}/default/db.json", app.id);
    eventually("the release", async || {
        Some(fixture.config.get(&entries).await).filter(|answer| answer.status == 200)
    })
    .await;
    let answer = fixture.config.get(&format!("/configfiles/raw/{}/default/db.json", app.id)).await;
    assert_eq!((answer.status, answer.text.as_str()), (404, ""));
}

/// C054: a namespace that was never published is 404.
#[tokio::test]
async fn a_file_that_was_never_published_is_404() {
    let fixture = Fixture::shared().await;
    for path in ["/configfiles/demo/default/never", "/configfiles/json/ghost/default/application"] {
        assert_eq!(fixture.config.get(path).await.status, 404, "{path}");
    }
}

/// C056: values of a gray release are not cached for other clients, nor the other way round.
#[tokio::test]
async fn gray_and_main_files_do_not_mix() {
    let fixture = Fixture::shared().await;
    for (ip, line) in
        [("10.9.9.9", "timeout=999"), ("10.0.0.1", "timeout=100"), ("10.9.9.9", "timeout=999")]
    {
        let path = format!("/configfiles/demo/default/application?ip={ip}");
        let answer = fixture.config.get(&path).await.ok();
        assert!(lines(&answer.text).contains(line), "{ip}: {answer:?}");
    }
}

/// A `*` among the labels of a gray rule also matches clients without a label, and their values are
/// cached for no other client (the reference caches them for all).
#[tokio::test]
async fn a_rule_for_any_label_holds_for_clients_without_one() {
    let fixture = Fixture::shared().await;
    let app = fixture.app("star").await;
    app.publish("main").await;
    let branch = app.add_branch("application", &[], &["*"]).await;
    app.release(&branch, "application", &[("k", "gray")]).await;
    let path = format!("/configfiles/{}/default/application?ip=10.0.0.1", app.id);
    let is_gray = async || (fixture.config.get(&path).await.text == "k=gray\n").then_some(());
    eventually("the gray content", is_gray).await;
}

/// C057: the file is updated within two seconds of a publish.
#[tokio::test]
async fn a_publish_renews_the_file() {
    let fixture = Fixture::shared().await;
    let app = fixture.app("c057").await;
    let path = format!("/configfiles/{}/default/application", app.id);
    for value in ["100", "101"] {
        app.publish(value).await;
        let is_new =
            async || (fixture.config.get(&path).await.text == format!("k={value}\n")).then_some(());
        eventually("the new file", is_new).await;
    }
}

/// C058, C059: the file of an associated namespace is merged, and updated by a publish of its
/// owner.
#[tokio::test]
async fn a_publish_of_the_owner_renews_the_merged_file() {
    let fixture = Fixture::shared().await;
    let merged = fixture.config.get("/configfiles/json/demo/default/TEAM.COMMON").await.ok().json();
    assert_eq!(merged, json!({ "k1": "lib1", "k2": "mine", "k3": "extra" }));

    let (owner, user) = (fixture.app("c059-lib").await, fixture.app("c059").await);
    let namespace = format!("{}.common", owner.id);
    owner.add_namespace(&namespace, true).await;
    user.associate(&namespace).await;
    user.release("default", &namespace, &[("own", "1")]).await;
    let path = format!("/configfiles/json/{}/default/{}", user.id, namespace.to_uppercase());
    for value in ["old", "new"] {
        owner.release("default", &namespace, &[("public", value)]).await;
        let expected = json!({ "public": value, "own": "1" });
        eventually("the merged file", async || {
            let answer = fixture.config.get(&path).await;
            (answer.status == 200 && answer.json() == expected).then_some(())
        })
        .await;
    }
}

/// C060: an incomplete path is refused.
#[tokio::test]
async fn incomplete_paths_are_refused() {
    let fixture = Fixture::shared().await;
    for path in ["/configfiles", "/configfiles/json/", "/configfiles/raw/demo"] {
        assert_eq!(raw::get(&fixture.base, path, &[]).await.status, 400, "{path}");
    }
}
