//! What a page shows beyond what the rules judge: actions, image, ports, devices, logs.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use super::Topic;
use crate::cloud::{Action, Cloud, Inventory, Network, Port, Server};
use crate::error::{Error, Result};
use crate::findings::{Source, Unknown};
use crate::host::Facts;
use crate::libvirt::GuestDevices;
use crate::watch::{Event, Filter, From, Level, LogsWanted, Record};

/// Logs are read for so long at most.
const LOGS_LIMIT: Duration = Duration::from_secs(30);

/// At most so many records are kept, the newest.
const RECORDS: usize = 200;

/// What is unknown where some logs were read and others not.
pub(super) const LOGS_OF_A_HOST: &str = "logs of a host";

/// At most so many lines of the console.
const CONSOLE: u32 = 30;

/// What else was asked. `None` is what was not asked, or did not answer (then it is unknown).
#[derive(Debug, Default)]
pub(super) struct Extras {
    pub actions: Option<Vec<Action>>,
    pub newest: Option<Action>,
    pub image: Option<String>,
    pub ports: Option<Vec<Port>>,
    pub networks: BTreeMap<String, Network>,
    pub devices: Option<GuestDevices>,
    pub facts: Option<Facts>,
    pub console: Option<String>,
    pub traits: Option<Vec<String>>,
    pub inventories: Option<Vec<Inventory>>,
    /// Since when logs were read, and what was kept of them.
    pub logs: Option<(Timestamp, Vec<Record>)>,
    pub unknown: Vec<Unknown>,
    pub sources: Vec<Source>,
}

/// An answer with its name and time; `None` for what was not asked.
struct Timed<T>(Option<(Source, Result<T>)>);

async fn timed<T>(name: impl Into<String>, is_asked: bool, ask: impl Future<Output = Result<T>>) -> Timed<T> {
    if !is_asked {
        return Timed(None);
    }
    let begun = Instant::now();
    let answer = ask.await;
    Timed(Some((Source { name: name.into(), took: begun.elapsed(), answered: answer.is_ok() }, answer)))
}

impl Extras {
    fn take<T>(&mut self, timed: Timed<T>, concerns: &str) -> Option<T> {
        let (source, answer) = timed.0?;
        let what = source.name.clone();
        self.sources.push(source);
        match answer {
            Ok(found) => Some(found),
            // It is not there: that is an answer, and another rule's matter.
            Err(Error::NotFound { .. } | Error::Api { status: 403 | 404, .. }) => None,
            Err(why) => {
                self.unknown.push(Unknown { what, why: why.to_string(), concerns: concerns.to_string() });
                None
            }
        }
    }
}

/// Ask all of it at once.
pub(super) async fn ask(cloud: &Cloud, server: &Server, topic: Option<Topic>) -> Extras {
    let is_there = server.status != "DELETED";
    let host = server.host.clone().filter(|_| is_there);
    let wants = |of: Topic| topic.is_none_or(|topic| topic == of);
    let name = host.clone().unwrap_or_default();
    let of_host = |what: &str| format!("host {name}: {what}");
    let actions = async {
        let actions = cloud.actions(&server.id).await?;
        let newest = match actions.first() {
            Some(newest) => Some(cloud.action(&server.id, &newest.request_id).await?),
            None => None,
        };
        Ok((actions, newest))
    };
    let image = async {
        match &server.image {
            Some(id) => cloud.image_name(id).await.map(Some),
            None => Ok(None),
        }
    };
    let ports = async { cloud.ports_of(&server.id).await };
    let devices = async { cloud.host(&name).await?.guest_devices(&server.id).await };
    let facts = async { cloud.host(&name).await?.facts().await };
    let console = async { cloud.console_log(&server.id, Some(CONSOLE)).await };
    let provider = async {
        let named = server.hypervisor_hostname.clone().unwrap_or_default();
        let provider = cloud.provider(&named).await?;
        tokio::try_join!(cloud.provider_traits(&provider.id), cloud.inventories(&provider.id))
    };
    let is_on_host = host.is_some();
    let runs = is_on_host
        && matches!(server.status.as_str(), "ACTIVE" | "PAUSED" | "RESCUE" | "VERIFY_RESIZE" | "MIGRATING");
    let (actions, image, ports, networks, devices, facts, console, provider, logs) = tokio::join!(
        timed("nova: actions", true, actions),
        timed("glance: image", server.image.is_some() && wants(Topic::Server), image),
        timed("neutron: ports", is_there && wants(Topic::Network), ports),
        timed(
            "neutron: networks",
            is_there && wants(Topic::Network) && !server.addresses.is_empty(),
            cloud.networks()
        ),
        timed(
            of_host("taps and disks"),
            is_on_host && (wants(Topic::Network) || wants(Topic::Disk)),
            devices
        ),
        timed(
            of_host("facts"),
            is_on_host && (wants(Topic::Host) || wants(Topic::Memory) || wants(Topic::Cpu)),
            facts
        ),
        timed("nova: console", runs && wants(Topic::Logs), console),
        timed("placement: traits and inventory", is_on_host && topic == Some(Topic::Placement), provider),
        timed("logs", wants(Topic::Logs), logs(cloud, server, topic == Some(Topic::Logs)))
    );
    let mut extras = Extras::default();
    if let Some((actions, newest)) = extras.take(actions, "what was done to it") {
        extras.actions = Some(actions);
        extras.newest = newest;
    }
    extras.image = extras.take(image, "its image").flatten();
    extras.ports = extras.take(ports, "its ports");
    let networks = extras.take(networks, "its networks").unwrap_or_default();
    extras.networks = networks.into_iter().map(|network| (network.id.clone(), network)).collect();
    extras.devices = extras.take(devices, "its taps and disks");
    extras.facts = extras.take(facts, "its host");
    extras.console = extras.take(console, "its console");
    if let Some((traits, inventories)) = extras.take(provider, "its provider") {
        extras.traits = Some(traits);
        extras.inventories = Some(inventories);
    }
    extras.logs = extras.take(logs, "records about it").map(|(since, records, unread)| {
        extras.unknown.extend(unread.into_iter().map(|why| Unknown {
            what: LOGS_OF_A_HOST.into(),
            why,
            concerns: "records about it".into(),
        }));
        (since, records)
    });
    extras
}

/// Warnings and worse about the guest since its newest action began, of a day at most (its whole
/// life where logs are asked for).
async fn logs(
    cloud: &Cloud,
    server: &Server,
    is_deep: bool,
) -> Result<(Timestamp, Vec<Record>, Vec<String>)> {
    let actions = cloud.actions(&server.id).await?;
    let moment = |text: &str| format!("{}Z", text.trim_end_matches('Z')).parse::<Timestamp>().ok();
    let begun = match is_deep {
        true => moment(&server.created),
        false => actions.first().and_then(|newest| moment(&newest.start_time)),
    };
    let day_ago = Timestamp::now() - SignedDuration::from_hours(24);
    let since = begun.map_or(day_ago, |begun| begun - SignedDuration::from_secs(10));
    let since = if is_deep { since } else { since.max(day_ago) };
    let filter = Filter {
        level: Some(if is_deep { Level::Info } else { Level::Warning }),
        requests: actions.into_iter().map(|action| action.request_id).collect(),
        guest: Some(server.id.clone()),
        since: Some(since),
        ..Filter::default()
    };
    let wanted = LogsWanted { from: From::Since(since), all_services: true, ..LogsWanted::default() };
    let mut watch = wanted.plan(cloud).await?.watch();
    let mut kept = Vec::new();
    let read = async {
        while let Some(event) = watch.next().await {
            if let Event::Record(record) = event
                && filter.wants(&record)
            {
                kept.push(*record);
                if kept.len() > RECORDS * 2 {
                    kept.drain(..RECORDS);
                }
            }
        }
    };
    let is_whole = tokio::time::timeout(LOGS_LIMIT, read).await.is_ok();
    if !is_whole {
        return Err(Error::Timeout {
            what: "reading the logs".into(),
            waited: LOGS_LIMIT,
            last: format!("{} records about it so far", kept.len()),
            request_id: None,
        });
    }
    let skip = kept.len().saturating_sub(RECORDS);
    Ok((since, kept.split_off(skip), watch.unread().lines()))
}
