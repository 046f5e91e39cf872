//! Settings: their origins, precedence and validation.

use std::collections::HashMap;
use std::fs;
use std::time::SystemTime;

use castalia_core::testing::{Endpoint, Network};
use castalia_core::{Client, Env, ErrorKind, Origin, Result, Settings, Source};
use tempfile::TempDir;

use super::support::{APP, Fixture, NAMESPACE, eventually, logged, record_log, scratch};

/// The origins of one test: variables, overlay, and the two settings files.
struct Places {
    folder: TempDir,
    variables: HashMap<String, String>,
    overlay: HashMap<String, String>,
}

impl Places {
    fn new() -> Self {
        let folder = scratch();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let variables = HashMap::from([
            ("APOLLO_PATH_SERVER_PROPERTIES".to_owned(), path("server.properties")),
            ("APOLLO_PATH_APP_PROPERTIES".to_owned(), path("app.properties")),
        ]);
        Self { folder, variables, overlay: HashMap::new() }
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    fn overlay(mut self, name: &str, value: &str) -> Self {
        self.overlay.insert(name.to_owned(), value.to_owned());
        self
    }

    fn file(self, name: &str, text: &str) -> Self {
        fs::write(self.folder.path().join(name), text).unwrap();
        self
    }

    fn settings(&self) -> Settings {
        Settings::from_variables(self.variables.clone()).overlay(self.overlay.clone())
    }

    fn client(&self) -> Result<Client> {
        Client::with_http_client(self.settings(), Network::new())
    }

    /// The effective value of a setting and its origin.
    fn value(&self, name: &str) -> (String, Origin) {
        value(&self.client().unwrap(), name)
    }
}

fn value(client: &Client, name: &str) -> (String, Origin) {
    let mut settings = client.settings().iter();
    let setting = settings.find(|setting| setting.name == name).unwrap();
    (setting.value.clone(), setting.origin)
}

#[tokio::test]
async fn the_app_id_is_looked_for_in_order() {
    let mut places = Places::new()
        .overlay("app.id", "x")
        .variable("APP_ID", "y")
        .file("app.properties", "app.id=z\n");
    let in_code = Client::with_http_client(places.settings().set("app.id", "code"), Network::new());
    assert_eq!(value(&in_code.unwrap(), "app.id"), ("code".into(), Origin::Code));
    assert_eq!(places.value("app.id"), ("x".into(), Origin::Overlay));
    places.overlay.clear();
    assert_eq!(places.value("app.id"), ("y".into(), Origin::Environment));
    places.variables.remove("APP_ID");
    assert_eq!(places.value("app.id"), ("z".into(), Origin::AppProperties));
    let places = places.file("app.properties", "app.id=  \n");
    let error = places.client().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.message().contains("app.id is missing"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn without_an_app_id_a_java_like_client_reads_public_namespaces() {
    let fixture = Fixture::empty();
    fixture.server.publish("ApolloNoAppIdPlaceHolder", NAMESPACE, &[("a", "1")]);
    let settings = Settings::new()
        .set("castalia.java-compat", "true")
        .set("apollo.meta", "http://s1")
        .set("apollo.cache.file.enable", "false");
    let config = fixture.client_with(settings).config(NAMESPACE).await.unwrap();
    assert_eq!(config.source(), Source::Remote);
    let load = &fixture.server.requests_of(Endpoint::Config)[0];
    assert_eq!(load.path(), "/configs/ApolloNoAppIdPlaceHolder/default/application");
}

/// With `castalia.java-compat`, `a` and `a.properties` are two namespaces with the cache files of
/// the Java client.
#[tokio::test(start_paused = true)]
async fn a_java_like_client_keeps_the_suffix_apart() {
    let fixture = Fixture::new();
    let client = fixture.client_with(fixture.settings().set("castalia.java-compat", "true"));
    let suffixed = format!("{NAMESPACE}.properties");
    for name in [NAMESPACE, &suffixed] {
        let config = client.config(name).await.unwrap();
        assert_eq!((config.identity().namespace.as_str(), config.get_or("a", 0)), (name, 1));
        eventually("its own file", || fixture.cache_file(name).exists()).await;
    }
    let loads = fixture.server.requests_of(Endpoint::Config);
    let suffixed_path = "/configs/order/default/application.properties";
    assert!(loads.iter().any(|load| load.path() == suffixed_path));
    let mut both =
        [client.config(NAMESPACE).await.unwrap(), client.config(&suffixed).await.unwrap()]
            .map(|config| config.changes());
    fixture.server.arrived(Endpoint::Poll, 3).await;
    fixture.publish(&[("a", "2")]);
    for changes in &mut both {
        assert_eq!(changes.next().await.unwrap().snapshot().get("a"), Some("2"));
    }
}

/// Dates that do not exist carry over if the settings enable it, or with `castalia.java-compat`.
#[tokio::test(start_paused = true)]
async fn lenient_dates_are_a_choice() {
    let fixture = Fixture::empty();
    fixture.publish(&[("date", "2021-02-30"), ("meant", "2021-03-02")]);
    for (name, value, is_lenient) in [
        ("castalia.lenient-dates", "false", false),
        ("castalia.lenient-dates", "true", true),
        ("castalia.java-compat", "true", true),
    ] {
        let client = fixture.client_with(fixture.quiet_settings().set(name, value));
        let config = client.config(NAMESPACE).await.unwrap();
        let meant = config.get_or("meant", SystemTime::UNIX_EPOCH);
        assert_ne!(meant, SystemTime::UNIX_EPOCH);
        let read = config.try_get::<SystemTime>("date");
        assert_eq!(read.ok().flatten(), is_lenient.then_some(meant), "{name}={value}");
    }
}

#[derive(serde::Deserialize)]
struct Flags {
    yes: bool,
}

/// The time zone of dates without one, and strict booleans.
#[tokio::test(start_paused = true)]
async fn dates_have_a_zone_and_booleans_may_be_strict() {
    let fixture = Fixture::empty();
    fixture.publish(&[("date", "1970-01-01 08:00:00"), ("yes", "Yes"), ("odd", "42")]);
    let settings = fixture.quiet_settings().set("castalia.time-zone", "+08:00");
    let client = fixture.client_with(settings.set("castalia.strict-booleans", "true"));
    let config = client.config(NAMESPACE).await.unwrap();
    assert_eq!(config.try_get("date").unwrap(), Some(SystemTime::UNIX_EPOCH));
    assert_eq!(config.try_get("yes").unwrap(), Some(true));
    assert_eq!(config.try_get::<bool>("odd").unwrap_err().kind(), ErrorKind::Parse);
    assert!(config.get_or("odd", true), "the default counts for a malformed value");
    assert!(config.snapshot().read::<Flags>().unwrap().yes);
    let bad = fixture.quiet_settings().set("castalia.time-zone", "Mars");
    assert_eq!(Client::new(bad).unwrap_err().kind(), ErrorKind::InvalidArgument);
}

/// A malformed value is counted once for each release, however often it is read.
#[tokio::test(start_paused = true)]
async fn malformed_values_are_counted() {
    let fixture = Fixture::empty();
    fixture.publish(&[("n", "abc"), ("m", "1")]);
    let client = fixture.client_with(fixture.quiet_settings());
    let config = client.config(NAMESPACE).await.unwrap();
    let count = || client.metrics().namespaces[0].malformed_reads;
    for _ in 0..3 {
        assert_eq!((config.get_or("n", 7), config.get_or("m", 7)), (7, 1));
    }
    assert_eq!(count(), 1);
    fixture.publish(&[("n", "abc"), ("m", "2"), ("o", "abc")]);
    config.refresh().await.unwrap();
    // A function of the caller finds it malformed, more often than values are cached.
    for _ in 0..600 {
        assert_eq!(config.get_with("n", |text| text.parse().ok(), 7), 7);
    }
    assert_eq!((config.get_or("n", 7), count()), (7, 2));
    assert_eq!((config.get_or("o", 7), count()), (7, 3));
    let text = client.metrics_text();
    let line = "apollo_client_malformed_reads_total{namespace=\"application\"} 3";
    assert!(text.contains(line), "{text}");
}

#[tokio::test]
async fn settings_files_are_utf8_and_values_are_trimmed() {
    let places = Places::new().file("app.properties", "\u{feff}app.id = order \n");
    assert_eq!(places.value("app.id").0, "order");
    let error = places.file("app.properties", "app.id=订单\n").client().unwrap_err();
    assert!(error.message().contains("订单"), "{error}");
}

#[tokio::test]
async fn apollos_own_variable_decides_the_environment() {
    let places = Places::new().variable("APP_ID", APP).variable("ENV", "prod");
    assert_eq!(places.value("env"), ("prod".into(), Origin::Environment));
    // The report contains the original text and its meaning.
    assert_eq!(places.client().unwrap().env(), Env::Pro);
    let places = places.variable("APOLLO_ENV", "uat");
    assert_eq!(places.value("env").0, "uat");
    assert_eq!(places.client().unwrap().env(), Env::Uat);
    let places = places.variable("APOLLO_ENV", "moon");
    assert_eq!(places.client().unwrap().env(), Env::Unknown);
}

#[tokio::test]
async fn meta_servers_of_an_environment_are_a_last_resort() {
    let mut places = Places::new()
        .variable("APP_ID", APP)
        .variable("ENV", "pro")
        .variable("PRO_META", "http://p")
        .overlay("dev_meta", "http://other");
    assert_eq!(places.value("apollo.meta"), ("http://p".into(), Origin::Environment));
    places.variables.remove("PRO_META");
    assert_eq!(places.value("apollo.meta"), ("http://apollo.meta".into(), Origin::Default));
    let provided = places.settings().meta_provider(|env| Some(format!("http://{}", env.name())));
    let client = Client::with_http_client(provided, Network::new()).unwrap();
    assert_eq!(value(&client, "apollo.meta").0, "http://PRO");
}

/// A provider is called before the settings or after them; a blank result is ignored.
#[tokio::test]
async fn a_function_names_meta_servers_before_the_settings_or_after_them() {
    let places = Places::new().variable("APP_ID", APP).variable("APOLLO_META", "http://set");
    let both = |first: &'static str| {
        let settings = places.settings().first_meta_provider(move |_| Some(first.to_owned()));
        let settings = settings.meta_provider(|_| Some("http://last".to_owned()));
        let client = Client::with_http_client(settings, Network::new()).unwrap();
        value(&client, "apollo.meta")
    };
    assert_eq!(both("http://first"), ("http://first".into(), Origin::Code));
    assert_eq!(both(" "), ("http://set".into(), Origin::Environment));
}

#[tokio::test]
async fn meta_servers_are_looked_for_in_order() {
    let mut places = Places::new()
        .overlay("apollo.meta", "http://overlay")
        .variable("APOLLO_META", "http://variable")
        .variable("APP_ID", APP)
        .file("server.properties", "apollo.meta=http://server\n")
        .file("app.properties", "apollo.meta=http://app\n");
    assert_eq!(places.value("apollo.meta").0, "http://overlay");
    places.overlay.clear();
    assert_eq!(places.value("apollo.meta").0, "http://variable");
    places.variables.remove("APOLLO_META");
    assert_eq!(places.value("apollo.meta"), ("http://server".into(), Origin::ServerProperties));
    let places = places.file("server.properties", "");
    assert_eq!(places.value("apollo.meta"), ("http://app".into(), Origin::AppProperties));
}

#[tokio::test(start_paused = true)]
async fn the_data_center_is_sent_and_stands_in_for_the_cluster() {
    for (cluster, path) in
        [("", "/configs/order/SHA/application"), ("C1", "/configs/order/C1/application")]
    {
        let fixture = Fixture::new();
        let places = Places::new()
            .variable("APP_ID", APP)
            .overlay("apollo.cluster", cluster)
            .file("server.properties", "idc=SHA\nenv=UAT\napollo.meta=http://s1\n");
        let settings = places.settings().set("apollo.cache.file.enable", "false");
        fixture.client_with(settings).config(NAMESPACE).await.unwrap();
        let load = &fixture.server.requests_of(Endpoint::Config)[0];
        assert_eq!(load.path(), path);
        assert_eq!(load.parameter("dataCenter").as_deref(), Some("SHA"));
    }
}

#[tokio::test]
async fn deprecated_names_work_with_one_warning_and_secrets_are_never_logged() {
    record_log();
    let both = Places::new()
        .variable("APP_ID", APP)
        .overlay("apollo.cacheDir", "/old")
        .overlay("apollo.cache-dir", "/new");
    assert_eq!(both.value("apollo.cache-dir").0, "/new");
    let warnings = || logged("name=apollo.cacheDir").len();
    assert_eq!(warnings(), 0);
    let old = Places::new().variable("APP_ID", APP).overlay("apollo.cacheDir", "/old");
    for _ in 0..3 {
        assert_eq!(old.value("apollo.cache-dir").0, "/old");
    }
    assert_eq!(warnings(), 1);

    let fixture = Fixture::new();
    let settings = fixture.settings().set("apollo.access-key.secret", "hunter2hunter2");
    let debug = format!("{settings:?}");
    let client = fixture.client_with(settings);
    client.config(NAMESPACE).await.unwrap();
    assert_eq!(value(&client, "apollo.access-key.secret").0, "***");
    client.close().await;
    let told = format!("{debug}{client:?}{:?}{:?}", client.settings(), client.metrics());
    assert!(!told.contains("hunter2"), "{told}");
    assert!(logged("hunter2").is_empty() && !logged("services found").is_empty());
}

#[tokio::test]
async fn modern_names_beat_deprecated_ones() {
    let places = Places::new()
        .variable("APP_ID", APP)
        .variable("APOLLO_CONFIGSERVICE", "http://u1")
        .variable("APOLLO_CONFIG_SERVICE", "http://u2");
    assert_eq!(places.value("apollo.config-service").0, "http://u2");
}

#[tokio::test(start_paused = true)]
async fn bad_values_give_way_to_the_default_unless_set_in_code() {
    // The seconds of the last two have more than 64 bits, and more than a clock has.
    for bad in ["abc", "0", "400000000000000000", "200000000000000000"] {
        let fixture = Fixture::new();
        let overlay = [("apollo.refreshInterval".to_owned(), bad.to_owned())];
        let settings = fixture.quiet_settings().overlay(overlay);
        fixture.client_with(settings).config(NAMESPACE).await.unwrap();
        let settings = fixture.settings().set("apollo.refreshInterval", bad);
        let error = Client::with_http_client(settings, fixture.network.clone()).unwrap_err();
        assert!(error.message().contains("apollo.refreshInterval must be"), "{error}");
    }
}

/// Every setting is reported in the order of the table, whether it is set or not.
#[tokio::test]
async fn every_setting_is_told() {
    let client = Places::new().variable("APP_ID", APP).client().unwrap();
    let names: Vec<_> = client.settings().iter().map(|setting| setting.name).collect();
    let readme = include_str!("../../README.md");
    let rows = readme.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let listed: Vec<_> =
        rows.filter(|name| name.contains('.') || ["env", "idc"].contains(name)).collect();
    let listed: Vec<_> = listed.into_iter().filter(|name| names.contains(name)).collect();
    assert_eq!(names, listed);
    assert!(names.len() > 40);
}

/// The values used for an unset cluster and address are reported too.
#[tokio::test]
async fn stand_ins_are_told() {
    let places = Places::new().variable("APP_ID", APP);
    assert_eq!(places.value("apollo.cluster"), ("default".into(), Origin::Default));
    let address: std::net::IpAddr = places.value("host.ip").0.parse().unwrap();
    assert!(address.is_ipv4());
}

/// The refresh interval may be less than a minute.
#[tokio::test(start_paused = true)]
async fn a_refresh_interval_may_be_given_in_milliseconds() {
    let fixture = Fixture::new();
    let settings = fixture.quiet_settings().set("castalia.refresh-interval", "2000");
    let _config = fixture.client_with(settings).config(NAMESPACE).await.unwrap();
    let loads = fixture.server.arrived(Endpoint::Config, 5).await;
    let took = (loads[4].at - loads[0].at).as_secs_f64();
    assert!((7.2..=8.8).contains(&took), "{took}");
    let bad = fixture.settings().set("castalia.refresh-interval", "10");
    assert!(Client::with_http_client(bad, fixture.network.clone()).is_err());
}

#[tokio::test]
async fn every_name_has_a_variable() {
    let places = Places::new().variable("APP_ID", APP).variable("APOLLO_LONG_POLL_QPS", "5");
    assert_eq!(places.value("apollo.longPollQPS"), ("5".into(), Origin::Environment));
}

#[tokio::test]
async fn a_settings_file_of_the_go_client_is_understood() {
    let json = r#"{"appId":"order","cluster":"dev","namespaceName":"a,b","ip":"http://m"}"#;
    let places = Places::new().file("app.properties", json);
    assert_eq!(places.value("app.id").0, "order");
    assert_eq!(places.value("apollo.cluster").0, "dev");
    assert_eq!(places.value("castalia.namespaces").0, "a,b");
    assert_eq!(places.value("apollo.meta").0, "http://m");
}

/// A file that begins like the Go client's but cannot be parsed is logged and ignored.
#[tokio::test]
async fn a_broken_settings_file_of_the_go_client_is_told() {
    record_log();
    let places = Places::new().file("app.properties", r#"{"appId":"order","#);
    let path = places.folder.path().join("app.properties").display().to_string();
    let error = places.client().unwrap_err();
    assert!(error.message().contains("app.id is missing"), "{error}");
    let told = logged("settings file ignored");
    assert!(told.iter().any(|record| record.text.contains(&path)), "{told:?}");
}

/// A file that is configured in code is read, while the environment is not.
#[tokio::test]
async fn a_settings_file_may_be_named_in_code() {
    let folder = scratch();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let settings = Settings::new()
        .set("apollo.path.app.properties", write("mine", "app.id=order\napollo.label=blue"))
        .set("apollo.path.server.properties", write("machine", "idc=here"));
    let client = Client::new(settings).unwrap();
    assert_eq!(value(&client, "app.id"), ("order".into(), Origin::AppProperties));
    assert_eq!(value(&client, "apollo.label"), ("blue".into(), Origin::AppProperties));
    assert_eq!(value(&client, "idc"), ("here".into(), Origin::ServerProperties));
}

#[tokio::test]
async fn what_is_no_name_reaches_neither_network_nor_disk() {
    let fixture = Fixture::new();
    let client = fixture.client();
    let long = "x".repeat(129);
    let names =
        ["a/b", ".hidden", "", "..", "../x", "a/../../b", "a\\b", "C:\\x", "%2f", "a\0b", &long];
    for name in names {
        let error = client.config(name).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{name}");
        let error = client.config_of(name, NAMESPACE).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{name}");
    }
    for cluster in ["../x", "a b", "..", "a/../../b", "C:\\x", "a%2fb"] {
        let bad = fixture.settings().set("apollo.cluster", cluster);
        assert!(Client::with_http_client(bad, fixture.network.clone()).is_err(), "{cluster}");
    }
    assert!(fixture.server.requests().is_empty());
    assert_eq!(fs::read_dir(fixture.root.path()).unwrap().count(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_address_given_is_sent_everywhere() {
    let fixture = Fixture::new();
    let client = fixture.client_with(fixture.settings().set("host.ip", "10.9.8.7"));
    client.config(NAMESPACE).await.unwrap();
    fixture.server.arrived(Endpoint::Poll, 1).await;
    for request in fixture.server.requests() {
        assert_eq!(request.parameter("ip").as_deref(), Some("10.9.8.7"));
    }
}

/// All invalid settings are reported at once, by name.
#[tokio::test]
async fn all_faults_are_told_at_once() {
    let settings = Settings::new()
        .set("apollo.meta", "ftp://x")
        .set("apollo.readTimeout", "soon")
        .set("apollo.metta", "typo");
    let error = Client::new(settings).unwrap_err();
    for part in ["app.id is missing", "ftp://x", "apollo.readTimeout", "\"apollo.metta\""] {
        assert!(error.message().contains(part), "{part}: {error}");
    }
}

/// A secret may be in a file, as mounted secrets are.
#[tokio::test(start_paused = true)]
async fn a_secret_is_read_from_its_file() {
    let fixture = Fixture::new();
    fixture.server.set_secret(APP, Some("from-file"));
    let path = fixture.root.path().join("secret");
    fs::write(&path, "from-file\n").unwrap();
    let settings = fixture.settings().set("apollo.access-key.secret-file", path.to_str().unwrap());
    let config = fixture.client_with(settings).config(NAMESPACE).await.unwrap();
    assert_eq!(config.source(), Source::Remote);
}

/// Of a secret and a secret file the one with the higher precedence is used, and with the same
/// origin the secret. A secret from a file is reported with the origin of the file's setting.
#[tokio::test(start_paused = true)]
async fn a_secret_and_its_file_go_by_their_places() {
    let fixture = Fixture::new();
    fixture.server.set_secret(APP, Some("right"));
    let path = |content: &str| {
        let path = fixture.root.path().join(content);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (right, wrong) = (path("right"), path("wrong"));
    let (secret, file) = ("apollo.access-key.secret", "apollo.access-key.secret-file");
    let overlay = |name: &str, value: &str| {
        fixture.quiet_settings().overlay([(name.to_owned(), value.to_owned())])
    };
    for (settings, origin) in [
        (overlay(secret, "wrong").set(file, &right), Origin::Code),
        (overlay(file, &wrong).set(secret, "right"), Origin::Code),
        (fixture.quiet_settings().set(file, &wrong).set(secret, "right"), Origin::Code),
        (overlay(file, &right), Origin::Overlay),
    ] {
        let client = fixture.client_with(settings);
        assert_eq!(client.config(NAMESPACE).await.unwrap().source(), Source::Remote);
        assert_eq!(value(&client, secret), ("***".into(), origin));
    }
}

/// A value that is neither true nor false is treated as false and logged; in code it is an error.
#[tokio::test]
async fn a_flag_is_true_or_false() {
    record_log();
    let (name, places) = ("castalia.long-poll.enable", Places::new().variable("APP_ID", APP));
    assert_eq!(places.value(name), ("true".into(), Origin::Default));
    let places = places.overlay(name, "FALSE");
    assert_eq!(places.value(name), ("FALSE".into(), Origin::Overlay));
    let places = places.overlay(name, "flase");
    assert_eq!(places.value(name), ("false".into(), Origin::Overlay));
    let warnings = logged("flase");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].text.contains("overlay"), "{warnings:?}");
    let in_code = places.settings().set(name, "yes");
    let error = Client::with_http_client(in_code, Network::new()).unwrap_err();
    assert!(error.message().contains("castalia.long-poll.enable must be true or false"), "{error}");
}

/// The report contains effective values, not those that were rejected or overridden.
#[tokio::test]
async fn what_counts_is_told() {
    let places = Places::new().variable("APP_ID", APP);
    let refused =
        places.overlay("apollo.readTimeout", "soon").variable("APOLLO_LOAD_CONFIG_QPS", "-1");
    assert_eq!(refused.value("apollo.readTimeout"), ("5000".into(), Origin::Default));
    assert_eq!(refused.value("apollo.loadConfigQPS"), ("2".into(), Origin::Default));
    let names = ["castalia.require-app-id", "castalia.env-fallback", "castalia.lenient-dates"];
    let told = |places: &Places| names.map(|name| places.value(name).0);
    assert_eq!(told(&refused), ["true", "false", "false"]);
    let compatible = refused.overlay("castalia.java-compat", "true");
    assert_eq!(told(&compatible), ["false", "true", "true"]);
    let mixed = compatible.overlay("castalia.env-fallback", "false");
    assert_eq!(told(&mixed), ["false", "false", "true"]);
    assert_eq!(mixed.value("castalia.env-fallback").1, Origin::Overlay);
}
