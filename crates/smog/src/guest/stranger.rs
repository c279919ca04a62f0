//! Domains on compute hosts that belong to no server.

use serde::Serialize;

use super::sight::as_virsh_says;
use crate::libvirt::{Domain, DomainState};
use crate::show::{Column, Show};

/// A domain on a compute host of which Nova knows no server: what a failed evacuation or a crash
/// left behind, or a virtual machine that someone else made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stranger {
    /// The host.
    pub host: String,
    /// The domain's name.
    pub domain: String,
    /// Its UUID.
    pub uuid: String,
    /// libvirt's state of it.
    #[serde(serialize_with = "as_virsh_says")]
    pub state: DomainState,
    /// Whether Nova made it, by its metadata or its name (`instance-0000002a`).
    pub is_nova_s: bool,
    /// The server's name in Nova's metadata.
    pub server_name: Option<String>,
    /// Memory in KiB.
    pub memory_kib: u64,
    /// vCPUs.
    pub vcpus: u32,
}

impl Stranger {
    pub(crate) fn of(host: String, domain: &Domain, state: DomainState) -> Stranger {
        Stranger {
            host,
            is_nova_s: domain.nova.is_some() || is_nova_s_name(&domain.name),
            server_name: domain.nova.as_ref().and_then(|nova| nova.name.clone()),
            domain: domain.name.clone(),
            uuid: domain.uuid.clone(),
            state,
            memory_kib: domain.memory_kib,
            vcpus: domain.vcpus.count,
        }
    }

    /// "host `cmp2` has the domain `instance-0000002a` (running) of a server that Nova does not know".
    pub fn sentence(&self) -> String {
        let (host, domain, state) = (&self.host, &self.domain, self.state);
        match (&self.server_name, self.is_nova_s) {
            (Some(name), _) => format!(
                "host `{host}` has the domain `{domain}` ({state}) of server `{name}`, which Nova does not know"
            ),
            (None, true) => {
                format!(
                    "host `{host}` has the domain `{domain}` ({state}) of a server that Nova does not know"
                )
            }
            (None, false) => {
                format!("host `{host}` has the domain `{domain}` ({state}), which is not Nova's")
            }
        }
    }
}

/// Nova's default `instance_name_template`: `instance-%08x`.
fn is_nova_s_name(name: &str) -> bool {
    let digits = name.strip_prefix("instance-").unwrap_or_default();
    digits.len() == 8 && digits.chars().all(|digit| digit.is_ascii_hexdigit())
}

impl Show for Stranger {
    const PLURAL: &'static str = "domains without a server";
    const COLUMNS: &'static [Column<Stranger>] = &[
        Column::new("host", |one| one.host.clone()),
        Column::new("domain", |one| one.domain.clone()),
        Column::new("libvirt", |one| one.state.to_string()),
        Column::new("made by", |one| if one.is_nova_s { "Nova" } else { "someone else" }.into()),
        Column::new("server", |one| one.server_name.clone().unwrap_or_default()),
        Column::new("vcpus", |one| one.vcpus.to_string()),
        Column::new("ram", |one| format!("{} MiB", one.memory_kib >> 10)),
        Column::wide("uuid", |one| one.uuid.clone()),
    ];
}
