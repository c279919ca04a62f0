//! What the APIs list in addition to servers and flavors.

use std::collections::BTreeMap;

use crate::noun::{cells, line, noun};

noun! {
    /// An image of glance.
    Image of smog::cloud::Image,
    line |it| line("Image", it), str |it| it.name.clone(), cells cells;
    /// UUID.
    id: String = |it| it.id.clone();
    /// Name; not unique.
    name: String = |it| it.name.clone();
    /// "active", "queued" …
    status: String = |it| it.status.clone();
    /// "raw", "qcow2" …
    disk_format: Option<String> = |it| it.disk_format.clone();
    /// "bare", "ova" …
    container_format: Option<String> = |it| it.container_format.clone();
    /// "public", "private", "shared" or "community".
    visibility: String = |it| it.visibility.clone();
    /// Size of the file in bytes.
    size_bytes: Option<u64> = |it| it.size;
    /// The least memory a server needs, in MiB.
    min_ram_mib: u64 = |it| it.min_ram;
    /// The least root disk a server needs, in GiB.
    min_disk_gib: u64 = |it| it.min_disk;
    /// Its further properties: `hw_numa_nodes`, `os_distro` …
    properties: BTreeMap<String, String> = |it| it.properties.clone();
}

noun! {
    /// A network of neutron.
    Network of smog::cloud::Network,
    line |it| line("Network", it), str |it| it.name.clone(), cells cells;
    /// UUID.
    id: String = |it| it.id.clone();
    /// Name; not unique.
    name: String = |it| it.name.clone();
    /// "ACTIVE" …
    status: String = |it| it.status.clone();
    /// Whether other projects may use it.
    shared: bool = |it| it.shared;
    /// Whether it leads outside.
    external: bool = |it| it.external;
    /// The ids of its subnets.
    subnets: Vec<String> = |it| it.subnets.clone();
    /// The largest packet, in bytes.
    mtu: u32 = |it| it.mtu;
}

noun! {
    /// A hypervisor: a compute host as Nova knows it.
    Hypervisor of smog::cloud::Hypervisor,
    line |it| line("Hypervisor", it), str |it| it.hypervisor_hostname.clone(), cells cells;
    /// UUID; also the resource provider's UUID in placement.
    id: String = |it| it.id.clone();
    /// Its own name, often the long host name.
    hypervisor_hostname: String = |it| it.hypervisor_hostname.clone();
    /// The name servers give to their host.
    host: String = |it| it.service.host.clone();
    /// The address Nova knows.
    host_ip: Option<String> = |it| it.host_ip.clone();
    /// "up" or "down".
    state: String = |it| it.state.clone();
    /// "enabled" or "disabled".
    status: String = |it| it.status.clone();
    /// "QEMU", "KVM" …
    hypervisor_type: String = |it| it.hypervisor_type.clone();
    /// QEMU's version: "10.0.13".
    version: String = |it| it.version();
}

noun! {
    /// A compute service: nova-compute and its like on one host.
    ComputeService of smog::cloud::ComputeService,
    line |it| line("ComputeService", it), str |it| format!("{} on {}", it.binary, it.host), cells cells;
    /// UUID.
    id: String = |it| it.id.clone();
    /// "nova-compute", "nova-scheduler", "nova-conductor".
    binary: String = |it| it.binary.clone();
    /// The host it runs on.
    host: String = |it| it.host.clone();
    /// Its availability zone.
    zone: String = |it| it.zone.clone();
    /// "enabled" or "disabled": whether it takes new work.
    status: String = |it| it.status.clone();
    /// "up" or "down": whether it has reported lately.
    state: String = |it| it.state.clone();
    /// Why it is disabled.
    disabled_reason: Option<String> = |it| it.disabled_reason.clone();
}

noun! {
    /// A host aggregate.
    Aggregate of smog::cloud::Aggregate,
    line |it| line("Aggregate", it), str |it| it.name.clone(), cells cells;
    /// Its number.
    id: String = |it| it.id.clone();
    /// Name.
    name: String = |it| it.name.clone();
    /// The availability zone it makes.
    availability_zone: Option<String> = |it| it.availability_zone.clone();
    /// Its hosts.
    hosts: Vec<String> = |it| it.hosts.clone();
    /// What flavors are matched with.
    metadata: BTreeMap<String, String> = |it| it.metadata.clone();
}

noun! {
    /// A server group: who must, or must not, be together.
    ServerGroup of smog::cloud::ServerGroup,
    line |it| line("ServerGroup", it), str |it| it.name.clone(), cells cells;
    /// UUID.
    id: String = |it| it.id.clone();
    /// Name; not unique.
    name: String = |it| it.name.clone();
    /// "affinity", "anti-affinity", "soft-affinity", "soft-anti-affinity".
    policy: String = |it| it.policy.clone();
    /// The ids of its servers.
    members: Vec<String> = |it| it.members.clone();
}

noun! {
    /// A key pair: what Nova keeps of it.
    KeyPair of smog::cloud::KeyPair,
    line |it| line("KeyPair", it), str |it| it.name.clone(), cells cells;
    /// Name; unique for its user.
    name: String = |it| it.name.clone();
    /// The public key, as in `authorized_keys`.
    public_key: String = |it| it.public_key.clone();
    /// Its fingerprint.
    fingerprint: String = |it| it.fingerprint.clone();
}

noun! {
    /// A project of keystone.
    Project of smog::cloud::Project,
    line |it| line("Project", it), str |it| it.name.clone(), cells cells;
    /// Id.
    id: String = |it| it.id.clone();
    /// Name; unique in its domain.
    name: String = |it| it.name.clone();
}

noun! {
    /// A user of keystone.
    User of smog::cloud::User,
    line |it| line("User", it), str |it| it.name.clone(), cells cells;
    /// Id.
    id: String = |it| it.id.clone();
    /// Name; unique in its domain.
    name: String = |it| it.name.clone();
}
