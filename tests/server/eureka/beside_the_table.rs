//! A node without the config role in a migration away from Eureka: it lists what has moved to the
//! table of the database already, and what is still in Eureka.

use super::{client, hosting_with, instance};
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::server::{Options, Server};

#[tokio::test]
async fn services_of_the_table_and_of_eureka_are_listed_together() {
    let mut other = Server::start_with(hosting_with("eureka", "config,meta,admin"));
    let url = other.config.replace("http://", "http://eu:pw@") + "/eureka/";
    let options = Options::new()
        .flag("--roles", "meta,admin")
        .flag("--registry", "database")
        .flag("--eureka-read", "on")
        .flag("--eureka-instance-lease-renewal-interval", "1")
        .variable("CASTALIA_EUREKA_SERVICE_URL", &url);
    let mut server = Server::start_with(options);
    let meta = Http::new(&server.config);
    let listed = async |service: &str| -> Vec<String> {
        let list = meta.get(&format!("/services/{service}")).await.ok().json();
        let urls = list.as_array().unwrap().iter().map(|one| one["homepageUrl"].as_str().unwrap());
        urls.map(str::to_owned).collect()
    };
    let of = |address: &str| format!("{address}/");
    eventually("the config service in Eureka", async || {
        (listed("config").await == [of(&other.config)]).then_some(())
    })
    .await;
    assert_eq!(listed("admin").await, [of(&server.admin), of(&other.admin)]);
    // An address that is in both is listed once.
    let mut twice = instance("APOLLO-ADMINSERVICE", "moving", 1);
    twice["instance"]["homePageUrl"] = server.admin.clone().into();
    let eureka = client(&other);
    assert_eq!(eureka.post("/eureka/apps/APOLLO-ADMINSERVICE", twice).await.status, 204);
    let mut next = instance("APOLLO-ADMINSERVICE", "next", 1);
    next["instance"]["homePageUrl"] = "http://10.0.0.9:8090/".into();
    assert_eq!(eureka.post("/eureka/apps/APOLLO-ADMINSERVICE", next).await.status, 204);
    eventually("the next service", async || {
        listed("admin").await.contains(&"http://10.0.0.9:8090/".to_owned()).then_some(())
    })
    .await;
    assert_eq!(listed("admin").await.len(), 3, "{:?}", listed("admin").await);
    // Nothing of this node is in Eureka, and its end is no loss of what is known.
    assert!(!eureka.get("/eureka/apps").await.ok().text.contains(":apollo-adminservice:0"));
    other.kill();
    eventually("the note", async || {
        meta.get("/health").await.text.contains("eureka: unreachable").then_some(())
    })
    .await;
    assert_eq!(listed("config").await, [of(&other.config)]);
    assert_eq!(listed("admin").await.len(), 3);
    assert!(server.terminate().success());
}
