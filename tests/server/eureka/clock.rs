//! The system clock of a hosting node is set. Readers compare the times of leases with that of the
//! answer, and would take what is alive for ended.

use super::{client, hosting, register};
use crate::fault::clock::Clock;
use crate::support::server::Server;

const HOUR: i64 = 3600;

#[tokio::test]
async fn leases_look_in_force_whatever_the_clock_shows() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Clock::new(directory.path());
    let server = Server::start_in(directory.path(), clock.rules(hosting()));
    let eureka = client(&server);
    assert_eq!(register(&eureka, "DEMO", "k", 5).await.status, 204);
    eureka.put("/eureka/apps/DEMO/k", serde_json::Value::Null).await.ok();
    // As Eureka writes it, the last renewal is the end of the lease.
    let rest = async || {
        let answer = eureka.get("/eureka/apps/DEMO").await.ok();
        let date = httpdate::parse_http_date(answer.header("date")).unwrap();
        let lease = &answer.json()["application"]["instance"][0]["leaseInfo"];
        let renewed = lease["lastRenewalTimestamp"].as_i64().unwrap();
        let date = date.duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
        renewed - i64::try_from(date).unwrap()
    };
    for offset in [0, HOUR, -HOUR] {
        clock.jump(offset);
        let rest = rest().await;
        assert!((60_000..93_000).contains(&rest), "{offset}: {rest}");
    }
}
