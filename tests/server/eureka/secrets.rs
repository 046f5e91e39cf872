//! The password in `eureka.service.url` (SEC-12).

use serde_json::json;

use super::other_server::{OtherServer, Reply};
use crate::server::secret::search::Search;
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::logged::Logged;

/// Of the servers in the list, of the hosted Eureka, and of a row.
const LISTED: &str = "planted-secret-eureka-password-61c1f0ab";
const HOSTED: &str = "planted-secret-hosting-password-2b7e90d4";
const ROW: &str = "planted-secret-password-of-a-row-8ce41d77";
const METRICS: &str = "metrics-token-70aa41be9c02d5f3e8170aa4";
const ADMIN: &str = "admin-token-b1c7f2d94e6a";

/// Case 103: with credentials in `eureka.service.url`, whether its servers answer or not, the
/// password is in no log, metric, health page or answer to others than those who may edit the row.
#[tokio::test]
async fn the_password_of_a_listed_server_is_shown_nowhere() {
    let closed = OtherServer::start(|_| Reply::status(401)).await;
    let resetting = OtherServer::start(|_| Reply::Reset).await;
    let redirecting = OtherServer::start(|_| {
        Reply::Answer(302, "location: http://127.0.0.1:1/elsewhere\r\n".to_owned(), Vec::new())
    })
    .await;
    let with = |server: &OtherServer, password: &str| {
        server.url.replace("http://", &format!("http://eu:{password}@")) + "/eureka/"
    };
    let mut urls: Vec<_> =
        [&closed, &resetting, &redirecting].map(|server| with(server, LISTED)).into();
    // Nothing listens there, the name does not exist, and the others are no addresses.
    urls.extend([
        format!("http://eu:{LISTED}@127.0.0.1:1/eureka/"),
        format!("http://eu:{LISTED}@eureka.invalid/eureka/"),
        format!("ftp://eu:{LISTED}@h/"),
        format!("http://eu:{LISTED}@h:port/"),
    ]);
    let urls = urls.join(",");
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let variables = [
        ("CASTALIA_EUREKA_SERVICE_URL", urls.as_str()),
        ("CASTALIA_EUREKA_PASSWORD", HOSTED),
        ("CASTALIA_METRICS_TOKEN", METRICS),
        ("CASTALIA_ADMIN_SERVICE_ACCESS_TOKENS", ADMIN),
    ];
    let hosting = ["--registry", "eureka", "--eureka-host", "on", "--eureka-username", "eu"];
    // A loopback address would not be announced to these servers unless it was stated.
    let stated = ["--advertise", "http://127.0.0.1:18080"];
    let interval = ["--eureka-instance-lease-renewal-interval", "1"];
    let common = [&["--log-level", "debug"], stated.as_slice(), &interval].concat();
    let host = Logged::start(
        &at("host"),
        &at("host.log"),
        3,
        &[&common[..], &hosting].concat(),
        &variables,
    );
    let guest_variables = [variables[0], variables[2], variables[3]];
    let guest = ["--registry", "eureka", "--roles", "config,meta,admin"];
    let guest = Logged::start(
        &at("guest"),
        &at("guest.log"),
        2,
        &[&common[..], &guest].concat(),
        &guest_variables,
    );
    let mut search = Search::default();
    let row = json!({
        "key": "eureka.service.url", "cluster": "default", "value": with(&closed, ROW),
        "dataChangeCreatedBy": "apollo", "dataChangeLastModifiedBy": "apollo",
    });
    let admin = Http::new(&host.address("admin")).with("authorization", ADMIN);
    admin.post("/server/config", row).await.ok();
    for (server, marker) in
        [(&host, "cannot send changes to a peer"), (&guest, "no Eureka server can be used")]
    {
        let is_logged = async || server.log().contains(marker).then_some(());
        eventually(marker, is_logged).await;
    }
    eventually("a call of each node", async || {
        (closed.requests().len() > 2 && redirecting.requests().len() > 2).then_some(())
    })
    .await;
    for (server, roles) in [(&host, &["config", "admin", "portal"][..]), (&guest, &["config"])] {
        for role in roles {
            let open = Http::new(&server.address(role));
            let operator = open.clone().with("authorization", &format!("Bearer {METRICS}"));
            for path in ["/metrics", "/prometheus", "/info", "/health", "/apollo/net", "/"] {
                search.answer(&format!("{role}{path}"), &open.get(path).await);
                search.answer(&format!("{role}{path} for operators"), &operator.get(path).await);
            }
            for path in [
                "/server/config/find-all-config",
                "/openapi/v1/server/envs/DEV/config-db/config/find-all-config",
            ] {
                search.answer(&format!("{role}{path}"), &open.get(path).await);
            }
        }
        let arguments = std::fs::read(format!("/proc/{}/cmdline", server.child.id())).unwrap();
        search.add("the list of processes", String::from_utf8_lossy(&arguments).into_owned());
    }
    let meta = Http::new(&guest.address("config"));
    for path in ["/services/config", "/services/admin", "/eureka/apps"] {
        search.answer(path, &meta.get(path).await);
    }
    search.add("the log of the host", host.log());
    search.add("the log of the guest", guest.log());
    search.run();
}
