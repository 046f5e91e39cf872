//! The bodies: what is written can be read again in both forms, and nothing that a stranger sends
//! does harm.

use std::collections::BTreeMap;
use std::time::Instant;

use castalia_eureka::batch::{self, Item, Task};
use castalia_eureka::{DataCenter, Instance, Lease, Listing, Port, Status, Style, json, xml};
use proptest::prelude::*;

fn status() -> impl Strategy<Value = Status> {
    prop::sample::select(Status::ALL.to_vec())
}

fn text() -> impl Strategy<Value = Option<String>> {
    prop::option::of(
        "[a-zA-Z0-9<>&\"'/:中 ]{1,20}".prop_filter("not blank", |text| !text.trim().is_empty()),
    )
}

fn instance() -> impl Strategy<Value = Instance> {
    let names = ("[A-Z][A-Z0-9-]{0,20}", prop::option::of("[a-z0-9:.]{1,30}"), "[a-z0-9.]{1,20}");
    let texts = (text(), text(), text(), text());
    let metadata = prop::collection::btree_map("[a-z][a-z0-9.]{0,10}", "[a-z<&>中\"]{0,10}", 0..5);
    let numbers = (0..65_536_i64, any::<bool>(), 1..300_u32, 5..900_u32, any::<Option<i64>>());
    (names, texts, metadata, numbers, status(), status()).prop_map(
        |(
            (app, instance_id, host_name),
            (home, vip, group, asg),
            metadata,
            numbers,
            status,
            overridden_status,
        )| {
            let (number, is_enabled, renewal_interval, lease_duration, dirty) = numbers;
            Instance {
                instance_id,
                ip_addr: host_name.clone(),
                host_name,
                app,
                sid: None,
                status,
                overridden_status,
                port: Port { number, is_enabled },
                secure_port: Port { number: 443, is_enabled: !is_enabled },
                country_id: 1,
                data_center: DataCenter { name: "MyOwn".to_owned(), amazon: None },
                renewal_interval,
                lease_duration,
                metadata,
                app_group_name: group,
                home_page_url: home,
                status_page_url: None,
                health_check_url: None,
                secure_health_check_url: None,
                vip_address: vip,
                secure_vip_address: None,
                asg_name: asg,
                dirty,
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_instance_survives_json(instance in instance()) {
        let written = json::instance(&Lease::unregistered(instance.clone()));
        prop_assert_eq!(Instance::from_json(&written).unwrap(), instance);
    }

    /// Case 7.
    #[test]
    fn an_instance_survives_xml(instance in instance()) {
        let written = xml::instance(&Lease::unregistered(instance.clone()));
        prop_assert_eq!(Instance::from_xml(&written).unwrap(), instance);
    }

    #[test]
    fn a_batch_survives(instance in instance(), dirty in any::<Option<i64>>(), status in status()) {
        let item = |task| Item {
            app: instance.app.clone(),
            id: instance.id().to_owned(),
            dirty,
            status: Some(status),
            overridden: None,
            task,
        };
        let items = [item(Task::Register(instance.clone().into())), item(Task::Cancel), item(Task::StatusUpdate)];
        let read = batch::read(&batch::write(&items)).unwrap();
        prop_assert_eq!(read.into_iter().map(Result::unwrap).collect::<Vec<_>>(), items);
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Instance::from_json(&bytes);
        let _ = Instance::from_xml(&bytes);
        let _ = batch::read(&bytes);
        let _ = batch::read_outcomes(&bytes);
    }
}

/// The smallest instance that is accepted.
const SMALLEST: &[u8] =
    br#"{"instance":{"hostName":"h","app":"A","ipAddr":"1.1.1.1","dataCenterInfo":{"name":"MyOwn"}}}"#;

/// Case 18: keys that XML does not allow are in the JSON form only.
#[test]
fn keys_that_are_no_names_are_left_out_of_xml() {
    let texts = [("a b", "x"), ("1x", "y"), ("ok", "<&>中"), ("@class", "evil\" x=\"")];
    let metadata = texts.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let instance = Instance { metadata: metadata.into(), ..Instance::from_json(SMALLEST).unwrap() };
    let written = xml::instance(&Lease::unregistered(instance));
    let read = Instance::from_xml(&written).unwrap();
    assert_eq!(read.metadata, BTreeMap::from([("ok".to_owned(), "<&>中".to_owned())]));
}

/// The name of the instance's own member differs between the two forms, and no key of its metadata.
#[test]
fn a_key_with_the_name_of_a_member_is_not_renamed_in_xml() {
    let metadata = BTreeMap::from([("overriddenStatus".to_owned(), "mine".to_owned())]);
    let instance =
        Instance { metadata: metadata.clone(), ..Instance::from_json(SMALLEST).unwrap() };
    let written = xml::instance(&Lease::unregistered(instance));
    assert_eq!(Instance::from_xml(&written).unwrap().metadata, metadata);
    let written = String::from_utf8(written).unwrap();
    assert!(written.contains("<overriddenstatus>UNKNOWN</overriddenstatus>"), "{written}");
}

/// Case 100.
#[test]
fn a_document_with_a_type_an_entity_or_an_instruction_is_refused() {
    let smallest = Lease::unregistered(Instance::from_json(SMALLEST).unwrap());
    let instance = String::from_utf8(xml::instance(&smallest)).unwrap();
    assert!(Instance::from_xml(instance.as_bytes()).is_ok());
    assert!(
        Instance::from_xml(format!("<?xml version=\"1.0\"?>\n{instance}\n").as_bytes()).is_ok()
    );
    let laughs: String =
        (1..30).map(|i| format!("<!ENTITY l{i} \"&l{};&l{};\">", i - 1, i - 1)).collect();
    for document in [
        format!("<!DOCTYPE x>{instance}"),
        format!("<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>{instance}"),
        format!("<!DOCTYPE x [<!ENTITY l0 \"ha\">{laughs}]>{instance}"),
        format!("<?php x?>{instance}"),
        instance.replace("MyOwn", "&unknown;"),
        format!("{instance}{instance}"),
        format!("{}{}", "<instance>".repeat(100), "</instance>".repeat(100)),
        "<instance><hostName></instance>".to_owned(),
        "<instance>".to_owned(),
        "<applications/>".to_owned(),
    ] {
        let started = Instant::now();
        assert!(Instance::from_xml(document.as_bytes()).is_err(), "{document}");
        assert!(started.elapsed().as_millis() < 100, "{document}");
    }
}

/// Cases 1, 2, 49 and 52.
#[test]
fn an_empty_registry_and_an_empty_batch_have_their_documents() {
    let listing = Listing { version: 1, hash: String::new(), apps: Vec::new() };
    let text = |bytes| String::from_utf8(bytes).unwrap();
    assert_eq!(
        text(json::applications(&listing, Style::Full)),
        r#"{"applications":{"versions__delta":"1","apps__hashcode":"","application":[]}}"#
    );
    assert_eq!(
        text(xml::applications(&listing, Style::Full)),
        "<applications><versions__delta>1</versions__delta><apps__hashcode></apps__hashcode></applications>"
    );
    assert_eq!(text(batch::write_outcomes(&[])), r#"{"responseList":[]}"#);
    assert!(batch::read(br#"{"replicationList":[]}"#).unwrap().is_empty());
    assert!(batch::read(b"{}").is_err() && batch::read(b"x").is_err());
    let items = br#"{"replicationList":[
        {"appName":"A","id":"a","action":"Explode"}, {"appName":"A","id":"a"},
        {"appName":"A","id":"a","action":"Register"}, {"appName":"A","id":"a","action":"Cancel"}]}"#;
    let read: Vec<bool> = batch::read(items).unwrap().iter().map(Result::is_ok).collect();
    assert_eq!(read, [false, false, false, true]);
}

/// Case 53.
#[test]
fn a_batch_has_a_maximum_number_of_items() {
    let item = r#"{"appName":"A","id":"a","action":"Cancel"}"#;
    let batch_of = |number| format!("{{\"replicationList\":[{}]}}", vec![item; number].join(","));
    assert_eq!(batch::read(batch_of(1000).as_bytes()).unwrap().len(), 1000);
    assert!(matches!(batch::read(batch_of(1001).as_bytes()), Err(batch::BatchError::TooMany)));
}
