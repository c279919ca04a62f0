//! The hosts of a cloud: from smog.yml, else from Nova's hypervisors.

use super::{Cloud, Hypervisor};
use crate::config::HostEntry;
use crate::error::{Error, Result};
use crate::host::{Host, SshOptions};
use crate::near::near_or_all;

/// Why a host is not reached on which Nova has a service.
pub(crate) const NO_HYPERVISOR: &str = "Nova has a service there, and no hypervisor of it (it was renamed or removed, or is not \
     discovered yet), and smog.yml does not list it";

impl Cloud {
    /// The host of this name, connected when first used.
    ///
    /// A host listed in smog.yml is reached as it says there; any other compute host
    /// by the address Nova knows, as the user's own SSH configuration says.
    ///
    /// # Errors
    /// [`Error::NotFound`] with near names.
    pub async fn host(&self, name: &str) -> Result<Host> {
        let known = self.0.hosts.lock().ok().and_then(|hosts| hosts.get(name).cloned());
        if let Some(host) = known {
            return Ok(self.of_tapes(host));
        }
        let host = match self.listed(name) {
            Some(entry) => {
                let called = entry.name.as_deref().unwrap_or(name);
                self.open(called, &entry.host, entry.user.as_deref()).of_entry(entry)
            }
            None => self.host_from_nova(name).await?,
        };
        if let Ok(mut hosts) = self.0.hosts.lock() {
            // Two lookups at once must end with one connection.
            return Ok(self.of_tapes(hosts.entry(name.to_string()).or_insert(host).clone()));
        }
        Ok(self.of_tapes(host))
    }

    /// Close every SSH connection of this cloud.
    pub async fn close(&self) {
        let hosts: Vec<Host> = match self.0.hosts.lock() {
            Ok(mut hosts) => hosts.drain().map(|(_, host)| host).collect(),
            Err(_) => vec![],
        };
        for host in hosts {
            host.close().await;
        }
    }

    pub(super) fn listed(&self, name: &str) -> Option<&HostEntry> {
        let entries = &self.0.listed_hosts;
        let by = |matches: &dyn Fn(&HostEntry) -> bool| entries.iter().find(|entry| matches(entry));
        by(&|entry| entry.name.as_deref() == Some(name))
            .or_else(|| by(&|entry| entry.host == name || entry.role == name))
            .or_else(|| by(&|entry| entry.name.as_deref().is_some_and(|listed| same_machine(listed, name))))
    }

    async fn host_from_nova(&self, name: &str) -> Result<Host> {
        let hypervisors = match self.hypervisors_without_uptime().await {
            Ok(found) => found,
            Err(Error::Api { status: 403, .. }) => vec![],
            Err(other) => return Err(other),
        };
        let found = hypervisors.iter().find(|hypervisor| is_called(hypervisor, name));
        match found {
            Some(hypervisor) => {
                let address = hypervisor.host_ip.as_deref().unwrap_or(&hypervisor.hypervisor_hostname);
                Ok(self.open(&hypervisor.service.host, address, None))
            }
            None if self.is_of_a_service(name).await => Err(Error::Invalid {
                what: format!("host `{name}`"),
                why: NO_HYPERVISOR.into(),
                hint: Some(
                    "`hosts:` in smog.yml gives it an address; `watch: leave_out:` there leaves its logs out"
                        .into(),
                ),
            }),
            None => Err(Error::NotFound {
                what: "host".into(),
                name: name.into(),
                near: self.near_hosts(name, &hypervisors),
            }),
        }
    }

    /// Whether a service of Nova was ever on a host.
    async fn is_of_a_service(&self, name: &str) -> bool {
        let services = self.compute_services().await.unwrap_or_default();
        services.iter().any(|service| service.host == name)
    }

    /// The name Nova knows a compute host by: a host that is listed by its short name may have a long
    /// one in Nova, and the other way round.
    ///
    /// # Errors
    /// [`Error::NotFound`] with near names.
    pub(crate) async fn compute_host_called(&self, name: &str) -> Result<String> {
        let hypervisors = self.hypervisors_without_uptime().await?;
        let is_exact = |one: &&Hypervisor| one.service.host == name || one.hypervisor_hostname == name;
        let found = hypervisors.iter().find(is_exact);
        let found = found.or_else(|| hypervisors.iter().find(|one| is_called(one, name)));
        if let Some(found) = found {
            return Ok(found.service.host.clone());
        }
        let names = hypervisors.iter().map(|hypervisor| hypervisor.service.host.as_str());
        let near = near_or_all(name, names);
        Err(Error::NotFound { what: "compute host".into(), name: name.into(), near })
    }

    pub(super) fn near_hosts(&self, name: &str, hypervisors: &[Hypervisor]) -> Vec<String> {
        let listed = self.0.listed_hosts.iter().filter_map(|entry| entry.name.as_deref());
        near_or_all(name, listed.chain(hypervisors.iter().map(|one| one.service.host.as_str())))
    }

    pub(super) fn open(&self, name: &str, address: &str, user: Option<&str>) -> Host {
        if let Some(host) = self.host_on_tape(name) {
            return host;
        }
        let mut options = SshOptions::of_section(&self.0.ssh, address, user);
        if let Some(dir) = &self.0.options.control_dir {
            options.control_dir.clone_from(dir);
        }
        Host::ssh(name, options)
    }
}

pub(super) fn is_called(hypervisor: &Hypervisor, name: &str) -> bool {
    hypervisor.service.host == name
        || hypervisor.hypervisor_hostname == name
        || hypervisor.host_ip.as_deref() == Some(name)
        || same_machine(&hypervisor.hypervisor_hostname, name)
}

/// `cmp1` and `cmp1.example.com` are one machine; two long names must be equal.
fn same_machine(one: &str, other: &str) -> bool {
    let short = |name: &str| name.split('.').next().unwrap_or(name).to_string();
    one == other || ((!one.contains('.') || !other.contains('.')) && short(one) == short(other))
}

#[cfg(test)]
mod tests {
    use super::same_machine;

    #[test]
    fn short_and_long_names() {
        assert!(same_machine("cmp1", "cmp1.example.com"));
        assert!(same_machine("cmp1.example.com", "cmp1"));
        assert!(!same_machine("cmp1.a", "cmp1.b"));
        assert!(!same_machine("cmp1", "cmp10"));
    }
}
