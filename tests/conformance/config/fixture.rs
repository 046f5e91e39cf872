//! The data of the cases, loaded once into a server that they share; each case that publishes uses
//! its own app there.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::OnceCell;

use crate::support::app::{App, Release};
use crate::support::database::{Database, Fresh};
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::server::{Options, Server};
use crate::support::variable;

/// A document in which every character is significant.
pub(super) const DOCUMENT: &str = r#"{"a": 1, "b": "<x>&'="}"#;
/// Address in the gray rule.
const GRAY_IP: &str = "10.9.9.9";

/// A server with the data of the cases.
#[derive(Debug)]
pub(super) struct Fixture {
    pub(super) config: Http,
    pub(super) admin: Http,
    /// Base address of the config service, for raw requests.
    pub(super) base: String,
    database: Option<Database>,
    releases: HashMap<&'static str, Release>,
    /// Name of the gray branch.
    pub(super) branch: String,
    /// Addresses of config and admin service of the only node; `None` if the server was not
    /// started here.
    own: Option<[String; 2]>,
}

impl Fixture {
    /// The fixture that all cases share.
    pub(super) async fn shared() -> &'static Self {
        static SHARED: OnceCell<Fixture> = OnceCell::const_new();
        SHARED.get_or_init(Self::start).await
    }

    async fn start() -> Self {
        let addresses = (variable("CASTALIA_TEST_CONFIG_URL"), variable("CASTALIA_TEST_ADMIN_URL"));
        let mut fixture = match addresses {
            (Some(config), Some(admin)) => {
                let database = variable("CASTALIA_TEST_CONFIG_DB").map(|url| Database::at(&url));
                Self::new(&config, &admin, database, None)
            }
            _ => {
                let options = compatible().flag("--roles", "config,meta,admin");
                let fresh = Fresh::asked_for().await.map(|fresh| fresh.database);
                let options = match &fresh {
                    Some(database) => options.flag("--config-db", &database.url),
                    None => options,
                };
                let server = Server::start_with(options);
                let own = [server.config.clone(), server.admin.clone()];
                let file = || Database::file(server.data_dir(), "config.db");
                let database = fresh.unwrap_or_else(file);
                server.keep();
                Self::new(&own[0].clone(), &own[1].clone(), Some(database), Some(own))
            }
        };
        fixture.load().await;
        fixture.wait_until_known().await;
        fixture
    }

    fn new(
        config: &str,
        admin: &str,
        database: Option<Database>,
        own: Option<[String; 2]>,
    ) -> Self {
        Self {
            config: Http::new(config),
            admin: Http::new(admin),
            base: config.trim_end_matches('/').to_owned(),
            database,
            releases: HashMap::new(),
            branch: String::new(),
            own,
        }
    }

    /// Release key of a release of the fixture.
    #[track_caller]
    pub(super) fn key(&self, release: &str) -> &str {
        &self.releases.get(release).unwrap_or_else(|| panic!("no release {release}")).key
    }

    /// Its database; `None`, with a message, if none was specified.
    pub(super) fn database(&self, case: &str) -> Option<&Database> {
        if self.database.is_none() {
            say(&format!("{case} is left out: CASTALIA_TEST_CONFIG_DB is not set"));
        }
        self.database.as_ref()
    }

    /// Addresses of config and admin service, if one started node has both roles.
    pub(super) fn own(&self) -> Option<&[String; 2]> {
        self.own.as_ref()
    }

    /// A separate app for a case that publishes.
    pub(super) async fn app(&self, name: &str) -> App {
        App::create(&self.admin, &unique(name)).await
    }

    async fn load(&mut self) {
        let demo = App::create(&self.admin, "demo").await;
        let lib = App::create(&self.admin, "lib").await;
        for name in [
            "db.json",
            "conf.yaml",
            "conf2.yml",
            "page.xml",
            "note.txt",
            "shadow",
            "empty",
            "esc",
            "inc",
            "never",
        ] {
            demo.add_namespace(name, false).await;
        }
        lib.add_namespace("Team.common", true).await;
        lib.add_namespace("shadow", true).await;
        demo.associate("Team.common").await;
        demo.add_cluster("bj").await;
        demo.add_cluster("dc1").await;
        lib.add_cluster("dc1").await;
        self.load_pairs(&demo, &lib).await;
        self.load_documents(&demo).await;
        self.load_secured().await;
    }

    async fn load_pairs(&mut self, demo: &App, lib: &App) {
        let application = [("timeout", "100"), ("mode", "a")];
        self.put("APP", demo, "default", "application", &application).await;
        let bad = demo.release("default", "application", &[("timeout", "-1")]).await;
        demo.roll_back(&bad).await;
        self.branch = demo.add_branch("application", &[GRAY_IP], &["canary"]).await;
        let branch = self.branch.clone();
        self.put("GRAY", demo, &branch, "application", &[("timeout", "999")]).await;
        self.put("BJ", demo, "bj", "application", &[("timeout", "200")]).await;
        self.put("DC", demo, "dc1", "application", &[("timeout", "300")]).await;
        self.put("LIB", lib, "default", "Team.common", &[("k1", "lib1"), ("k2", "lib2")]).await;
        self.put("LIBDC", lib, "dc1", "Team.common", &[("k1", "dc1"), ("k2", "dc2")]).await;
        self.put("OVR", demo, "default", "Team.common", &[("k2", "mine"), ("k3", "extra")]).await;
        self.put("SHO", demo, "default", "shadow", &[("s", "own")]).await;
        self.put("SHL", lib, "default", "shadow", &[("s", "lib"), ("t", "lib")]).await;
        self.put("EMP", demo, "default", "empty", &[]).await;
        let escaped = [("k 1", "  v w"), ("a:b", "c=d#e!f"), ("u", "中"), ("nl", "x\ny\\z")];
        self.put("ESC", demo, "default", "esc", &escaped).await;
        self.put("INC1", demo, "default", "inc", &[("a", "1"), ("b", "2"), ("c", "3")]).await;
        self.put("INC2", demo, "default", "inc", &[("a", "1"), ("b", "20"), ("d", "4")]).await;
    }

    async fn load_documents(&mut self, demo: &App) {
        for (release, namespace, content) in [
            ("JSN", "db.json", DOCUMENT),
            ("YML", "conf.yaml", "a: 1\nb: 2\n"),
            ("YML2", "conf2.yml", "c: 3"),
            ("XML", "page.xml", r#"<a b="1"/>"#),
            ("TXT", "note.txt", "hello"),
        ] {
            self.put(release, demo, "default", namespace, &[("content", content)]).await;
        }
    }

    async fn load_secured(&mut self) {
        let sec = App::create(&self.admin, "sec").await;
        let obs = App::create(&self.admin, "obs").await;
        self.put("SEC", &sec, "default", "application", &[("x", "1")]).await;
        self.put("OBS", &obs, "default", "application", &[("x", "1")]).await;
        for (secret, mode, is_enabled) in
            [("s1", 0, true), ("s2", 0, true), ("s3", 0, false), ("o1", 1, true)]
        {
            sec.add_key(secret, mode, is_enabled).await;
        }
        obs.add_key("o2", 1, true).await;
    }

    async fn put(
        &mut self,
        release: &'static str,
        app: &App,
        cluster: &str,
        namespace: &str,
        items: &[(&str, &str)],
    ) {
        self.releases.insert(release, app.release(cluster, namespace, items).await);
    }

    /// Waits until new names and keys are in effect, within a second or two.
    async fn wait_until_known(&self) {
        eventually("the last access key", async || {
            let answer = self.config.get("/configs/sec/default/application").await;
            (answer.status == 401).then_some(())
        })
        .await;
        eventually("the public namespace", async || {
            let answer = self.config.get("/configs/demo/default/team.COMMON").await;
            (answer.status == 200 && answer.json()["releaseKey"].as_str()?.contains('+'))
                .then_some(())
        })
        .await;
    }
}

/// Start options of a server for the cases: as on a database that the reference created, with an
/// open admin API.
pub(super) fn compatible() -> Options {
    Options::new()
        .flag("--compat-defaults", "adopted")
        .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false")
}

/// A name that no other case uses, nor an earlier run on the same server.
pub(super) fn unique(name: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{name}-{}-{count}", std::process::id())
}

/// A server with its own settings, and an app on it; `None`, with a message, if the cases run by
/// address.
pub(super) async fn special(case: &str, app: &str, options: Options) -> Option<(Server, App)> {
    if is_by_address(case) {
        return None;
    }
    let server = Server::start_with(options.flag("--roles", "config,meta,admin"));
    let app = App::create(&Http::new(&server.admin), app).await;
    Some((server, app))
}

/// Whether the cases run by address; prints that this one is skipped.
pub(super) fn is_by_address(case: &str) -> bool {
    let is_by_address = variable("CASTALIA_TEST_CONFIG_URL").is_some();
    if is_by_address {
        say(&format!("{case} is left out: it needs a start with settings of its own"));
    }
    is_by_address
}

#[expect(
    clippy::print_stderr,
    reason = "whoever runs the cases by address must see what was left out"
)]
fn say(text: &str) {
    eprintln!("{text}");
}
