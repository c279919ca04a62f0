//! Each reason on facts made by hand, in the shape of the lab's (Epoxy): two hosts, and a change to one.

mod filters;
mod placement;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::answer::{HostVerdict, Verdict, sentence};
use super::facts::{Facts, HostFacts, ProviderFacts};
use super::judge::judge;
use super::wanted::{Wanted, WantedFlavor};
use crate::cloud::{
    Aggregate, Allocation, AvailabilityZone, ComputeService, Hypervisor, Inventory, Network, NetworkAgent,
    Provider, Server, ServerGroup, ServerTopology,
};
use crate::findings::NovaConf;
use crate::libvirt::Capabilities;
use crate::oslo::OsloConfig;

const FILTERS: &str = "ComputeFilter,ComputeCapabilitiesFilter,ImagePropertiesFilter,\
    ServerGroupAntiAffinityFilter,ServerGroupAffinityFilter,DifferentHostFilter,SameHostFilter,\
    NUMATopologyFilter,AggregateInstanceExtraSpecsFilter,AggregateImagePropertiesIsolation,\
    AggregateMultiTenancyIsolation,PciPassthroughFilter,NumInstancesFilter";

fn conf(text: &str) -> NovaConf {
    NovaConf::of(vec![OsloConfig::parse(text.to_string(), "nova.conf").expect("a configuration")])
}

fn service(host: &str) -> ComputeService {
    serde_json::from_value(json!({
        "id": host, "binary": "nova-compute", "host": host, "zone": "nova", "status": "enabled", "state": "up",
    }))
    .expect("a service")
}

fn hypervisor(host: &str) -> Hypervisor {
    serde_json::from_value(json!({
        "id": format!("id-{host}"), "hypervisor_hostname": host, "state": "up", "status": "enabled",
        "hypervisor_type": "QEMU", "hypervisor_version": 10_000_013, "service": {"host": host},
    }))
    .expect("a hypervisor")
}

fn inventory(class: &str, total: u64, ratio: f64, max_unit: u64) -> Inventory {
    Inventory {
        resource_class: class.into(),
        total,
        reserved: 0,
        min_unit: 1,
        max_unit,
        step_size: 1,
        allocation_ratio: ratio,
        used: 0,
    }
}

fn provider(host: &str) -> ProviderFacts {
    let id = format!("id-{host}");
    ProviderFacts {
        provider: Provider {
            id: id.clone(),
            name: host.into(),
            generation: 1,
            parent: None,
            root: Some(id),
            depth: 0,
        },
        inventories: vec![
            inventory("VCPU", 4, 4.0, 4),
            inventory("PCPU", 4, 1.0, 4),
            inventory("MEMORY_MB", 8192, 1.0, 8192),
            inventory("DISK_GB", 16, 1.0, 16),
        ],
        traits: vec!["COMPUTE_NODE".into(), "HW_ARCH_X86_64".into()],
        allocations: vec![],
    }
}

/// Two NUMA nodes of four CPUs: 0 and 1 (4 and 5) are shared, the others dedicated; 256 pages of 2 MiB.
fn machine() -> HostFacts {
    let cpu = |id: u32| format!("<cpu id='{id}' socket_id='0' core_id='{id}' siblings='{id}'/>");
    let cell = |id: u32| {
        let cpus: String = (id * 4..id * 4 + 4).map(cpu).collect();
        format!(
            "<cell id='{id}'><memory unit='KiB'>4194304</memory><pages unit='KiB' size='4'>917504</pages>\
             <pages unit='KiB' size='2048'>256</pages><cpus num='4'>{cpus}</cpus></cell>"
        )
    };
    let xml = format!(
        "<capabilities><host><cpu><arch>x86_64</arch></cpu><topology><cells num='2'>{}{}</cells></topology></host>\
         <guest><os_type>hvm</os_type><arch name='x86_64'><domain type='qemu'/></arch></guest></capabilities>",
        cell(0),
        cell(1)
    );
    HostFacts {
        conf: Ok(conf("[compute]\ncpu_shared_set = 0-1,4-5\ncpu_dedicated_set = 2-3,6-7\n")),
        capabilities: Ok(Capabilities::parse(xml, "test").expect("capabilities")),
        pci: Ok(vec![]),
    }
}

fn agent(host: &str, alive: bool) -> NetworkAgent {
    serde_json::from_value(json!({
        "agent_type": "Open vSwitch agent", "host": host, "alive": alive, "admin_state_up": true,
        "configurations": {"bridge_mappings": {"physnet1": "br-phy"}, "tunnel_types": ["vxlan"]},
    }))
    .expect("an agent")
}

/// A network of a kind, over a physical network.
fn network(kind: Option<&str>, physical: Option<&str>) -> Network {
    serde_json::from_value(json!({
        "id": "n1", "name": "n1", "status": "ACTIVE", "admin_state_up": true,
        "provider:network_type": kind, "provider:physical_network": physical,
    }))
    .expect("a network")
}

fn facts() -> Facts {
    let hosts = ["cmp1", "cmp2"];
    let of = |name: &str| (name.to_string(), machine());
    Facts {
        services: Ok(hosts.map(service).to_vec()),
        hypervisors: Ok(hosts.map(hypervisor).to_vec()),
        aggregates: Ok(vec![]),
        zones: Ok(["nova", "east"]
            .map(|name| AvailabilityZone { name: name.into(), available: true, hosts: BTreeMap::new() })
            .to_vec()),
        providers: Ok(hosts.map(provider).to_vec()),
        candidates: Ok(BTreeSet::from(hosts.map(|host| format!("id-{host}")))),
        left_out: BTreeMap::new(),
        servers: Ok(vec![]),
        topologies: BTreeMap::new(),
        scheduler: Ok(conf(&format!("[filter_scheduler]\nenabled_filters = {FILTERS}\n"))),
        hosts: hosts.map(of).into_iter().collect(),
        limits: Err("not asked".into()),
        agents: Ok(hosts.map(|host| agent(host, true)).to_vec()),
    }
}

fn wanted(specs: &[(&str, &str)]) -> Wanted {
    let extra_specs = specs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    Wanted {
        name: "flavor `f`".into(),
        flavor: WantedFlavor { vcpus: 2, ram_mib: 512, extra_specs, ..WantedFlavor::default() },
        project_id: Some("p1".into()),
        ..Wanted::default()
    }
}

fn judged(wanted: &Wanted, facts: &Facts) -> Vec<HostVerdict> {
    judge(wanted, &wanted.resources(), facts)
}

/// What is said of both hosts at once.
fn said(wanted: &Wanted, facts: &Facts) -> String {
    sentence(&judged(wanted, facts))
}

/// With a change to the providers, after which placement names no host.
fn unnamed(change: impl Fn(&mut ProviderFacts)) -> Facts {
    let mut facts = facts();
    facts.candidates = Ok(BTreeSet::new());
    facts.providers.iter_mut().flatten().for_each(change);
    facts
}

fn aggregate(host: &str, zone: Option<&str>, metadata: &[(&str, &str)]) -> Aggregate {
    Aggregate {
        id: "1".into(),
        name: "fast".into(),
        uuid: Some("u-1".into()),
        availability_zone: zone.map(str::to_string),
        hosts: vec![host.into()],
        metadata: metadata.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect(),
    }
}
