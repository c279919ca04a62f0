//! How to reach a host by SSH: smog's options, and the words of `ssh` they become.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::SshSection;
use crate::host::kept::KeepConnections;

/// How long a host may take to answer, unless smog.yml has another time.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Where the private folders of control sockets are, unless smog.yml has another place.
const CONTROL_DIR: &str = "/tmp";

/// How to reach a host by SSH. What is not set is up to the user's `ssh_config`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshOptions {
    /// Host name, address, or a `Host` alias of `ssh_config`.
    pub address: String,
    /// The user to log in as.
    pub user: Option<String>,
    /// The TCP port.
    pub port: Option<u16>,
    /// The private key; then no other key (of the agent) is tried.
    pub key_file: Option<PathBuf>,
    /// Instead of `~/.ssh/known_hosts`.
    pub known_hosts_file: Option<PathBuf>,
    /// Instead of `~/.ssh/config`.
    pub config_file: Option<PathBuf>,
    /// The most the other side may take to answer (TCP and SSH's banner, on each of its
    /// addresses); the log-in may take as long again.
    pub connect_timeout: Duration,
    /// Where the private directory for the control socket is made. Must be
    /// short: a socket's path has at most 108 bytes.
    pub control_dir: PathBuf,
    /// Keep the connection for later commands; else it ends with the last [`Host`](crate::host::Host)
    /// that uses it.
    pub keep: Option<KeepConnections>,
}

impl SshOptions {
    /// Everything as the user's `ssh_config` has it, ten seconds to connect, sockets below `/tmp`,
    /// nothing kept.
    pub fn new(address: impl Into<String>) -> SshOptions {
        SshOptions {
            address: address.into(),
            user: None,
            port: None,
            key_file: None,
            known_hosts_file: None,
            config_file: None,
            connect_timeout: CONNECT_TIMEOUT,
            control_dir: PathBuf::from(CONTROL_DIR),
            keep: None,
        }
    }

    /// As the `ssh:` section of smog.yml says, for an address and a user.
    pub fn of_section(section: &SshSection, address: &str, user: Option<&str>) -> SshOptions {
        SshOptions {
            user: user.map(str::to_string),
            key_file: section.key.clone(),
            known_hosts_file: section.known_hosts.clone(),
            config_file: section.config.clone(),
            connect_timeout: section
                .connect_timeout
                .map_or(CONNECT_TIMEOUT, |seconds| Duration::from_secs(seconds.clamp(1, 3600))),
            control_dir: section.control_dir.clone().unwrap_or_else(|| PathBuf::from(CONTROL_DIR)),
            keep: KeepConnections::of_section(section),
            ..SshOptions::new(address)
        }
    }
}

/// Options of the master. Whatever is not here is as the user has configured it.
pub(super) fn master_options(options: &SshOptions, idle: Duration) -> Vec<String> {
    let mut words = vec![];
    let mut set = |text: String| words.extend(["-o".to_string(), text]);
    // No question can be answered; an unknown host key is a refusal.
    set("BatchMode=yes".to_string());
    set(format!("ConnectTimeout={}", options.connect_timeout.as_secs().max(1)));
    set(format!("ControlPersist={}", idle.as_secs()));
    // A host that died is noticed within 45 s.
    set("ServerAliveInterval=15".to_string());
    set("ServerAliveCountMax=3".to_string());
    // The user's forwardings are for their own log-ins: a taken port would be an error here.
    set("ClearAllForwardings=yes".to_string());
    set("PermitLocalCommand=no".to_string());
    set("LogLevel=INFO".to_string());
    if let Some(file) = &options.known_hosts_file {
        set(format!("UserKnownHostsFile=\"{}\"", file.display()));
    }
    if options.key_file.is_some() {
        // With many keys in the agent the server would hang up before ours is tried.
        set("IdentitiesOnly=yes".to_string());
    }
    let mut flag = |name: &str, value: String| words.extend([name.to_string(), value]);
    if let Some(file) = &options.key_file {
        flag("-i", file.display().to_string());
    }
    if let Some(file) = &options.config_file {
        flag("-F", file.display().to_string());
    }
    if let Some(user) = &options.user {
        flag("-l", user.clone());
    }
    if let Some(port) = options.port {
        flag("-p", port.to_string());
    }
    words
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{SshOptions, master_options};

    const IDLE: Duration = Duration::from_secs(120);

    #[test]
    fn host_key_checking_is_left_to_the_user() {
        let mut options = SshOptions::new("cmp1");
        let words = master_options(&options, IDLE).join(" ");
        assert!(words.contains("BatchMode=yes") && !words.contains("StrictHostKeyChecking"), "{words}");
        assert!(!words.contains("IdentitiesOnly"));
        options.key_file = Some("/k".into());
        options.known_hosts_file = Some("/a b".into());
        options.port = Some(2222);
        let words = master_options(&options, IDLE).join(" ");
        assert!(
            words.contains("IdentitiesOnly=yes") && words.contains("-i /k") && words.ends_with("-p 2222"),
            "{words}"
        );
        assert!(words.contains("UserKnownHostsFile=\"/a b\""));
    }
}
