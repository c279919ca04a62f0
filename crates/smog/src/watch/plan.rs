//! Which hosts and which of their logs are read, for every face alike.

use jiff::Timestamp;

use super::merge::Watch;
use super::sources::{From, Sources};
use crate::cloud::{Cloud, NO_HYPERVISOR};
use crate::config::WatchSection;
use crate::error::{Error, Result};
use crate::host::Host;

/// What is to be read, as it was asked for.
#[derive(Debug, Clone, Default)]
pub struct LogsWanted {
    /// These hosts; empty: all that the cloud and smog.yml know.
    pub hosts: Vec<String>,
    /// Of all hosts, not these: `watch: leave_out:` of smog.yml.
    pub leave_out: Vec<String>,
    /// With all hosts: those of Nova's other services (conductor, scheduler …) as well, not
    /// only those of nova-compute and of smog.yml.
    pub all_services: bool,
    /// These files (paths or globs) instead of the usual places.
    pub files: Vec<String>,
    /// The journal of these units as well.
    pub units: Vec<String>,
    /// The output of this command instead of logs.
    pub command: Option<String>,
    /// More places than the usual ones: `watch: logs:` of smog.yml.
    pub more: Vec<String>,
    /// Where to begin.
    pub from: From,
    /// Not after this time.
    pub until: Option<Timestamp>,
    /// Go on at the end.
    pub follow: bool,
}

/// What is read on which host, and what cannot be.
#[derive(Debug, Default)]
pub struct Plan {
    /// The hosts with what is read there.
    pub hosts: Vec<(Host, Sources)>,
    /// Hosts that are wanted and that there is no way to, with the reason.
    pub left_out: Vec<(String, String)>,
}

impl LogsWanted {
    /// What `watch:` of smog.yml says of all of them.
    pub fn of_section(section: &WatchSection) -> LogsWanted {
        LogsWanted {
            leave_out: section.leave_out.clone(),
            more: section.logs.clone(),
            ..LogsWanted::default()
        }
    }

    /// Look which hosts there are, and what is logged on each. A host that cannot be asked
    /// stops none of the others: it is named in the plan, and the watch counts it as unread.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a host that was named, and when there is no host at all.
    pub async fn plan(&self, cloud: &Cloud) -> Result<Plan> {
        let (mut hosts, mut left_out): (Vec<Host>, Vec<(String, String)>) = Default::default();
        if self.hosts.is_empty() {
            let found = cloud.hosts_with_logs(self.all_services).await;
            left_out.extend(found.unknown);
            for name in found.names.into_iter().filter(|name| !self.leave_out.contains(name)) {
                match cloud.host(&name).await {
                    Ok(host) => push(&mut hosts, host),
                    Err(Error::NotFound { .. } | Error::Invalid { .. }) => left_out.push((name, no_way())),
                    Err(why) => left_out.push((name, why.to_string())),
                }
            }
        } else {
            for name in &self.hosts {
                push(&mut hosts, cloud.host(name).await?);
            }
        }
        if hosts.is_empty() && left_out.is_empty() {
            return Err(Error::NotFound { what: "host".into(), name: "any".into(), near: vec![] });
        }
        let mut plan = self.plan_of(hosts).await;
        plan.left_out.extend(left_out);
        Ok(plan)
    }

    /// The same for these hosts.
    pub async fn plan_of(&self, hosts: Vec<Host>) -> Plan {
        let looks = hosts.into_iter().map(|host| async {
            let sources = match (&self.command, self.files.is_empty()) {
                (Some(command), _) => Ok(Sources::command(command)),
                (None, false) => Ok(Sources::files(self.files.iter().cloned())),
                (None, true) => Sources::detect(&host).await,
            };
            (host, sources)
        });
        let mut plan = Plan::default();
        for (host, sources) in futures_util::future::join_all(looks).await {
            match sources {
                Ok(sources) => plan.hosts.push((host, self.completed(sources))),
                // It may come back: its usual places are followed then.
                Err(why) if why.is_temporary() && self.follow => {
                    plan.hosts.push((host, self.completed(Sources::usual())));
                }
                Err(why) => plan.left_out.push((host.name().to_string(), why.to_string())),
            }
        }
        plan
    }

    fn completed(&self, mut sources: Sources) -> Sources {
        if self.files.is_empty() && self.command.is_none() {
            sources.places.extend(self.more.iter().cloned());
        }
        sources.units.extend(self.units.iter().cloned());
        sources.from = self.from;
        sources.until = self.until;
        sources.follow = self.follow;
        sources.on_each_host = !self.hosts.is_empty();
        sources
    }
}

/// Why a compute service's host is not read.
fn no_way() -> String {
    format!("{NO_HYPERVISOR}; `watch: leave_out:` there leaves it out")
}

fn push(hosts: &mut Vec<Host>, host: Host) {
    if !hosts.iter().any(|known| known.name() == host.name()) {
        hosts.push(host);
    }
}

impl Plan {
    /// Begin. Must be called inside a tokio runtime.
    pub fn watch(self) -> Watch {
        let mut watch = Watch::start(self.hosts);
        self.left_out.iter().for_each(|(host, why)| watch.leave_out(host, why));
        watch
    }
}
