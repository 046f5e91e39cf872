//! The client without servers, for tests of applications.

use std::fs;

use castalia_core::{ErrorKind, InMemory, Settings, Source, StartPolicy, State};

use super::support::{Fixture, NAMESPACE};

#[tokio::test]
async fn what_a_test_sets_is_read_and_heard_of_at_once() {
    let memory = InMemory::new().unwrap();
    let config = memory.client().config("application").await.unwrap();
    assert_eq!((config.source(), config.state()), (Source::Static, State::Ready));
    assert_eq!(config.get_or("n", 7), 7);
    let mut changes = config.changes();
    for n in 0..100 {
        memory.set("application", "n", &n.to_string()).await.unwrap();
        assert_eq!(config.get_or("n", -1), n);
        let event = changes.next().await.unwrap();
        assert_eq!(event.change("n").unwrap().new_value.as_deref(), Some(&*n.to_string()));
    }
    memory.remove("application", "n").await.unwrap();
    assert_eq!(config.get("n").as_deref(), None);
    memory.publish("application.properties", [("a", "1"), ("b", "2")]).await.unwrap();
    assert_eq!(config.snapshot().len(), 2);
    memory.client().close().await;
    let error = memory.set("application", "n", "1").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn it_validates_watches_and_reads_documents_as_every_client() {
    let memory = InMemory::with(Settings::new().set("app.id", "order")).unwrap();
    let client = memory.client();
    memory.publish("doc.yaml", [("content", "size: 4")]).await.unwrap();
    let config = client.config("doc.yaml").await.unwrap();
    let watch = config.watch_with(|now| now.try_get::<u8>("size")).unwrap();
    client
        .validate("doc.yaml", |now| match now.get("size") {
            Some("5") => Err("five is refused".to_owned()),
            _ => Ok(()),
        })
        .unwrap();
    let refused = memory.set("doc.yaml", "content", "size: 5").await.unwrap_err();
    assert_eq!((refused.kind(), config.get_or("size", 0)), (ErrorKind::Parse, 4));
    memory.set("doc.yaml", "content", "size: 6").await.unwrap();
    assert_eq!(config.get_or("size", 0), 6);
    while *watch.get() != Some(6) {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    assert_eq!(client.app_id(), "order");
    client.close().await;
}

#[tokio::test]
async fn a_test_may_let_a_namespace_fail() {
    let memory = InMemory::new().unwrap();
    memory.fail("application").await.unwrap();
    let config = memory.client().config("application").await.unwrap();
    assert_eq!((config.source(), config.state()), (Source::None, State::Unavailable));
    memory.set("application", "a", "1").await.unwrap();
    assert_eq!((config.get_or("a", 0), config.state()), (1, State::Ready));
    memory.fail("application").await.unwrap();
    assert_eq!(config.get_or("a", 0), 1, "what was loaded before remains");
    assert_eq!(config.state(), State::Failed(ErrorKind::Transport));
    memory.client().close().await;
}

#[tokio::test]
async fn several_values_that_change_in_one_step_are_one_event() {
    let content = [("application", [("a", "1"), ("b", "2")])];
    let memory = InMemory::with_content(Settings::new(), content).unwrap();
    let config = memory.client().config("application").await.unwrap();
    assert_eq!(config.get_or("b", 0), 2);
    let mut changes = config.changes();
    memory.update("application", [("a", None), ("b", Some("3")), ("c", Some("4"))]).await.unwrap();
    let event = changes.next().await.unwrap();
    assert_eq!(event.changes().len(), 3);
    assert_eq!((config.get("a").as_deref(), config.get_or("b", 0)), (None, 3));
    memory.client().close().await;
}

/// B137: those files are the developer's own, and no source of such a client.
#[tokio::test]
async fn a_client_in_memory_leaves_the_files_of_local_mode_alone() {
    let fixture = Fixture::empty();
    fixture.write_cache(NAMESPACE, "# written by hand\na=file\n");
    let file = fixture.cache_file(NAMESPACE);
    let before = fs::read(&file).unwrap();
    let memory = InMemory::with(fixture.settings().set("env", "LOCAL")).unwrap();
    memory.fail(NAMESPACE).await.unwrap();
    let config = memory.client().config(NAMESPACE).await.unwrap();
    assert_eq!(config.source(), Source::None);
    memory.set(NAMESPACE, "b", "1").await.unwrap();
    assert_eq!((config.get("a").is_none(), config.get_or("b", 0)), (true, 1));
    memory.client().close().await;
    assert_eq!(fs::read(&file).unwrap(), before);
    assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1);
}

/// B138
#[tokio::test]
async fn an_edit_after_a_failure_keeps_the_other_values() {
    let memory = InMemory::new().unwrap();
    memory.publish("application", [("a", "1"), ("b", "2")]).await.unwrap();
    let config = memory.client().config("application").await.unwrap();
    let mut changes = config.changes();
    memory.fail("application").await.unwrap();
    memory.set("application", "a", "3").await.unwrap();
    let event = changes.next().await.unwrap();
    assert_eq!((event.changes().len(), event.change("a").is_some()), (1, true));
    assert_eq!((config.get_or("a", 0), config.get_or("b", 0)), (3, 2));
    memory.client().close().await;
}

/// B139: a seed is no value of a server, though its source is the same.
#[tokio::test]
async fn what_a_test_sets_meets_a_policy_that_requires_servers() {
    for policy in [StartPolicy::RequireAnyRemote, StartPolicy::RequireAllRemote] {
        let settings = Settings::new().set("castalia.namespaces", NAMESPACE).start_policy(policy);
        let memory = InMemory::with(settings.seed(NAMESPACE, [("a", "seed")])).unwrap();
        memory.fail(NAMESPACE).await.unwrap();
        let refused = memory.client().start().await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::NotReady, "{policy:?}");
        memory.set(NAMESPACE, "a", "1").await.unwrap();
        memory.client().start().await.unwrap();
        assert_eq!(memory.client().config(NAMESPACE).await.unwrap().get_or("a", 0), 1);
        // A namespace that was never set is empty, not missing.
        memory.client().config("other").await.unwrap();
        memory.client().close().await;
    }
}

/// B146: the machine of a test lacks the files of production.
#[tokio::test]
async fn a_client_in_memory_reads_no_file_that_a_setting_of_servers_names() {
    let mut settings = Settings::new();
    for name in ["castalia.tls.ca-file", "apollo.access-key.secret-file"] {
        settings = settings.set(name, "/nonexistent");
    }
    let memory = InMemory::with(settings).unwrap();
    memory.set("application", "a", "1").await.unwrap();
    assert_eq!(memory.client().config("application").await.unwrap().get_or("a", 0), 1);
    memory.client().close().await;
}

/// B147
#[tokio::test]
async fn a_name_or_a_document_that_cannot_be_used_is_refused() {
    let content = [("appli cation", [("a", "1")])];
    let refused = InMemory::with_content(Settings::new(), content).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidArgument);
    let memory = InMemory::new().unwrap();
    assert!(memory.set("a+b", "a", "1").await.is_err());
    let config = memory.client().config("x.yaml").await.unwrap();
    memory.set("x.yaml", "content", "a: 1").await.unwrap();
    let refused = memory.set("x.yaml", "content", "a: [").await.unwrap_err();
    assert_eq!((refused.kind(), config.get_or("a", 0)), (ErrorKind::Parse, 1));
    memory.set("x.yaml", "content", "a: 2").await.unwrap();
    assert_eq!(config.get_or("a", 0), 2);
    memory.client().close().await;
}
