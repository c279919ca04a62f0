//! What Nova's messages say of where a request is. A message begins a phase; the phase's name
//! says what happens then, and `waits` what a silence in it is likely to wait for.
//!
//! The messages are those of Nova (Zed to Epoxy), at INFO and at DEBUG; at INFO the phases are
//! fewer and longer. What is not in the table and is logged at INFO or above by Nova begins a
//! phase of its own name.

use super::mark::{Mark, cut, without_place};
use crate::watch::Level;

/// A message that begins a phase.
struct Step {
    /// What the message begins with.
    begins: &'static str,
    /// And what else is in it.
    holds: &'static str,
    /// What happens then.
    name: &'static str,
    /// What a silence waits for.
    waits: &'static str,
}

const fn step(begins: &'static str, name: &'static str, waits: &'static str) -> Step {
    Step { begins, holds: "", name, waits }
}

const fn took(holds: &'static str, name: &'static str, waits: &'static str) -> Step {
    Step { begins: "Took ", holds, name, waits }
}

const STEPS: &[Step] = &[
    // Scheduler and conductor.
    step("Starting to schedule for instances", "scheduling", "placement"),
    step("Starting with ", "filtering hosts", "the scheduler's filters"),
    step("Attempting to claim resources in the placement API", "claiming in placement", "placement"),
    step("Filtering removed all hosts", "no host is left", ""),
    step("Failed to schedule instances", "putting the server into ERROR", "the database"),
    step("Setting instance to ERROR state", "the server is in ERROR", ""),
    // A build.
    step("Starting instance...", "build: preparing", "the database"),
    step("Attempting claim", "build: claiming on the host", "lock `compute_resources`"),
    step(
        "Claim successful on node",
        "build: claimed; networks and block devices",
        "neutron (ports) and block devices",
    ),
    step("Start building networks asynchronously", "build: asking for networks", "neutron (ports)"),
    step(
        "Start building block device mappings",
        "build: block devices and networks",
        "neutron (ports) and block devices",
    ),
    step("Start spawning the instance on the hypervisor", "spawn: begins", ""),
    step("Creating image(s)", "spawn: disks", "the image (download, qemu-img) and the privsep helper"),
    step("Start _get_guest_xml", "spawn: domain XML", "os-vif and the hypervisor's answers"),
    step("End _get_guest_xml", "spawn: plugging VIFs", "os-vif, Open vSwitch and its privsep helper"),
    step("Plugging vif", "spawn: plugging VIFs", "os-vif, Open vSwitch and its privsep helper"),
    Step {
        begins: "Running privsep helper",
        holds: "vif_plug",
        name: "spawn: plugging VIFs",
        waits: "os-vif, Open vSwitch and its privsep helper",
    },
    step("Successfully plugged vif", "spawn: defining and starting the domain", "libvirt"),
    step("starting up libvirt version", "QEMU start", "QEMU start, then the plug event"),
    step("Guest created on hypervisor", "spawn: the guest runs; saving", "libvirt"),
    step("Instance spawned successfully", "spawn: the guest runs; saving", "the database"),
    took("to spawn the instance", "build: saving", "the database"),
    took("to build instance", "build: done", ""),
    step("Instance failed to spawn", "build: cleaning up after the failure", "libvirt and neutron"),
    step("Failed to build and run instance", "build: failed", "neutron and the conductor"),
    // A live migration.
    step("Creating tmpfile", "live migration: check on the destination", "RPC to the source"),
    step("Check if temp file", "live migration: check on the source", "RPC"),
    step(
        "pre_live_migration data is",
        "live migration: disks and ports on the destination",
        "neutron, qemu-img, os-vif",
    ),
    took("pre_live_migration on destination", "live migration: starting the copy", "libvirt"),
    step(
        "Starting monitoring of live migration",
        "live migration: starting the copy",
        "libvirt and the destination's QEMU",
    ),
    step("Increasing downtime to", "live migration: copying memory", "the copy of the guest's memory"),
    step("Migration running for", "live migration: copying memory", "the copy of the guest's memory"),
    step(
        "Migration operation has completed",
        "live migration: after the copy, on the source",
        "neutron (port bindings)",
    ),
    step(
        "_post_live_migration() is started",
        "live migration: after the copy, on the source",
        "neutron (port bindings)",
    ),
    step(
        "Post operation of migration started",
        "live migration: taking over on the destination",
        "neutron and libvirt",
    ),
    Step {
        begins: "Migrating instance to",
        holds: "finished successfully",
        name: "live migration: done",
        waits: "",
    },
    // A resize, a cold migration.
    step("Host filter ignoring hosts", "scheduling: filters", "the scheduler's filters"),
    step(
        "Updating resource usage from migration",
        "resize: claimed on the destination",
        "lock `compute_resources`",
    ),
    step(
        "Migrating",
        "resize: stopping the guest, moving its disk",
        "the guest's shutdown and the copy of its disk",
    ),
    step("Updating port ", "neutron: binding ports to the host", "neutron (port bindings)"),
    // Power, deletion.
    step("Rebooting instance", "reboot: stopping the guest", "the guest to stop"),
    step("Instance destroyed successfully", "the domain is destroyed", "os-vif, disks, libvirt"),
    step("Instance shutdown successfully", "the guest is shut down", "libvirt"),
    step("Instance rebooted successfully", "reboot: saving", "the database"),
    step("Terminating instance", "delete: destroying the domain", "libvirt"),
    step("Deleting instance files", "delete: files", "the disk"),
    took("to destroy the instance", "delete: ports", "neutron"),
    took("to deallocate network", "delete: allocations", "placement"),
    step("Deleted allocations for instance", "delete: done", ""),
    // Snapshots, shelving.
    step("Beginning live snapshot process", "snapshot: copying the disk", "qemu-img"),
    step("Beginning cold snapshot process", "snapshot: copying the disk", "qemu-img"),
    step("Snapshot extracted, beginning image upload", "snapshot: uploading to glance", "glance"),
    step("Snapshot image upload complete", "snapshot: uploaded", ""),
];

/// What a mark of a phase says.
pub(super) struct Begins {
    pub name: String,
    pub waits: &'static str,
}

/// The phase that a record begins; none where it is one among others.
pub(super) fn begins(mark: &Mark) -> Option<Begins> {
    let message = mark.message.as_str();
    let known = STEPS.iter().find(|step| message.starts_with(step.begins) && message.contains(step.holds));
    if let Some(step) = known {
        return Some(Begins { name: step.name.into(), waits: step.waits });
    }
    let is_said = mark.own && mark.level >= Some(Level::Info) && mark.logger.starts_with("nova.");
    // These say nothing of where a request is.
    let says_nothing = message.starts_with("Deletion of ")
        || message.starts_with("Ignoring supplied device name")
        || message.starts_with("Filter ")
        || message.starts_with("Received unexpected event")
        || mark.logger == "nova.scheduler.utils";
    if !is_said || says_nothing {
        return None;
    }
    let words = cut(without_place(message).lines().next().unwrap_or_default(), 60);
    Some(Begins { name: format!("“{}”", words.trim_end_matches(['.', ' '])), waits: "" })
}

/// Whether a record about the guest that bears no id of the request shows where it is.
pub(super) fn tells_of_guest(mark: &Mark) -> bool {
    const ASIDE: &[&str] = &[
        "starting up libvirt version",
        "Instance spawned successfully",
        "Instance destroyed successfully",
        "Instance shutdown successfully",
        "Instance rebooted successfully",
        "Creating event network-",
        "VM Started",
        "VM Paused",
        "VM Resumed",
        "VM Stopped",
        "Took ",
        "Received event network-",
    ];
    ASIDE.iter().any(|begin| mark.message.starts_with(begin))
}

/// Whether it is an event that is reported to Nova: "Creating event network-vif-plugged:…".
pub(super) fn external_event(mark: &Mark) -> Option<&str> {
    let event = mark.message.strip_prefix("Creating event ")?;
    event.split([':', ' ']).next()
}
