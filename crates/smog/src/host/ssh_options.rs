//! How to reach a host by SSH: smog's options, and the words of `ssh` they become.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::SshSection;
use crate::host::kept::KeepConnections;
use crate::quote::quote;

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
    /// The host to go through, as `ssh -J` takes it: `USER@HOST:PORT`, of which only the host must be
    /// there. It is reached with the same key, known_hosts and configuration.
    pub jump: Option<String>,
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
            jump: None,
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
            // The jump host itself is reached directly.
            jump: section.jump.clone().filter(|jump| jump_parts(jump).1 != address),
            connect_timeout: section
                .connect_timeout
                .map_or(CONNECT_TIMEOUT, |seconds| Duration::from_secs(seconds.clamp(1, 3600))),
            control_dir: section.control_dir.clone().unwrap_or_else(|| PathBuf::from(CONTROL_DIR)),
            keep: KeepConnections::of_section(section),
            ..SshOptions::new(address)
        }
    }
}

/// The parts of `USER@HOST:PORT`; an address of IPv6 with a port stands in brackets.
fn jump_parts(jump: &str) -> (Option<&str>, &str, Option<&str>) {
    let (user, place) = jump.rsplit_once('@').map_or((None, jump), |(user, place)| (Some(user), place));
    let (host, port) = match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, after)) => (host, after.strip_prefix(':')),
        None if place.matches(':').count() == 1 => {
            place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port)))
        }
        None => (place, None),
    };
    (user, host, port)
}

/// The command of ssh that goes through the jump host. `-J` would give the jump host neither the key nor
/// known_hosts, and a question there would wait for an answer for ever.
fn by_jump(options: &SshOptions, jump: &str) -> String {
    let (user, host, port) = jump_parts(jump);
    let mut words: Vec<String> = ["ssh", "-a", "-x", "-W", "[%h]:%p"].map(str::to_string).to_vec();
    words.extend(common_options(options));
    for (flag, value) in [("-l", user), ("-p", port)] {
        words.extend(value.into_iter().flat_map(|value| [flag.to_string(), value.to_string()]));
    }
    words.extend(["--".to_string(), host.to_string()]);
    // ssh fills in `%h` and `%p`, and nothing else, and gives the line to a shell.
    let quoted = words.iter().map(|word| match word.as_str() {
        "[%h]:%p" => "'[%h]:%p'".to_string(),
        word => quote(word).replace('%', "%%"),
    });
    quoted.collect::<Vec<_>>().join(" ")
}

/// Options of the master. Whatever is not here is as the user has configured it.
pub(super) fn master_options(options: &SshOptions, idle: Duration) -> Vec<String> {
    let mut words = common_options(options);
    let mut set = |text: String| words.extend(["-o".to_string(), text]);
    if let Some(jump) = &options.jump {
        set(format!("ProxyCommand={}", by_jump(options, jump)));
    }
    set(format!("ControlPersist={}", idle.as_secs()));
    // A host that died is noticed within 45 s.
    set("ServerAliveInterval=15".to_string());
    set("ServerAliveCountMax=3".to_string());
    // The user's forwardings are for their own log-ins: a taken port would be an error here.
    set("ClearAllForwardings=yes".to_string());
    set("PermitLocalCommand=no".to_string());
    let mut flag = |name: &str, value: String| words.extend([name.to_string(), value]);
    if let Some(user) = &options.user {
        flag("-l", user.clone());
    }
    if let Some(port) = options.port {
        flag("-p", port.to_string());
    }
    words
}

/// Options that the jump host needs as well.
fn common_options(options: &SshOptions) -> Vec<String> {
    let mut words = vec![];
    let mut set = |text: String| words.extend(["-o".to_string(), text]);
    // No question can be answered; an unknown host key is a refusal.
    set("BatchMode=yes".to_string());
    set(format!("ConnectTimeout={}", options.connect_timeout.as_secs().max(1)));
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
    words
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{SshOptions, SshSection, master_options};

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

    #[test]
    fn the_jump_host_is_reached_with_the_same_key() {
        for (jump, parts) in [
            ("gate", (None, "gate", None)),
            ("me@gate:2222", (Some("me"), "gate", Some("2222"))),
            ("[fd00::1]:22", (None, "fd00::1", Some("22"))),
            ("me@fd00::1", (Some("me"), "fd00::1", None)),
        ] {
            assert_eq!(super::jump_parts(jump), parts);
        }
        let section = SshSection {
            key: Some("/k 100%".into()),
            jump: Some("me@gate:2222".into()),
            ..SshSection::default()
        };
        let words = master_options(&SshOptions::of_section(&section, "cmp1", None), IDLE);
        let command = words.iter().find_map(|word| word.strip_prefix("ProxyCommand=")).expect("a command");
        assert!(command.starts_with("ssh -a -x -W '[%h]:%p' -o 'BatchMode=yes'"), "{command}");
        assert!(command.ends_with("-i '/k 100%%' -l me -p 2222 -- gate"), "{command}");
        let of_gate = master_options(&SshOptions::of_section(&section, "gate", None), IDLE).join(" ");
        assert!(!of_gate.contains("ProxyCommand"), "it is reached directly: {of_gate}");
    }
}
