//! Rules about configuration files.

use super::{Judge, Proof, Rule};
use crate::findings::{CloudSnapshot, Finding, GuestSnapshot, Layer, Severity, Subject};

fn clock(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds)
        .map_or_else(|_| seconds.to_string(), |at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

fn not_what_runs(cloud: &CloudSnapshot, _: &[GuestSnapshot]) -> Vec<Finding> {
    let mut found = Vec::new();
    for host in cloud.hosts.values() {
        for service in host.machine.iter().flat_map(|machine| &machine.services) {
            // Started by the second: a file that was written just before may have the same one.
            let newer: Vec<&(String, i64)> =
                service.files.iter().filter(|(_, at)| *at > service.started + 1).collect();
            let (Some(first), Some(unit)) =
                (newer.first(), service.unit.strip_suffix(".service").or(Some(&service.unit)))
            else {
                continue;
            };
            let names: Vec<&str> = newer.iter().map(|(name, _)| name.as_str()).collect();
            found.push(
                Finding::about(
                    Subject::new(
                        "service",
                        format!("{unit} on {}", host.name),
                        format!("{}:{unit}", host.name),
                    ),
                    format!(
                        "{} changed after it was started: what runs may not be what is written",
                        names.join(", ")
                    ),
                )
                .on(&host.name)
                .saw(Layer::Files, format!("{} changed at {}", first.0, clock(first.1)), first.0.clone())
                .saw(
                    Layer::Kernel,
                    format!("{unit} started at {}", clock(service.started)),
                    format!("systemctl show {}", service.unit),
                )
                .advice("restart the service, or restore the file")
                .command(format!(
                    "{}# stat -c '%y %n' {}; systemctl show -p ExecMainStartTimestamp {}",
                    host.name,
                    names.join(" "),
                    service.unit
                )),
            );
        }
    }
    found
}

fn sets(cloud: &CloudSnapshot, _: &[GuestSnapshot]) -> Vec<Finding> {
    let mut found = Vec::new();
    for host in cloud.hosts.values() {
        let Some((machine, sets)) =
            host.machine.as_ref().and_then(|machine| Some((machine, machine.sets.as_ref()?)))
        else {
            continue;
        };
        let (dedicated, shared) =
            (sets.dedicated.clone().unwrap_or_default(), sets.shared.clone().unwrap_or_default());
        let mut wrong = Vec::new();
        let both = dedicated.intersection(&shared);
        if !both.is_empty() {
            wrong.push((
                "overlap",
                Severity::Error,
                format!(
                    "CPU {both} is in cpu_shared_set and in cpu_dedicated_set: nova-compute does not start"
                ),
            ));
        }
        let known = !machine.cpus.online.is_empty() && machine.cpus.simulated_nodes == 0;
        let missing = dedicated.union(&shared).difference(&machine.cpus.online).difference(&machine.offline);
        if known && !missing.is_empty() {
            wrong.push(("missing", Severity::Error, format!("CPU {missing} of its sets does not exist")));
        }
        if known && !dedicated.is_empty() && machine.cpus.online.difference(&dedicated).is_empty() {
            wrong.push((
                "none left",
                Severity::Warning,
                "every CPU is dedicated to guests: none is left for the host itself".to_string(),
            ));
        }
        for (part, severity, sentence) in wrong {
            found.push(
                Finding::about(Subject::named("host", &host.name), sentence)
                    .part(part)
                    .on(&host.name)
                    .at_most(severity)
                    .saw(
                        Layer::Files,
                        format!("cpu_dedicated_set = {dedicated}, cpu_shared_set = {shared}"),
                        "nova.conf, [compute]",
                    )
                    .saw(
                        Layer::Kernel,
                        format!("online: {}", machine.cpus.online),
                        "/sys/devices/system/cpu/online",
                    )
                    .advice("change the sets, and restart nova-compute")
                    .command(format!(
                        "{}# grep -n cpu_ /etc/nova/nova.conf; cat /sys/devices/system/cpu/online",
                        host.name
                    )),
            );
        }
    }
    found
}

fn service_token(cloud: &CloudSnapshot, _: &[GuestSnapshot]) -> Vec<Finding> {
    let is_on = |text: &str| matches!(text.to_ascii_lowercase().as_str(), "true" | "1" | "yes" | "on");
    let mut found = Vec::new();
    for host in cloud.hosts.values() {
        let Some(conf) = host.machine.as_ref().and_then(|machine| machine.conf.as_ref()) else { continue };
        let value = conf.get("service_user", "send_service_user_token");
        if value.is_some_and(is_on) {
            continue;
        }
        found.push(
            Finding::about(Subject::named("host", &host.name), "nova-compute sends no service token: a user of a guest may reach the volume of another (CVE-2023-2088)")
                .on(&host.name)
                .saw(Layer::Files, format!("send_service_user_token = {}", value.unwrap_or("(not set)")), "nova.conf, [service_user]")
                .advice("set [service_user] as Nova's guide \"Using service user tokens\" says, on all of Nova's services")
                .command(format!("{}# grep -n -A9 '^.service_user' /etc/nova/nova.conf", host.name)),
        );
    }
    found
}

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "not-what-runs",
        severity: Severity::Warning,
        about: "A configuration file is newer than the start of the service that reads it",
        source: "nobody else checks it",
        proof: Proof::Lab,
        layers: &[Layer::Kernel, Layer::Files],
        judge: Judge::Cloud(not_what_runs),
    },
    Rule {
        name: "cpu-sets",
        severity: Severity::Error,
        about: "cpu_shared_set and cpu_dedicated_set overlap, name CPUs that are not there, or leave none to the host",
        source: "hotsos cpu_pinning",
        proof: Proof::Lab,
        layers: &[Layer::Kernel, Layer::Files],
        judge: Judge::Cloud(sets),
    },
    Rule {
        name: "service-token",
        severity: Severity::Warning,
        about: "nova-compute sends no service token (CVE-2023-2088)",
        source: "LP 2004555",
        proof: Proof::Lab,
        layers: &[Layer::Files],
        judge: Judge::Cloud(service_token),
    },
];
