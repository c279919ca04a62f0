//! The cloud's nouns and verbs on a real cloud: smog's lab of two computes. Everything
//! made here is named `t-cloud-PID-…`, and removed by name, also after a panic.

mod loopback;
mod mess;
mod moves;
mod nouns;
mod servers;

use std::collections::BTreeMap;
use std::sync::Mutex;

use mess::{Mess, server_count, short};
use serde_json::json;
use smog::cloud::server_actions as actions;
use smog::cloud::{
    BlockDevice, BlockMigration, BootMade, BootRequest, Call, CandidateQuery, Cloud, FlavorChoice,
    ImageSource, LiveMigration, MigrationFilter, NetworkChoice, NewFlavor, NewImage, NewPort, NewRule,
    NewSubnet, Nic, Options, Order, Server, ServerFilter, Service, Transfer,
};
use smog::config::{Settings, SmogFile};
use smog::host::Cmd;
use smog::show::Show;
use smog::wait::Wait;
use smog::{Error, Result};

fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

/// Every cell of every row can be made; the first column says something.
fn shown<T: Show>(items: &[T]) -> usize {
    for item in items {
        let cells: Vec<String> = T::COLUMNS.iter().map(|column| (column.cell)(item)).collect();
        assert!(cells.iter().any(|cell| !cell.is_empty()), "{cells:?}");
    }
    items.len()
}

fn refused(why: Error, status: u16) -> String {
    match why {
        Error::Api { status: found, message, .. } if found == status => message,
        other => panic!("not refused with {status}: {other:?}"),
    }
}

/// Carry out orders in a row; each must end in its status.
async fn in_a_row(cloud: &Cloud, server: &Server, orders: &[(Order, &str)]) -> Server {
    let mut server = server.clone();
    for (order, status) in orders {
        server = match cloud.carry_out(&server, order, mess::PATIENT).await {
            Ok(server) => server,
            Err(why) => panic!("{}: {why}", order.name()),
        };
        assert_eq!(server.status, *status, "after {}", order.name());
    }
    server
}
