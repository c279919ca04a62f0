//! What virsh prints, as types.

use super::{DiskFile, DomainLine, FullSighting, GuestDevices, HostDomains, Sighting, Tap};
use crate::error::Error;
use crate::hint;
use crate::libvirt::{Domain, DomainState};
use std::collections::BTreeMap;

/// In place of a domain's XML in what others gathered: there is one, and no more is known of it.
pub(crate) const NOT_RECORDED: &str = "==not recorded==";

/// XMLs with `==next==` behind each, and after `==states==` what `domstats --state` prints.
pub(super) fn parse_sightings(text: &str, source_of: &str) -> HostDomains {
    let (xmls, states) = text.split_once("==states==").unwrap_or((text, ""));
    let states = parse_states(states);
    let mut all = HostDomains::default();
    for xml in xmls.split("==next==").map(str::trim_start).filter(|xml| !xml.is_empty()) {
        if let Some(what) = xml.strip_prefix(NOT_RECORDED) {
            let (what, of) = (what.trim().to_string(), source_of.to_string());
            all.unreadable.push(Error::NotRecorded {
                what,
                of,
                hint: hint::RECORD.hint().and(" records it"),
            });
            continue;
        }
        match Domain::parse(xml, source_of) {
            Ok(domain) => {
                // One that vanished between its XML and its state, or came between, has none.
                let state = states.get(domain.name.as_str()).copied().unwrap_or(DomainState::NoState);
                all.sightings.push(Sighting { domain, state });
            }
            Err(why) => all.unreadable.push(why),
        }
    }
    all
}

/// States by the domains' names, out of what `domstats --state` prints.
pub(super) fn parse_states(text: &str) -> BTreeMap<&str, DomainState> {
    let mut of_name = BTreeMap::new();
    let mut name = None;
    for line in text.lines().map(str::trim) {
        if let Some(rest) = line.strip_prefix("Domain: '") {
            name = rest.strip_suffix('\'');
        } else if let (Some(name), Some(state)) = (name, line.strip_prefix("state.state=")) {
            of_name.insert(name, DomainState::of(state.parse().unwrap_or(0)));
        }
    }
    of_name
}

pub(super) fn parse_devices(text: &str) -> GuestDevices {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct Info {
        filename: String,
        #[serde(default)]
        format: String,
        #[serde(default)]
        virtual_size: u64,
        #[serde(default)]
        actual_size: u64,
    }
    let mut devices = GuestDevices::default();
    let mut disks: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match (words.as_slice(), disks.last_mut()) {
            (["tap", name, mtu, state], None) => devices.taps.push(Tap {
                name: (*name).to_string(),
                mtu: mtu.parse().ok(),
                state: (*state).to_string(),
            }),
            (["disk", ..], _) => disks.push((line["disk ".len()..].to_string(), String::new())),
            (_, Some((_, json))) => {
                json.push_str(line);
                json.push('\n');
            }
            _ => {}
        }
    }
    for (path, json) in disks {
        let chain = serde_json::from_str::<Vec<Info>>(&json).map(|chain| {
            let file = |info: Info| DiskFile {
                path: info.filename,
                format: info.format,
                virtual_bytes: info.virtual_size,
                actual_bytes: info.actual_size,
            };
            chain.into_iter().map(file).collect()
        });
        devices.disks.push((path, chain.map_err(|_| json.lines().next().unwrap_or("no answer").to_string())));
    }
    devices
}

/// What [`Host::domains_in_full`] printed.
pub(super) fn parse_in_full(text: &str, source_of: &str) -> (Vec<FullSighting>, Vec<Error>) {
    let (parts, states) = text.split_once("==states==").unwrap_or((text, ""));
    let (states, reasons) = (parse_states(states), parse_reasons(states));
    let (mut all, mut unreadable) = (Vec::new(), Vec::new());
    for part in parts.split("==next==") {
        let (live, rest) = part.split_once("==inactive==").unwrap_or((part, ""));
        let (inactive, job) = rest.split_once("==job==").unwrap_or((rest, ""));
        let (live, inactive) = (live.trim(), inactive.trim());
        if live.is_empty() {
            continue;
        }
        let domain = match Domain::parse(live, source_of) {
            Ok(domain) => domain,
            Err(why) => {
                unreadable.push(why);
                continue;
            }
        };
        let job = job.lines().find_map(|line| line.trim().strip_prefix("Job type:")).map(str::trim);
        all.push(FullSighting {
            persistent: Domain::parse(inactive, source_of).ok(),
            state: states.get(domain.name.as_str()).copied().unwrap_or(DomainState::NoState),
            reason: reasons.get(domain.name.as_str()).copied().unwrap_or(0),
            has_job: job.is_some_and(|job| job != "None"),
            domain,
        });
    }
    (all, unreadable)
}

/// Reasons by the domains' names, out of what `domstats --state` prints.
pub(super) fn parse_reasons(text: &str) -> BTreeMap<&str, u32> {
    let mut of_name = BTreeMap::new();
    let mut name = None;
    for line in text.lines().map(str::trim) {
        if let Some(rest) = line.strip_prefix("Domain: '") {
            name = rest.strip_suffix('\'');
        } else if let (Some(name), Some(reason)) = (name, line.strip_prefix("state.reason=")) {
            of_name.insert(name, reason.parse().unwrap_or(0));
        }
    }
    of_name
}

/// `UUID name` lines, and after the marker what `domstats --state` prints.
pub(super) fn parse_list(text: &str) -> Vec<DomainLine> {
    let (list, states) = text.split_once("==states==").unwrap_or((text, ""));
    let of_name = parse_states(states);
    let lines = list.lines().filter_map(|line| line.trim().split_once(' '));
    lines
        .map(|(uuid, name)| {
            let name = name.trim();
            DomainLine {
                name: name.to_string(),
                uuid: uuid.to_string(),
                state: of_name.get(name).copied().unwrap_or(DomainState::NoState),
            }
        })
        .collect()
}
