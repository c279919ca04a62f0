//! What Nova says of a server.

use std::collections::BTreeMap;

use crate::noun::{cells, noun};

noun! {
    /// A server as Nova showed it at one moment.
    ///
    /// >>> guest.server.status
    /// 'ACTIVE'
    Server of smog::cloud::Server,
    line |it| {
        let on = it.host.as_ref().map(|host| format!(" on {host}")).unwrap_or_default();
        format!("<Server {} {}{on}, {} vCPU, {} MiB>", it.name, it.state(), it.flavor.vcpus, it.flavor.ram_mib)
    },
    str |it| it.name.clone(),
    cells cells;
    /// UUID; also the libvirt domain's UUID.
    id: String = |it| it.id.clone();
    /// Display name; not unique.
    name: String = |it| it.name.clone();
    /// "ACTIVE", "BUILD", "ERROR", "SHUTOFF" …
    status: String = |it| it.status.clone();
    /// What Nova is doing with it: "spawning", "migrating" …
    task_state: Option<String> = |it| it.task_state.clone();
    /// "active", "stopped", "rescued" …: the state below the status.
    vm_state: Option<String> = |it| it.vm_state.clone();
    /// 1 running, 3 paused, 4 shut down, 6 crashed, 7 suspended, 0 unknown.
    power_state: u8 = |it| it.power_state;
    /// The project it belongs to.
    project_id: String = |it| it.project_id.clone();
    /// The user who made it.
    user_id: String = |it| it.user_id.clone();
    /// The compute service's host; only administrators see it.
    host: Option<String> = |it| it.host.clone();
    /// The hypervisor's own name, often the host's long name.
    hypervisor_hostname: Option<String> = |it| it.hypervisor_hostname.clone();
    /// The libvirt domain's name: "instance-0000002a".
    instance_name: Option<String> = |it| it.instance_name.clone();
    /// The availability zone it is in.
    availability_zone: Option<String> = |it| it.availability_zone.clone();
    /// The name its flavor had when it was made.
    flavor_name: String = |it| it.flavor.name.clone();
    /// Virtual CPUs.
    vcpus: u32 = |it| it.flavor.vcpus;
    /// Memory in MiB.
    ram_mib: u64 = |it| it.flavor.ram_mib;
    /// The extra specs of its flavor, as they were when it was made.
    extra_specs: BTreeMap<String, String> = |it| it.flavor.extra_specs.clone();
    /// The image's id; none for a server that boots from a volume.
    image: Option<String> = |it| it.image.clone();
    /// The properties of its image as they were when it was made; none where Nova does not show them.
    image_properties: Option<BTreeMap<String, String>> = |it| it.image_properties.clone();
    /// Addresses by network name.
    addresses: BTreeMap<String, Vec<String>> = |it| {
        let of = |list: &Vec<smog::cloud::Address>| list.iter().map(|one| one.addr.clone()).collect();
        it.addresses.iter().map(|(network, list)| (network.clone(), of(list))).collect()
    };
    /// The user's own key/value pairs.
    metadata: BTreeMap<String, String> = |it| it.metadata.clone();
    /// Tags.
    tags: Vec<String> = |it| it.tags.clone();
    /// The key pair's name.
    key_name: Option<String> = |it| it.key_name.clone();
    /// When it was made (UTC, ISO 8601).
    created: String = |it| it.created.clone();
    /// When Nova changed it last (UTC, ISO 8601).
    updated: String = |it| it.updated.clone();
    /// Whether orders of plain users are refused.
    locked: bool = |it| it.locked;
    /// Why its status is ERROR: one sentence.
    fault: Option<String> = |it| it.fault.as_ref().map(|fault| fault.message.clone());
    /// The ids of its server groups.
    server_groups: Vec<String> = |it| it.server_groups.clone();
}
