//! The settings of how services are found.

use super::{Definition, define};

pub(super) const SETTINGS: &[Definition] = &[
    define(
        "registry",
        Some("database"),
        "database|custom|eureka",
        "Discover services through the ServiceRegistry table, through two keys of ServerConfig, or through Eureka",
    ),
    define(
        "eureka.read",
        Some("off"),
        "on|off",
        "Also list the services at the servers in `eureka.service.url` if `registry` is `database`, for a migration away from Eureka",
    ),
    // Closed by default: whoever registers there receives the requests of clients and portals.
    define(
        "eureka.host",
        Some("off"),
        "on|off",
        "Host an Eureka server on the config port, below /eureka",
    ),
    define(
        "eureka.username",
        None,
        "NAME",
        "User name that clients and peers of the hosted Eureka send",
    ),
    define(
        "eureka.password",
        None,
        "PASSWORD",
        "Password that they send, or its hash with a prefix such as {bcrypt}; required unless `bind` is a loopback address or `eureka.open` is on",
    ),
    define("eureka.password_file", None, "FILE", "File that contains the password that they send"),
    define(
        "eureka.open",
        Some("off"),
        "on|off",
        "Let everyone call the hosted Eureka without a password; only services of Apollo may then register by default",
    ),
    define(
        "eureka.apps",
        None,
        "LIST",
        "Apps that may register with the hosted Eureka; by default all",
    ),
    define(
        "eureka.max_instances",
        Some("10000"),
        "NUMBER",
        "Maximum number of instances of the hosted Eureka",
    ),
    define(
        "eureka.self_preservation",
        Some("off"),
        "on|off",
        "Keep instances of the hosted Eureka while more than 15 % of them are overdue",
    ),
    define(
        "eureka.instance.ip_address",
        None,
        "ADDRESS",
        "IP address of this node's services in Eureka; by default that of `advertise`, or of this machine",
    ),
    define(
        "eureka.instance.hostname",
        None,
        "NAME",
        "Host of this node's services in Eureka; by default that of `advertise`",
    ),
    define(
        "eureka.instance.home_page_url",
        None,
        "URL",
        "Base address of this node's service in Eureka, if it has one of the roles config and admin",
    ),
    define(
        "eureka.instance.instance_id",
        None,
        "ID",
        "Id of this node's services in Eureka; by default host, service and port",
    ),
    define(
        "eureka.instance.lease_renewal_interval",
        Some("30"),
        "SECONDS",
        "Interval between heartbeats of this node in Eureka",
    ),
    define(
        "eureka.instance.lease_duration",
        Some("90"),
        "SECONDS",
        "Time without a heartbeat after which Eureka removes this node",
    ),
    define(
        "eureka.instance.metadata",
        None,
        "LIST",
        "Additional metadata of this node's services in Eureka, such as zone=a,version=2",
    ),
];
