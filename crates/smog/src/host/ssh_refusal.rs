//! What ssh printed when it could not connect, turned into an error with a hint.

use crate::error::Error;
use crate::host::SshOptions;

/// The error for the text ssh wrote before it gave up.
pub(crate) fn refusal(host: &str, options: &SshOptions, said: &str) -> Error {
    let address = &options.address;
    let what = format!("host `{host}` ({address})");
    let line = |needle: &str| said.lines().map(str::trim).find(|line| line.contains(needle));
    let known_hosts = match &options.known_hosts_file {
        Some(file) => file.display().to_string(),
        None => "~/.ssh/known_hosts".to_string(),
    };
    let port = options.port.map(|port| format!(" -p {port}")).unwrap_or_default();

    // What stood between says so before ssh says that the way was closed.
    if is_of_jump_host(said) {
        return by_jump_host(&what, options, said);
    }
    if said.contains("REMOTE HOST IDENTIFICATION HAS CHANGED") || said.contains("POSSIBLE DNS SPOOFING") {
        let place =
            line("Offending").map(|line| line.trim_end_matches('.')).unwrap_or("another key is known");
        let name = match options.port {
            Some(port) if port != 22 => format!("'[{address}]:{port}'"),
            _ => address.clone(),
        };
        return Error::Untrusted {
            what,
            why: format!("its SSH host key is another one than before ({place})"),
            hint: format!(
                "someone may be between you and the host. If it was reinstalled, and only then, \
                 forget the old key: `ssh-keygen -f {known_hosts} -R {name}`"
            )
            .into(),
        };
    }
    if said.contains("Host key verification failed") || said.contains("host key is known for") {
        return Error::Untrusted {
            what,
            why: "its SSH host key is not known".to_string(),
            hint: format!(
                "show its fingerprints with `ssh-keyscan{port} {address} | ssh-keygen -lf -`, compare them with \
                 those on the host (`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` there), then add the key: \
                 `ssh-keyscan{port} {address} >> {known_hosts}`"
            ).into(),
        };
    }

    let by_hand = by_hand(options);
    let (why, hint) = if let Some(line) = line("Permission denied (") {
        let key = match &options.key_file {
            Some(file) => format!("the key {} is the only one tried; it must", file.display()),
            None => "one of the agent's keys or of the keys in ~/.ssh must".to_string(),
        };
        let bad_key = said
            .lines()
            .find(|line| {
                line.contains("UNPROTECTED") || line.contains("bad permissions") || line.contains("Load key")
            })
            .map(|line| format!(" ssh also says: {}.", line.trim_matches(['@', ' ', '.', '\r'])))
            .unwrap_or_default();
        (
            line.to_string(),
            format!(
                "{key} be in `~/.ssh/authorized_keys` on the host, and need no passphrase at this \
                 moment (`ssh-add` keeps it at hand).{bad_key} {by_hand} must log in without a question"
            ),
        )
    } else if let Some(line) = line("Connection refused") {
        (
            line.to_string(),
            format!(
                "the machine is up, but no sshd listens there: is the port right, does `systemctl status ssh` on it look well? Try {by_hand}"
            ),
        )
    } else if let Some(line) = line("Could not resolve hostname") {
        (
            line.to_string(),
            format!(
                "set `host:` of this host in smog.yml to its address, or make a `Host {address}` entry in ~/.ssh/config"
            ),
        )
    } else if let Some(line) = line("No route to host").or(line("Network is unreachable")) {
        (
            line.to_string(),
            "is the machine on, and is there a way (route, VPN, jump host in ~/.ssh/config) to its network?"
                .to_string(),
        )
    } else if let Some(line) = line("timed out").or(line("no log-in within")) {
        (
            line.to_string(),
            format!(
                "the machine is off, a firewall drops the packets, or it is very slow (`ssh:` `connect_timeout:` in smog.yml is {} s)",
                options.connect_timeout.as_secs()
            ),
        )
    } else if let Some(line) = line("Too many authentication failures") {
        (
            line.to_string(),
            "the agent offers more keys than the server accepts: name the right one by `ssh: key:` in smog.yml, or by `IdentityFile` with `IdentitiesOnly yes` in ~/.ssh/config".to_string(),
        )
    } else {
        let last = said.lines().map(str::trim).rfind(|line| !line.is_empty());
        (
            last.unwrap_or("ssh gave no reason").to_string(),
            format!("{by_hand} by hand shows more, with `-v` even more"),
        )
    };
    Error::Unreachable { what, why: why.trim_start_matches("ssh: ").to_string(), hint: hint.into() }
}

/// Whether ssh had no connection of its own, but a program's (ProxyJump, ProxyCommand), which ended.
pub(crate) fn is_of_jump_host(said: &str) -> bool {
    said.contains("UNKNOWN port 65535")
}

/// The command that logs in as smog does.
fn by_hand(options: &SshOptions) -> String {
    let port = options.port.map(|port| format!(" -p {port}")).unwrap_or_default();
    let config = options.config_file.as_ref().map(|file| format!(" -F {}", file.display()));
    let jump = options.jump.as_ref().map(|jump| format!(" -J {jump}"));
    let user = options.user.as_deref().map(|user| format!("{user}@")).unwrap_or_default();
    format!("`ssh{}{}{port} {user}{}`", config.unwrap_or_default(), jump.unwrap_or_default(), options.address)
}

/// The host was not reached, because of the jump host or of the way from there.
fn by_jump_host(what: &str, options: &SshOptions, said: &str) -> Error {
    let is_end =
        |line: &&str| !line.is_empty() && !is_of_jump_host(line) && !line.starts_with("kex_exchange");
    let lines = || said.lines().map(str::trim).filter(is_end);
    let why = lines().rfind(|line| *line != "stdio forwarding failed").unwrap_or("it gave no reason");
    let why = format!("the jump host on the way to it: {}", why.trim_start_matches("ssh: "));
    let place = match &options.jump {
        Some(jump) => format!("`jump:` of `ssh:` in smog.yml is {jump}"),
        None => "it is the `ProxyJump` or `ProxyCommand` of the ssh configuration".to_string(),
    };
    let what = what.to_string();
    let hint = format!("{place}; {} by hand shows more, with `-v` even more", by_hand(options)).into();
    match lines().any(|line| line.contains("Host key verification failed")) {
        true => Error::Untrusted { what, why, hint },
        false => Error::Unreachable { what, why, hint },
    }
}

#[cfg(test)]
mod tests {
    use super::refusal;
    use crate::error::Error;
    use crate::host::SshOptions;

    // The texts are OpenSSH 9.2's (Debian 12) and 10.0's (Debian 13), as seen.
    fn said(text: &str) -> Error {
        refusal("cmp1", &SshOptions::new("10.0.0.11"), text)
    }

    // OpenSSH 10.0 with `ProxyJump`: an address without a host, a name that there is not, a jump host
    // whose key is not known, and one that cannot reach the host.
    #[test]
    fn the_jump_host_is_named() {
        let end = "kex_exchange_identification: Connection closed by remote host\nConnection closed by UNKNOWN port 65535\n";
        for (text, why) in [
            (
                "ssh: connect to host 10.0.0.9 port 22: No route to host\n",
                "on the way to it: connect to host 10.0.0.9",
            ),
            ("ssh: Could not resolve hostname jump: Name or service not known\n", "resolve hostname jump"),
            ("me@10.0.0.9: Permission denied (publickey).\n", "me@10.0.0.9: Permission denied"),
            (
                "channel 0: open failed: connect failed: Connection refused\nstdio forwarding failed\n",
                "connect failed: Connection refused",
            ),
        ] {
            let error = said(&format!("{text}{end}"));
            assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
            assert!(error.to_string().contains(why) && error.to_string().contains("jump host"), "{error}");
            assert!(error.hint().expect("hint").contains("ProxyJump"), "{:?}", error.hint());
        }
        let error = said(&format!("Host key verification failed.\n{end}"));
        assert!(matches!(error, Error::Untrusted { .. }), "{error:?}");
    }

    #[test]
    fn an_unknown_key_tells_how_to_look_before_adding_it() {
        let error = said("Host key verification failed.\r\n");
        assert!(matches!(error, Error::Untrusted { .. }), "{error:?}");
        let hint = error.hint().expect("hint");
        assert!(
            hint.contains("`ssh-keyscan 10.0.0.11 >> ~/.ssh/known_hosts`") && hint.contains("compare"),
            "{hint}"
        );
    }

    #[test]
    fn a_changed_key_names_the_line_and_the_command() {
        let error = said(
            "@@@@@@@@\r\n@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\r\n@@@@@@@@\r\n\
             Offending ECDSA key in /root/.ssh/known_hosts:3\r\n  remove with:\r\nHost key verification failed.\r\n",
        );
        assert!(error.to_string().contains("/root/.ssh/known_hosts:3"), "{error}");
        assert!(error.hint().expect("hint").ends_with("`ssh-keygen -f ~/.ssh/known_hosts -R 10.0.0.11`"));
    }

    #[test]
    fn each_reason_has_its_own_hint() {
        for (text, why, hint) in [
            ("ssh: connect to host 10.0.0.11 port 22: Connection refused", "Connection refused", "sshd"),
            ("ssh: connect to host 10.0.0.11 port 22: Connection timed out", "timed out", "firewall"),
            ("ssh: connect to host 10.0.0.11 port 22: No route to host", "No route", "VPN"),
            (
                "ssh: Could not resolve hostname cmp1: Name or service not known",
                "Could not resolve",
                "smog.yml",
            ),
            ("root@10.0.0.11: Permission denied (publickey).", "Permission denied", "authorized_keys"),
            ("kex_exchange_identification: read: Connection reset by peer", "kex_exchange", "-v"),
            ("", "no reason", "-v"),
        ] {
            let error = said(text);
            assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
            assert!(error.to_string().contains(why) && error.is_temporary(), "{error}");
            assert!(error.hint().expect("hint").contains(hint), "{:?}", error.hint());
        }
    }
}
