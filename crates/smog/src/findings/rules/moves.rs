//! Rules about what Nova began and nobody ends.

use super::providers::seconds_since;
use super::threads::guest as subject;
use super::{Judge, Proof, Rule, by_id};
use crate::cloud::Migration;
use crate::findings::{CloudSnapshot, Finding, GuestSnapshot, Layer, Severity, Subject};

/// "12 min", "3 h", "45 s"
fn age(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3600),
    }
}

/// How long ago Nova changed it last.
fn since_change(migration: &Migration, now: jiff::Timestamp) -> Option<i64> {
    seconds_since(migration.updated_at.as_deref().unwrap_or(&migration.created_at), now)
}

fn stuck_task(guest: &GuestSnapshot, cloud: &CloudSnapshot) -> Vec<Finding> {
    let limit = cloud.stuck_after.as_secs() as i64;
    let Some(task) = &guest.server.task_state else { return Vec::new() };
    let Some(seconds) = seconds_since(&guest.server.updated, cloud.at).filter(|seconds| *seconds > limit)
    else {
        return Vec::new();
    };
    // A long migration is no stuck task: its record moves on.
    if guest.open_migrations.iter().any(|one| since_change(one, cloud.at).is_some_and(|age| age <= limit)) {
        return Vec::new();
    }
    let host = guest.server.host.clone().unwrap_or_default();
    let service =
        cloud.services.iter().flatten().find(|one| one.binary == "nova-compute" && one.host == host);
    let mut found = Finding::about(
        subject(guest),
        format!("its task state is {task} since {}, and nothing moves on", age(seconds)),
    )
    .on(&host)
    .saw(
        Layer::Nova,
        format!("{} ({task}), changed at {}", guest.server.status, guest.server.updated),
        format!("GET /servers/{}", guest.server.id),
    );
    if let Some(service) = service {
        found = found.saw(
            Layer::Nova,
            format!("nova-compute on {host} is {}", service.state),
            "GET /os-services",
        );
    }
    vec![
        found
            .advice("look at its newest action and the log of its request; once nova-compute is up again and does nothing, reset its state to what libvirt shows")
            .command(format!("openstack server event list {}", guest.server.id)),
    ]
}

fn stuck_migration(cloud: &CloudSnapshot, guests: &[GuestSnapshot]) -> Vec<Finding> {
    let limit = cloud.stuck_after.as_secs() as i64;
    let by_id = by_id(guests);
    let mut found = Vec::new();
    for one in cloud.migrations.iter().flatten() {
        let guest = by_id.get(one.server_id.as_str());
        let name = guest.map_or(one.server_id.clone(), |guest| guest.server.name.clone());
        let what = one.migration_type.as_deref().unwrap_or("move");
        let (from, to) =
            (one.source_compute.as_deref().unwrap_or("?"), one.dest_compute.as_deref().unwrap_or("?"));
        let subject = Subject::new("migration", format!("{} of {name}", one.id), one.id.to_string());
        let is_evacuation = one.migration_type.as_deref() == Some("evacuation") && one.status == "done";
        if is_evacuation {
            let source = cloud
                .services
                .iter()
                .flatten()
                .find(|service| service.binary == "nova-compute" && service.host == from);
            let age = since_change(one, cloud.at).unwrap_or(0);
            if source.is_some_and(|source| source.state == "up" && !source.forced_down) && age > limit {
                found.push(
                    Finding::about(subject, format!("the evacuation from {from} to {to} is done, and {from} is up without having cleaned up after it"))
                        .on(from)
                        .at_most(Severity::Warning)
                        .saw(Layer::Nova, format!("status done; nova-compute on {from} is up"), "GET /os-migrations")
                        .advice("nova-compute cleans up when it starts: restart it there, and look whether the guest's domain is gone")
                        .command(format!("{from}# virsh list --all")),
                );
            }
            continue;
        }
        let waits =
            one.status == "finished" && guest.is_some_and(|guest| guest.server.status == "VERIFY_RESIZE");
        if one.has_ended() || waits {
            continue;
        }
        let Some(seconds) = since_change(one, cloud.at).filter(|seconds| *seconds > limit) else { continue };
        let are_hosts_known = [from, to].iter().any(|host| cloud.hosts.contains_key(*host));
        let has_job = cloud.jobs.contains(&one.server_id);
        let libvirt = match (has_job, are_hosts_known) {
            (true, _) => "libvirt still has a job of it",
            (false, true) => "libvirt has no job of it",
            (false, false) => "unknown",
        };
        let gone = if cloud.is_whole && guest.is_none() { "; its server is gone" } else { "" };
        let finding = Finding::about(
            subject,
            format!(
                "the {what} from {from} to {to} is {} since {}; {libvirt}{gone}",
                one.status,
                age(seconds)
            ),
        )
        .on(from)
        .saw(
            Layer::Nova,
            format!("{}, changed at {}", one.status, one.updated_at.as_deref().unwrap_or(&one.created_at)),
            "GET /os-migrations",
        )
        .saw(Layer::Libvirt, libvirt, "virsh domjobinfo")
        .command(format!("{from}# virsh domjobinfo {}", one.server_id));
        found.push(match has_job {
            true => finding.at_most(Severity::Warning).advice("Nova no longer watches it, but libvirt continues: wait until it ends, or abort it with virsh domjobabort"),
            false => finding.advice("Nova's service died under way: it sets such records to error when it starts; until then no other move of the guest can begin"),
        });
    }
    found
}

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "stuck-task",
        severity: Severity::Error,
        about: "A task state that has not changed for long, without a migration in progress",
        source: "LP 1833581, LP 1856925; sapcc/helm-charts#1780",
        proof: Proof::Lab,
        layers: &[Layer::Nova],
        judge: Judge::AnyGuest(stuck_task),
    },
    Rule {
        name: "stuck-migration",
        severity: Severity::Error,
        about: "A migration record that is open and moves no more, or an evacuation that its source did not clean up after",
        source: "LP 1713783, LP 1922053, LP 2143972",
        proof: Proof::Lab,
        layers: &[Layer::Nova, Layer::Libvirt],
        judge: Judge::Cloud(stuck_migration),
    },
];
