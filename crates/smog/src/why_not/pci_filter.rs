//! PciPassthroughFilter: devices by alias, as nova.conf defines and gives them. Pure.

use std::collections::BTreeMap;

use super::answer::Reason;
use super::facts::HostPart;
use super::filters::Look::{self, Out, Passes, Unknown};
use super::filters::Question;
use super::wanted::aliases;
use crate::findings::NovaConf;
use crate::host::{PciAddress, PciDevice};

/// One entry of `[pci]alias` or `device_spec`.
fn entries(conf: &NovaConf, keys: &[&str]) -> Vec<BTreeMap<String, String>> {
    let lines = keys.iter().flat_map(|key| conf.get_all("pci", key));
    let parse = |line: String| -> Vec<BTreeMap<String, String>> {
        let value = serde_json::from_str::<serde_json::Value>(&line).unwrap_or_default();
        let list = match value {
            serde_json::Value::Array(list) => list,
            other => vec![other],
        };
        let text =
            |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_string);
        let objects = list.iter().filter_map(serde_json::Value::as_object);
        objects.map(|one| one.iter().map(|(key, value)| (key.clone(), text(value))).collect()).collect()
    };
    lines.flat_map(parse).collect()
}

/// PciPassthroughFilter.
pub(super) fn pci(Question { wanted, facts, host }: Question<'_>) -> Look {
    const BY: &str = "PciPassthroughFilter";
    let asked = wanted.pci_aliases();
    if asked.is_empty() {
        return Passes;
    }
    let defined = match &facts.scheduler {
        Ok(conf) => entries(conf, &["alias"]),
        Err(why) => return Unknown(format!("the PCI aliases: {why}")),
    };
    let part = match facts.of_host(host, HostPart::Conf) {
        Ok(part) => part,
        Err(why) => return Unknown(why),
    };
    let specs = match &part.conf {
        Ok(conf) => entries(conf, &["device_spec", "passthrough_whitelist"]),
        Err(why) => return Unknown(format!("the nova.conf of {host}: {why}")),
    };
    for (name, count) in asked {
        let reason = |rest: String, has: u64| {
            Reason::new(BY, &format!("PCI alias {name}"), "has", rest)
                .by_how_much(has, count)
                .wanting(format!("{} needs {count}", wanted.name))
        };
        let alias: Vec<_> = defined.iter().filter(|one| one.get("name") == Some(&name)).collect();
        if alias.is_empty() {
            return Out(Reason::new(
                "nova-api",
                &format!("PCI alias {name}"),
                "serves",
                format!("no PCI alias `{name}`: none is defined in nova.conf of the controller"),
            )
            .wanting(format!("{} asks for it", wanted.name))
            .helped(format!("`[pci]alias` for `{name}` in nova.conf of nova-api and of the computes")));
        }
        if specs.is_empty() {
            let rest = format!("no devices of alias `{name}`: its nova.conf has no `[pci]device_spec`");
            return Out(reason(rest, 0).helped(format!("`[pci]device_spec` in nova.conf of {host}")));
        }
        let Ok(devices) = &part.pci else { return Unknown(format!("the PCI devices of {host}")) };
        let is = |device: &&PciDevice, one: &BTreeMap<String, String>| {
            one.get("vendor_id").is_none_or(|id| id.trim_start_matches("0x") == device.vendor_id)
                && one.get("product_id").is_none_or(|id| id.trim_start_matches("0x") == device.product_id)
        };
        let is_plain = specs
            .iter()
            .all(|one| one.keys().all(|key| ["vendor_id", "product_id", "address"].contains(&key.as_str())));
        let given = |device: &&PciDevice| {
            specs.iter().any(|one| {
                is(device, one)
                    && one
                        .get("address")
                        .is_none_or(|text| text.parse::<PciAddress>().is_ok_and(|at| at == device.address))
            })
        };
        let there = devices.iter().filter(|device| alias.iter().any(|one| is(device, one)));
        let there = there.filter(|device| !is_plain || given(device)).count() as u64;
        if there < count {
            let rest = format!("{there} devices of alias `{name}`");
            return Out(reason(rest, there).helped(format!("a host with {count} devices of `{name}`")));
        }
        let servers = match &facts.servers {
            Ok(servers) => servers,
            Err(why) => return Unknown(format!("who has the devices of {host}: {why}")),
        };
        let here = servers.iter().filter(|one| one.host.as_deref() == Some(host));
        let used: u64 = here
            .flat_map(|one| aliases(&one.flavor.extra_specs))
            .filter(|(other, _)| *other == name)
            .map(|(_, count)| count)
            .sum();
        let free = there.saturating_sub(used);
        if free < count {
            let rest = format!("{free} of {there} devices of alias `{name}` free");
            return Out(
                reason(rest, free).helped(format!("moving or deleting a guest with `{name}` on {host}"))
            );
        }
        if !is_plain {
            return Unknown(format!("smog does not read all of `[pci]device_spec` of {host}"));
        }
    }
    Passes
}
