//! Variables that have the server's prefix but belong to others: to the client bindings, to the
//! project's own tests, and to Kubernetes, which describes each service of a namespace in the
//! variables of all its pods. Those of a service `castalia-admin` begin with `CASTALIA_ADMIN_`.

/// The client bindings and the project's own tests.
const PREFIXES: [&str; 2] = ["CASTALIA_NODE_", "CASTALIA_TEST_"];
/// Protocols of Kubernetes' ports, in names.
const PROTOCOLS: [&str; 3] = ["TCP", "UDP", "SCTP"];
/// The same in values.
const SCHEMES: [&str; 3] = ["tcp://", "udp://", "sctp://"];

/// Whether a variable is no setting of the server, although its name begins like one.
pub(super) fn is_of_others(variable: &str, value: &str) -> bool {
    PREFIXES.iter().any(|prefix| variable.starts_with(prefix))
        || is_of_service(variable)
        || is_of_port(variable)
        || is_first_port(variable, value)
}

/// Address and ports of a service: `..._SERVICE_HOST`, `..._SERVICE_PORT`, and
/// `..._SERVICE_PORT_HTTP` for a port with this name.
fn is_of_service(variable: &str) -> bool {
    let named = variable.split_once("_SERVICE_PORT_");
    variable.ends_with("_SERVICE_HOST")
        || variable.ends_with("_SERVICE_PORT")
        || named.is_some_and(|(_, name)| !name.is_empty())
}

/// A port by its number: `..._PORT_8090_TCP`, and its parts such as `..._PORT_8090_TCP_ADDR`.
fn is_of_port(variable: &str) -> bool {
    let part = ["_PROTO", "_PORT", "_ADDR"].iter().find_map(|part| variable.strip_suffix(part));
    let port = part.unwrap_or(variable).rsplit_once('_');
    let number = port.filter(|(_, protocol)| PROTOCOLS.contains(protocol));
    let number = number.and_then(|(port, _)| port.rsplit_once("_PORT_"));
    number.is_some_and(|(_, number)| number.parse::<u16>().is_ok())
}

/// The first port, `..._PORT`, with a value such as `tcp://10.0.0.1:8090`. Settings may have the
/// same name, but no such value.
fn is_first_port(variable: &str, value: &str) -> bool {
    variable.ends_with("_PORT") && SCHEMES.iter().any(|scheme| value.starts_with(scheme))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server_config::keys;
    use crate::settings::definition;

    #[test]
    fn the_variables_of_a_service_of_kubernetes_are_of_others() {
        for service in ["CASTALIA", "CASTALIA_ADMIN", "CASTALIA_A_PORT_1"] {
            for (name, value) in [
                ("SERVICE_HOST", "10.0.0.1"),
                ("SERVICE_PORT", "8090"),
                ("SERVICE_PORT_HTTP", "8090"),
                ("SERVICE_PORT_HTTP_2", "8091"),
                ("PORT", "tcp://10.0.0.1:8090"),
                ("PORT", "udp://[fd00::1]:8090"),
                ("PORT", "sctp://10.0.0.1:8090"),
                ("PORT_8090_TCP", "tcp://10.0.0.1:8090"),
                ("PORT_8090_UDP", "udp://10.0.0.1:8090"),
                ("PORT_8090_SCTP_PROTO", "sctp"),
                ("PORT_8090_TCP_PORT", "8090"),
                ("PORT_8090_TCP_ADDR", "10.0.0.1"),
            ] {
                let variable = format!("{service}_{name}");
                assert!(is_of_others(&variable, value), "{variable}={value}");
            }
        }
    }

    #[test]
    fn the_variables_of_bindings_and_tests_are_of_others() {
        for variable in ["CASTALIA_NODE_NATIVE_PATH", "CASTALIA_TEST_DIR"] {
            assert!(is_of_others(variable, "x"), "{variable}");
        }
    }

    #[test]
    fn a_misspelled_setting_is_not_of_others() {
        for (variable, value) in [
            ("CASTALIA_PORTS", "8090"),
            ("CASTALIA_PORT", "8090"),
            ("CASTALIA_ADMINPORT", "8090"),
            ("CASTALIA_PORTS", "tcp://10.0.0.1:8090"),
            ("CASTALIA_SERVICE_PORT_", "8090"),
            ("CASTALIA_SERVICE_HOSTS", "10.0.0.1"),
            ("CASTALIA_PORT_TCP", "8090"),
            ("CASTALIA_PORT_ADMIN_TCP", "8090"),
            ("CASTALIA_PORT_8090_HTTP", "8090"),
            ("CASTALIA_PORT_8090_TCP_NAME", "8090"),
            ("CASTALIA_PORT_80900_TCP", "8090"),
        ] {
            assert!(!is_of_others(variable, value), "{variable}={value}");
        }
    }

    #[test]
    fn no_setting_is_of_others() {
        let settings = definition::all().map(|setting| {
            (setting.variable(), setting.default.unwrap_or("http://10.0.0.1:8090").to_owned())
        });
        let of_key = |name: &str| name.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        let keys = keys::ALL.iter().map(|key| {
            (format!("CASTALIA_{}", of_key(key.name()).to_uppercase()), key.default_text())
        });
        for (variable, value) in settings.chain(keys) {
            assert!(!is_of_others(&variable, &value), "{variable}={value}");
            assert!(!is_of_others(&variable, "8090"), "{variable}=8090");
        }
    }
}
