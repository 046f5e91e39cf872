//! Sign-ins of unknown users, which cost memory and a processor by intent.

use std::time::Duration;

use tokio::io::AsyncWriteExt as _;

use super::attack::connect_to;
use crate::support::http::Http;
use crate::support::memory::assert_small;
use crate::support::raw;
use crate::support::server::{Options, PASSWORD, Server};

/// From many addresses, each within what it may fail at once.
const ATTEMPTS: usize = 150;

/// Processor time of the server, in hundredths of a second.
fn processor_time(server: &Server) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", server.pid())).unwrap();
    // The name of the program, in parentheses, may contain spaces.
    let fields: Vec<&str> = stat[stat.rfind(')').unwrap()..].split(' ').collect();
    [12, 13].map(|at: usize| fields[at].parse::<u64>().unwrap()).into_iter().sum()
}

/// A password is verified to the end although its caller has left, so that many short visits could
/// occupy more memory than many patient ones.
#[tokio::test]
async fn sign_ins_whose_callers_leave_take_no_more_memory() {
    let server = Server::start_with(Options::new());
    for number in 0..ATTEMPTS {
        let mut stream = connect_to(&server.portal, number).await;
        let form = format!("username=nobody-{number}&password=wrong");
        let length = form.len().to_string();
        let kind = ("Content-Type", "application/x-www-form-urlencoded");
        let headers = [kind, ("Content-Length", &length)];
        let mut request = raw::request("POST", "/signin", &server.portal, &headers);
        request.extend_from_slice(form.as_bytes());
        let before = processor_time(&server);
        stream.write_all(&request).await.unwrap();
        // Until the verification has begun, which costs more than all that precedes it.
        for _ in 0..100 {
            tokio::time::sleep(Duration::from_millis(2)).await;
            if processor_time(&server) > before {
                break;
            }
        }
    }
    let form = [("username", "apollo"), ("password", PASSWORD)];
    let signed_in = Http::new(&server.portal).form("/signin", &form).await;
    assert_eq!(signed_in.header("location"), "/", "{signed_in:?}");
    assert_small(&server, "sign-ins");
}
