//! Bodies of the clients that an observed access key would refuse, which Apollo's admin API lacks.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::wire::body::{Member, body};

body! {
    /// Clients whose requests in the last 24 hours had no valid signature of an observed access key.
    #[schema(as = UnsignedClients)]
    UnsignedClients {
        /// Whether they are recorded; not by Apollo's admin service.
        known: bool,
        /// Number of addresses.
        count: i64,
        /// Whether there may be more: too many addresses are recorded.
        more: bool,
        /// Up to ten addresses, the last one first.
        newest: Option<Vec<UnsignedClient>>,
    }
}

body! {
    /// A client whose requests had no valid signature.
    #[schema(as = UnsignedClient)]
    UnsignedClient {
        /// Address that the client states, or that its connection comes from.
        ip: Option<String>,
        /// Time of a request; later ones within an hour are not recorded.
        #[schema(value_type = String)]
        last_time: Option<DateTime<Utc>>,
    }
}
