//! Removing what a case or a run made, in the right order, and nothing of anybody else's.

use jiff::{SignedDuration, Timestamp};

use super::RunId;
use super::case_log::Made;
use super::test::{DOWN_HOST, DOWN_SERVICE, take_back};
use crate::cloud::{Aggregate, Cloud, Flavor, OWN_FLAVOR, Project, Server, Service, User, flavor_made_at};
use crate::error::{Error, Result};
use crate::near::near;
use crate::wait::Wait;

/// What is left of runs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Leftovers {
    /// Projects, with the run they belong to.
    pub projects: Vec<(RunId, Project)>,
    /// Users.
    pub users: Vec<(RunId, User)>,
    /// Servers outside of such projects: id and name.
    pub servers: Vec<(RunId, String, String)>,
    /// Flavors: id and name.
    pub flavors: Vec<(RunId, String, String)>,
    /// Aggregates: id and name.
    pub aggregates: Vec<(RunId, String, String)>,
    /// Compute services that a case forced down: id of the aggregate that records it, and host.
    pub forced_down: Vec<(RunId, String, String)>,
    /// Server groups outside of such projects: id and name.
    pub groups: Vec<(RunId, String, String)>,
    /// Images: id and name.
    pub images: Vec<(RunId, String, String)>,
    /// Volumes: id and name.
    pub volumes: Vec<(RunId, String, String)>,
    /// Snapshots of volumes: id and name.
    pub snapshots: Vec<(RunId, String, String)>,
    /// Custom traits in placement.
    pub traits: Vec<(RunId, String)>,
    /// Flavors that `smog boot` made for a server that there is not (any more): id and name.
    /// They are of no run.
    pub orphans: Vec<(String, String)>,
}

/// A flavor of a boot that may be under way still is left alone for so long.
const YOUNG: SignedDuration = SignedDuration::from_mins(10);

/// Whether a flavor was made by a boot of smog's (their names have the time) that is over, and no
/// server is of it.
fn is_orphan(flavor: &Flavor, servers: &[Server], now: Timestamp) -> bool {
    let made = || flavor_made_at(&flavor.name);
    let is_used = |server: &Server| {
        server.flavor.name == flavor.name || server.metadata.get(OWN_FLAVOR) == Some(&flavor.id)
    };
    RunId::of(&flavor.name).is_none()
        && made().is_some_and(|made| now.duration_since(made) > YOUNG)
        && !servers.iter().any(is_used)
}

/// What a sweep did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Swept {
    /// What was removed, for people.
    pub removed: Vec<String>,
    /// What could not be, and why.
    pub left: Vec<String>,
}

impl Leftovers {
    /// Everything on this cloud that a run's name is on.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn of(cloud: &Cloud) -> Result<Leftovers> {
        let (projects, users, servers) = tokio::try_join!(cloud.projects(), cloud.users(), cloud.servers())?;
        let (flavors, aggregates, images) =
            tokio::try_join!(cloud.flavors(), cloud.aggregates(), cloud.images())?;
        let (groups, traits) =
            tokio::try_join!(cloud.server_groups(), cloud.traits_that_begin("CUSTOM_SMOG_"))?;
        let (volumes, snapshots) = match cloud.has_service(Service::BlockStorage).await? {
            true => tokio::try_join!(cloud.volumes(), cloud.volume_snapshots())?,
            false => Default::default(),
        };
        let (marks, plain): (Vec<&Aggregate>, Vec<&Aggregate>) =
            aggregates.iter().partition(|it| it.metadata.contains_key(DOWN_HOST));
        let named = |id: &str, name: &str| RunId::of(name).map(|run| (run, id.to_string(), name.to_string()));
        let now = Timestamp::now();
        let orphans = flavors.iter().filter(|flavor| is_orphan(flavor, &servers, now));
        Ok(Leftovers {
            orphans: orphans.map(|flavor| (flavor.id.clone(), flavor.name.clone())).collect(),
            projects: projects
                .into_iter()
                .filter_map(|it| RunId::of(&it.name).map(|run| (run, it)))
                .collect(),
            users: users.into_iter().filter_map(|it| RunId::of(&it.name).map(|run| (run, it))).collect(),
            servers: servers.iter().filter_map(|it| named(&it.id, &it.name)).collect(),
            flavors: flavors.iter().filter_map(|it| named(&it.id, &it.name)).collect(),
            aggregates: plain.into_iter().filter_map(|it| named(&it.id, &it.name)).collect(),
            forced_down: marks
                .into_iter()
                .filter_map(|it| {
                    Some((RunId::of(&it.name)?, it.id.clone(), it.metadata.get(DOWN_HOST)?.clone()))
                })
                .collect(),
            groups: groups.iter().filter_map(|it| named(&it.id, &it.name)).collect(),
            images: images.iter().filter_map(|it| named(&it.id, &it.name)).collect(),
            volumes: volumes.iter().filter_map(|it| named(&it.id, it.label())).collect(),
            snapshots: snapshots
                .iter()
                .filter_map(|it| named(&it.id, it.name.as_deref().unwrap_or_default()))
                .collect(),
            traits: traits.into_iter().filter_map(|it| RunId::of_trait(&it).map(|run| (run, it))).collect(),
        })
    }

    /// Only those of one run.
    #[must_use]
    pub fn of_run(mut self, run: &RunId) -> Leftovers {
        self.projects.retain(|(of, _)| of == run);
        self.users.retain(|(of, _)| of == run);
        self.traits.retain(|(of, _)| of == run);
        self.orphans.clear();
        for list in [
            &mut self.servers,
            &mut self.flavors,
            &mut self.aggregates,
            &mut self.forced_down,
            &mut self.groups,
            &mut self.images,
            &mut self.volumes,
            &mut self.snapshots,
        ] {
            list.retain(|(of, _, _)| of == run);
        }
        self
    }

    /// Only those of a run that a person names: by its id, or by any name with that id in it.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a text that is not the id of a run.
    pub fn of_named_run(self, name: &str) -> Result<Leftovers> {
        let run = RunId::of(name).unwrap_or_else(|| RunId(name.to_string()));
        let known: Vec<String> = self.runs().into_iter().map(|run| run.0).collect();
        let chosen = self.of_run(&run);
        if chosen.lines().is_empty() && RunId::of(&run.prefix()).is_none() {
            let near = near(name, known.iter().map(String::as_str)).into_iter().collect();
            return Err(Error::NotFound { what: "run".into(), name: name.to_string(), near });
        }
        Ok(chosen)
    }

    /// The runs they are of.
    pub fn runs(&self) -> Vec<RunId> {
        let named = [
            &self.servers,
            &self.flavors,
            &self.aggregates,
            &self.forced_down,
            &self.groups,
            &self.images,
            &self.volumes,
            &self.snapshots,
        ];
        let mut runs: Vec<RunId> = self.projects.iter().map(|(run, _)| run.clone()).collect();
        runs.extend(self.users.iter().map(|(run, _)| run.clone()));
        runs.extend(self.traits.iter().map(|(run, _)| run.clone()));
        runs.extend(named.iter().flat_map(|list| list.iter()).map(|(run, _, _)| run.clone()));
        runs.sort_by(|one, other| one.0.cmp(&other.0));
        runs.dedup();
        runs
    }

    /// Each, for people: "server smog-1124-…-guest1".
    pub fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self
            .forced_down
            .iter()
            .map(|(_, _, host)| format!("forced down: nova-compute of {host}"))
            .collect();
        let named = [
            ("server", &self.servers),
            ("snapshot", &self.snapshots),
            ("volume", &self.volumes),
            ("server group", &self.groups),
            ("image", &self.images),
            ("aggregate", &self.aggregates),
            ("flavor", &self.flavors),
        ];
        for (what, list) in named {
            lines.extend(list.iter().map(|(_, _, name)| format!("{what} {name}")));
        }
        lines.extend(
            self.orphans.iter().map(|(_, name)| format!("flavor {name} of a boot, without a server")),
        );
        lines.extend(self.traits.iter().map(|(_, name)| format!("trait {name}")));
        lines.extend(self.users.iter().map(|(_, user)| format!("user {}", user.name)));
        lines.extend(self.projects.iter().map(|(_, project)| format!("project {}", project.name)));
        lines
    }

    /// Remove it all: servers first, then what they used, projects and users last.
    pub async fn remove(&self, cloud: &Cloud, wait: Wait<'_>) -> Swept {
        let mut swept = Swept::default();
        // First, so that the host itself hears of the end of its servers.
        for (_, id, host) in &self.forced_down {
            swept.note(&format!("forced down: nova-compute of {host}"), remove_aggregate(cloud, id).await);
        }
        for (_, id, name) in &self.servers {
            let ended = async {
                cloud.end_migrations(id, wait).await?;
                gone_is_fine(cloud.delete_server(id).await)?;
                cloud.wait_until_gone(id, wait).await
            };
            swept.note(&format!("server {name}"), ended.await);
        }
        for (_, id, name) in &self.snapshots {
            swept.note(&format!("snapshot {name}"), cloud.delete_volume_snapshot(id, wait).await);
        }
        for (_, id, name) in &self.volumes {
            swept.note(&format!("volume {name}"), cloud.delete_volume(id, wait).await);
        }
        for (_, id, name) in &self.groups {
            swept.note(&format!("server group {name}"), gone_is_fine(cloud.delete_server_group(id).await));
        }
        for (_, id, name) in &self.images {
            swept.note(&format!("image {name}"), gone_is_fine(cloud.delete_image(id).await));
        }
        for (_, id, name) in &self.aggregates {
            swept.note(&format!("aggregate {name}"), remove_aggregate(cloud, id).await);
        }
        for (_, id, name) in &self.flavors {
            swept.note(&format!("flavor {name}"), gone_is_fine(cloud.delete_flavor(id).await));
        }
        for (id, name) in &self.orphans {
            swept.note(&format!("flavor {name}"), gone_is_fine(cloud.delete_flavor(id).await));
        }
        for (_, name) in &self.traits {
            swept.note(&format!("trait {name}"), cloud.remove_trait(name).await);
        }
        for (_, project) in &self.projects {
            let user = self.users.iter().find(|(_, user)| user.name == project.name).map(|(_, user)| user);
            let ended = cloud.remove_project_with_contents(project, user, wait).await;
            swept.note(&format!("project {}", project.name), ended);
        }
        for (_, user) in &self.users {
            if !self.projects.iter().any(|(_, project)| project.name == user.name) {
                swept.note(&format!("user {}", user.name), gone_is_fine(cloud.delete_user(&user.id).await));
            }
        }
        swept
    }
}

impl Swept {
    fn note(&mut self, what: &str, ended: Result<()>) {
        match ended {
            Ok(()) => self.removed.push(what.to_string()),
            Err(why) => self.left.push(format!("{what}: {why}")),
        }
    }
}

/// Remove what a case made; what cannot be removed, for people.
pub(super) async fn remove_made(cloud: &Cloud, made: &Made, wait: Wait<'_>) -> Vec<String> {
    let mut swept = Swept::default();
    if !made.undo.is_empty() {
        swept.note("changes of hosts", take_back(cloud, made.undo.clone(), wait).await);
    }
    // All orders first, then all waits: hosts work on them at once.
    let mut ordered = Vec::new();
    for (id, name) in &made.servers {
        ordered.push((id, name, gone_is_fine(cloud.delete_server(id).await)));
    }
    for (id, name, order) in ordered {
        let gone = match order {
            Ok(()) => cloud.wait_until_gone(id, wait).await,
            failed => failed,
        };
        swept.note(&format!("server {name}"), gone);
    }
    for id in &made.snapshots {
        swept.note(&format!("snapshot {id}"), cloud.delete_volume_snapshot(id, wait).await);
    }
    for id in &made.volumes {
        swept.note(&format!("volume {id}"), cloud.delete_volume(id, wait).await);
    }
    for id in &made.groups {
        swept.note(&format!("server group {id}"), gone_is_fine(cloud.delete_server_group(id).await));
    }
    for id in &made.images {
        swept.note(&format!("image {id}"), gone_is_fine(cloud.delete_image(id).await));
    }
    for id in &made.aggregates {
        swept.note(&format!("aggregate {id}"), remove_aggregate(cloud, id).await);
    }
    for id in &made.flavors {
        swept.note(&format!("flavor {id}"), gone_is_fine(cloud.delete_flavor(id).await));
    }
    for name in &made.traits {
        swept.note(&format!("trait {name}"), cloud.remove_trait(name).await);
    }
    swept.left
}

async fn remove_aggregate(cloud: &Cloud, id: &str) -> Result<()> {
    let Some(aggregate) = cloud.aggregates().await?.into_iter().find(|aggregate| aggregate.id == id) else {
        return Ok(());
    };
    if let Some(service) = aggregate.metadata.get(DOWN_SERVICE) {
        gone_is_fine(cloud.force_down(service, false).await.map(drop))?;
    }
    for host in &aggregate.hosts {
        gone_is_fine(cloud.remove_aggregate_host(id, host).await.map(drop))?;
    }
    gone_is_fine(cloud.delete_aggregate(id).await)
}

fn gone_is_fine(ended: Result<()>) -> Result<()> {
    match ended {
        Err(Error::NotFound { .. } | Error::Api { status: 404, .. }) => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flavor_of_a_boot_that_left_no_server_is_an_orphan() {
        let now = Timestamp::from_second(1_795_000_000).expect("a time");
        let named = |before_s: i64, end: &str| -> Flavor {
            let made = (now.as_second() - before_s) * 1000;
            let name = format!("smog-{made:x}{end}");
            let flavor = serde_json::json!({"id": "f", "name": name, "vcpus": 1, "ram": 1, "disk": 0});
            serde_json::from_value(flavor).expect("a flavor")
        };
        let server = |name: &str, metadata: &str| -> Server {
            let recorded = include_str!("../../tests/data/api/server-pinned-epoxy.json");
            let mut server: serde_json::Value = serde_json::from_str(recorded).expect("json");
            server["flavor"]["original_name"] = name.into();
            server["metadata"] = serde_json::json!({OWN_FLAVOR: metadata});
            serde_json::from_value(server).expect("a server")
        };
        let old = named(3600, "-1f4");
        assert!(is_orphan(&old, &[server("m1", "other")], now));
        assert!(!is_orphan(&old, &[server(&old.name, "other")], now), "a server is of it");
        assert!(!is_orphan(&old, &[server("m1", "f")], now), "a server's metadata names it");
        assert!(!is_orphan(&named(60, "-1f4"), &[], now), "its boot may be under way");
        for other in [named(3600, ""), named(3600, "-1f4-x"), named(3600, "-mine")] {
            assert!(!is_orphan(&other, &[], now), "{}", other.name);
        }
        for name in ["smog-mine-1", "smog-1124-141502-3fa9-07-a", "m1.small", "smog-zz-1"] {
            assert!(!is_orphan(&Flavor { name: name.into(), ..old.clone() }, &[], now), "{name}");
        }
    }
}
