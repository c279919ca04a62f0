//! Faults of devices, networks, volumes, groups, hosts and logs: all of them hand-written states on top
//! of the recorded guest.

mod at_scale;
mod cores_and_orders;
mod devices;
mod hosts;

use serde_json::json;

use super::*;
use crate::cloud::{Flavor, Network, Port, PortBinding, ServerGroup, Volume};
use crate::libvirt::Secret;
use crate::oslo::OsloConfig;

const NOBODY: &str = "5309aaaa-0000-4000-8000-00000000eeee";

fn read<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> T {
    serde_json::from_value(value).expect("what an API says")
}

fn details(cloud: &mut CloudSnapshot) -> &mut Details {
    machine_of(cloud).details.as_mut().expect("details")
}

fn machine_of(cloud: &mut CloudSnapshot) -> &mut Machine {
    host(cloud).machine.as_mut().expect("a machine")
}

fn conf(text: &str) -> Option<NovaConf> {
    Some(NovaConf::of(vec![OsloConfig::parse(text.to_string(), "nova.conf").expect("a file")]))
}

fn second_host(cloud: &mut CloudSnapshot, change: impl Fn(&mut HostSnapshot)) {
    let mut other = host(cloud).clone();
    (other.name, other.domains, other.processes) = ("cmp2".into(), vec![], vec![]);
    let machine = other.machine.as_mut().expect("a machine");
    machine.details.as_mut().expect("details").booted = 2;
    other.libvirt.as_mut().expect("libvirt").host_uuid = Some("cmp2-uuid".into());
    change(&mut other);
    cloud.hosts.insert("cmp2".into(), other);
}

fn with_specs(cloud: &mut CloudSnapshot, specs: &[(&str, &str)]) {
    let own = &mut cloud.servers[0].flavor.extra_specs;
    own.extend(specs.iter().map(|(key, value)| (key.to_string(), value.to_string())));
}

type Fault = (&'static str, fn(&mut CloudSnapshot), &'static [&'static str]);

fn hold(faults: &[Fault]) {
    let mut wrong = Vec::new();
    for (what, fault, rules) in faults {
        let mut cloud = cloud();
        fault(&mut cloud);
        if fired(&cloud) != *rules {
            wrong.push(format!("{what}: {:?} instead of {rules:?}", fired(&cloud)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn interrupt(cpus: &str, count: u64, name: &str) -> Interrupt {
    Interrupt { number: 42, cpus: set(cpus), count, name: name.into() }
}

/// The server's image as Nova shows it from microversion 2.98 on.
fn with_image(cloud: &mut CloudSnapshot, properties: &[(&str, &str)]) {
    let pair = |(name, value): &(&str, &str)| ((*name).to_string(), (*value).to_string());
    cloud.servers[0].image_properties = Some(properties.iter().map(pair).collect());
}
