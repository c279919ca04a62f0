//! The hosts smog.yml names, reached without asking a cloud.

use crate::config::SmogFile;
use crate::host::{Host, SshOptions};

impl Host {
    /// The hosts of a smog.yml, each once, in their order; nothing is connected yet. For what
    /// must work when the cloud does not answer.
    pub fn of_file(file: &SmogFile) -> Vec<Host> {
        let mut hosts: Vec<Host> = Vec::new();
        for entry in &file.hosts {
            let name = entry.name.as_deref().unwrap_or(&entry.host);
            if hosts.iter().any(|host| host.name() == name) {
                continue;
            }
            let options = SshOptions::of_section(&file.ssh, &entry.host, entry.user.as_deref());
            hosts.push(Host::ssh(name, options).of_entry(entry));
        }
        hosts
    }
}
