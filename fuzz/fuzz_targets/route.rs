//! Paths and queries of the client endpoints: an accepted path that is rebuilt names the same
//! resource.
#![no_main]

use castalia_core::protocol::route::{ClientRequest, ConfigQuery, LegacyPollQuery, PollQuery};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|line: &str| {
    let (path, query) = line.split_once('?').unwrap_or((line, ""));
    let _ = PollQuery::parse(query);
    let _ = LegacyPollQuery::parse(query);
    if let Ok(ClientRequest::Config(target)) = ClientRequest::parse(path, query) {
        let parsed = ConfigQuery::parse(query);
        let built = parsed.path_and_query(&target);
        let (path, query) = built.split_once('?').unwrap_or((&built, ""));
        assert_eq!(ClientRequest::parse(path, query), Ok(ClientRequest::Config(target)));
        let again = ConfigQuery::parse(query);
        assert_eq!((again.caller, again.release_key), (parsed.caller, parsed.release_key));
    }
});
