//! One connection per host: what runs over it, and what happens when it is lost or refused.

use super::*;

/// The process id of the master, from `ssh -O check`: "Master running (pid=4711)".
async fn master_pid(host: &Host) -> String {
    let socket = host.control_socket().await.expect("a connection");
    let output = std::process::Command::new("ssh")
        .args(["-O", "check", "-S"])
        .arg(socket)
        .arg("x")
        .output()
        .expect("ssh");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    text.split("pid=").nth(1).and_then(|rest| rest.split(')').next()).expect("a pid").to_string()
}

fn kill(pid: &str) {
    assert!(std::process::Command::new("kill").args(["-9", pid]).status().expect("kill").success());
}

fn ssh_keygen(args: &[&str]) {
    let status =
        std::process::Command::new("ssh-keygen").args(args).stdout(std::process::Stdio::null()).status();
    assert!(status.expect("ssh-keygen").success());
}

#[tokio::test]
async fn commands_run_over_one_connection() {
    let lab = lab();
    let host = host(&lab, "cmp1");
    let output = host.run(Cmd::shell("hostname; cat; id -u").stdin("in\n")).await.expect("runs");
    assert_eq!(output.text(), "cmp1\nin\n0\n");
    let first = master_pid(&host).await;
    let bytes: Vec<u8> = (0..200_000_u32).map(|number| number.to_le_bytes()[0]).collect();
    assert!(host.clone().run(Cmd::new("cat").stdin(bytes.clone())).await.expect("runs").stdout == bytes);
    let words = ["a b", "$HOME", "'", "\"", "\\", "", "*", "\n", "-n", "!", "é"];
    let output = host.run(Cmd::new("printf").arg("%s\\0").args(words)).await.expect("runs");
    assert_eq!(output.text().split_terminator('\0').collect::<Vec<_>>(), words);
    assert_eq!(master_pid(&host).await, first, "clones share the connection");

    let error = host.run(Cmd::shell("echo why >&2; exit 255")).await.expect_err("fails");
    assert!(
        matches!(&error, Error::Command { exit, stderr, .. } if exit == "exit code 255" && stderr == "why\n")
    );
    let error = host.run(Cmd::new("virshx")).await.expect_err("is missing");
    assert!(matches!(error, Error::Missing { .. }), "{error:?}");
}

#[tokio::test]
async fn the_socket_is_private_short_and_removed() {
    use std::os::unix::fs::PermissionsExt;
    let lab = lab();
    let host = host(&lab, "cmp1");
    host.run(Cmd::new("true")).await.expect("runs");
    let socket = host.control_socket().await.expect("a connection");
    let folder = socket.parent().expect("a folder").to_path_buf();
    // ssh adds 17 letters while it makes the socket.
    assert!(socket.as_os_str().len() + 17 < 108, "{}", socket.display());
    assert_eq!(std::fs::metadata(&folder).expect("metadata").permissions().mode() & 0o777, 0o700);
    let pid = master_pid(&host).await;
    drop(host);
    for _ in 0..500 {
        if !PathBuf::from("/proc").join(&pid).exists() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(!folder.exists(), "the folder is gone");
    assert!(!PathBuf::from("/proc").join(&pid).exists(), "the master is gone");
}

#[tokio::test]
async fn the_time_limit_and_a_drop_end_the_command_there() {
    let lab = lab();
    let (host, eyes) = (host(&lab, "cmp1"), host(&lab, "cmp1"));
    let begun = Instant::now();
    let cmd = Cmd::shell("sleep 57110 & sleep 57111").time_limit(Duration::from_secs(1));
    let text = host.run(cmd).await.expect_err("is too slow").to_string();
    assert!(text.contains("no end within 1 s"), "{text}");
    assert!(begun.elapsed() < Duration::from_secs(30));
    assert!(gone(&eyes, "57110").await && gone(&eyes, "57111").await);

    let dropped = tokio::time::timeout(Duration::from_secs(1), host.run(Cmd::new("sleep").arg("57112")));
    assert!(dropped.await.is_err());
    assert!(gone(&eyes, "57112").await);
}

#[tokio::test]
async fn spawned_commands_are_read_stopped_and_dropped() {
    let lab = lab();
    let (host, eyes) = (host(&lab, "cmp2"), host(&lab, "cmp2"));
    for host in [host.clone(), host.with_sudo(Sudo::Always)] {
        let mut running = host.spawn(Cmd::shell("echo ready; exec sleep 57113")).await.expect("starts");
        let line = running.next_line().await.expect("a line").expect("one");
        assert_eq!(line.text, "ready");
        started(&eyes, "57113").await;
        let exit = running.stop().await.expect("stops");
        assert_eq!(exit.signal(), Some(15));
        assert!(!is_running(&eyes, "57113").await, "stop has waited for the end");

        let running = host.spawn(Cmd::new("sleep").arg("57114")).await.expect("starts");
        started(&eyes, "57114").await;
        drop(running);
        assert!(gone(&eyes, "57114").await);
    }
}

#[tokio::test]
async fn sudo_where_the_user_is_not_root() {
    let lab = lab();
    let root = host(&lab, "cmp2");
    let key = std::fs::read_to_string(lab.join("id_lab.pub")).expect("id_lab.pub");
    let make = "id smogtest >/dev/null 2>&1 || useradd -m -s /bin/sh smogtest\n\
                mkdir -p ~smogtest/.ssh; cat > ~smogtest/.ssh/authorized_keys; chown -R smogtest ~smogtest/.ssh\n\
                chmod -R go= ~smogtest/.ssh; rm -f /etc/sudoers.d/smogtest";
    root.run(Cmd::shell(make).stdin(key)).await.expect("a user");
    let user = Host::ssh("cmp2", SshOptions { user: Some("smogtest".to_string()), ..options(&lab, "cmp2") });

    let own = user.run(Cmd::new("id").arg("-un").as_user()).await.expect("runs");
    assert_eq!(own.text(), "smogtest\n");
    let never = user.with_sudo(Sudo::Never).run(Cmd::new("id").arg("-un")).await.expect("runs");
    assert_eq!(never.text(), "smogtest\n");
    let error = user.run(Cmd::new("id")).await.expect_err("may not");
    assert!(
        matches!(&error, Error::Auth { message, .. } if message.contains("password is required")),
        "{error:?}"
    );
    assert!(error.hint().expect("a hint").contains("NOPASSWD"));

    let allow = "echo 'smogtest ALL=(root) NOPASSWD: ALL' > /etc/sudoers.d/smogtest; chmod 440 /etc/sudoers.d/smogtest";
    root.run(Cmd::shell(allow)).await.expect("allows");
    assert_eq!(user.run(Cmd::new("id").arg("-un")).await.expect("runs").text(), "root\n");
    let input = user.run(Cmd::shell("cat; id -u").stdin("x")).await.expect("runs");
    assert_eq!(input.text(), "x0\n");
    let running = user.spawn(Cmd::new("sleep").arg("57115")).await.expect("starts");
    started(&root, "57115").await;
    drop(running);
    assert!(gone(&root, "57115").await, "root's process is gone too");
    let limit = Cmd::new("sleep").arg("57116").time_limit(Duration::from_millis(500));
    user.run(limit).await.expect_err("is too slow");
    assert!(gone(&root, "57116").await);

    user.close().await;
    let remove = "rm -f /etc/sudoers.d/smogtest; for i in 1 2 3 4 5; do userdel -r smogtest 2>/dev/null && break; sleep 0.5; done";
    root.run(Cmd::shell(remove)).await.expect("cleans up");
}

#[tokio::test]
async fn a_dead_master_is_replaced() {
    let lab = lab();
    let (host, eyes) = (host(&lab, "cmp1"), host(&lab, "cmp1"));
    host.run(Cmd::new("true")).await.expect("runs");
    kill(&master_pid(&host).await);
    host.run(Cmd::new("true")).await.expect("the next command connects again, unseen");

    let task = tokio::spawn({
        let host = host.clone();
        async move { host.run(Cmd::new("sleep").arg("57117")).await }
    });
    started(&eyes, "57117").await;
    kill(&master_pid(&host).await);
    let error = task.await.expect("no panic").expect_err("the connection is lost");
    assert!(
        matches!(&error, Error::Unreachable { why, .. } if why.contains("lost while `sleep 57117` ran")),
        "{error:?}"
    );
    assert!(error.is_temporary());
    assert!(gone(&eyes, "57117").await, "what ran there has ended");
    host.run(Cmd::new("true")).await.expect("works again");

    // What changes nothing is asked again by itself.
    let mark = format!("/run/smog-test-{}", std::process::id());
    let script = format!("if [ -e {mark} ]; then echo again; else touch {mark}; exec sleep 57118; fi");
    let task = tokio::spawn({
        let host = host.clone();
        async move { host.run(Cmd::shell(script).repeatable()).await }
    });
    started(&eyes, "57118").await;
    kill(&master_pid(&host).await);
    let output = task.await.expect("no panic").expect("is repeated");
    assert_eq!(output.text(), "again\n");
    host.remove_file(&mark).await.expect("cleans up");

    let mut running = host.spawn(Cmd::shell("echo ready; sleep 57119")).await.expect("starts");
    running.next_line().await.expect("a line");
    kill(&master_pid(&host).await);
    let error = running.next_line().await.expect_err("the connection is lost");
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    assert!(gone(&eyes, "57119").await);
}

#[tokio::test]
async fn many_commands_queue_on_one_connection() {
    let lab = lab();
    let host = host(&lab, "cmp1");
    let begun = Instant::now();
    let tasks: Vec<_> = (0..40)
        .map(|number| {
            let host = host.clone();
            tokio::spawn(async move { host.run(Cmd::shell(format!("sleep 0.1; echo {number}"))).await })
        })
        .collect();
    for (number, task) in tasks.into_iter().enumerate() {
        let output = task.await.expect("no panic").expect("runs");
        assert_eq!(output.text().trim(), number.to_string());
    }
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());

    let mut running = Vec::new();
    for _ in 0..5 {
        running.push(host.spawn(Cmd::new("sleep").arg("57120")).await.expect("starts"));
    }
    let error = host.spawn(Cmd::new("sleep").arg("57120")).await.expect_err("is one too many");
    assert!(error.hint().expect("a hint").contains("tail -F"), "{error}");
    host.run(Cmd::new("true")).await.expect("short ones still have a place");
    drop(running);
    assert!(gone(&host, "57120").await);
}

#[tokio::test]
async fn an_sshd_with_fewer_sessions_is_waited_for() {
    let lab = lab();
    let root = host(&lab, "cmp2");
    let sshd = "exec /usr/sbin/sshd -D -e -p 2222 -o MaxSessions=2 -o PidFile=none";
    let mut sshd = root.spawn(Cmd::shell(sshd)).await.expect("starts");
    sshd.next_line().await.expect("it listens");
    let address = address(&lab, "cmp2");
    let known: String = std::fs::read_to_string(lab.join("known_hosts"))
        .expect("known_hosts")
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter(|(names, _)| names.split(',').any(|name| name == address))
        .map(|(_, key)| format!("[{address}]:2222 {key}\n"))
        .collect();
    let folder = tempfile::tempdir().expect("a folder");
    let known_hosts = folder.path().join("known hosts");
    std::fs::write(&known_hosts, known).expect("writes");
    let options =
        SshOptions { port: Some(2222), known_hosts_file: Some(known_hosts), ..options(&lab, "cmp2") };
    let host = Host::ssh("cmp2", options);
    let tasks: Vec<_> = (0..12)
        .map(|_| {
            let host = host.clone();
            tokio::spawn(async move { host.run(Cmd::shell("sleep 0.1; echo done")).await })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.expect("no panic").expect("runs").text(), "done\n");
    }
    host.close().await;
    sshd.stop().await.expect("stops");
}

#[tokio::test]
async fn who_does_not_answer_is_unreachable_with_a_reason() {
    let lab = lab();
    let refused = Host::ssh("cmp1", SshOptions { port: Some(1), ..options(&lab, "cmp1") });
    let error = refused.run(Cmd::new("true")).await.expect_err("refused");
    assert!(
        matches!(&error, Error::Unreachable { why, .. } if why.contains("Connection refused")),
        "{error:?}"
    );
    assert!(error.hint().expect("a hint").contains("sshd"));

    let mut unknown = options(&lab, "cmp1");
    unknown.address = "no-such-host.invalid".to_string();
    let error = Host::ssh("x", unknown).run(Cmd::new("true")).await.expect_err("unknown name");
    assert!(
        matches!(&error, Error::Unreachable { why, .. } if why.contains("Could not resolve")),
        "{error:?}"
    );

    // Nobody has this address in the lab's network.
    let mut silent = options(&lab, "cmp1");
    let (network, _) = silent.address.rsplit_once('.').expect("an IPv4 address");
    silent.address = format!("{network}.251");
    silent.connect_timeout = Duration::from_secs(2);
    let begun = Instant::now();
    let error = Host::ssh("x", silent).run(Cmd::new("true")).await.expect_err("silent");
    assert!(
        matches!(&error, Error::Unreachable { why, .. } if why.contains("timed out") || why.contains("No route")),
        "{error:?}"
    );
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());

    let folder = tempfile::tempdir().expect("a folder");
    let key = folder.path().join("id_other");
    ssh_keygen(&["-q", "-t", "ed25519", "-N", "", "-f", &key.display().to_string()]);
    let stranger = Host::ssh("cmp1", SshOptions { key_file: Some(key), ..options(&lab, "cmp1") });
    let error = stranger.run(Cmd::new("true")).await.expect_err("denied");
    assert!(
        matches!(&error, Error::Unreachable { why, .. } if why.contains("Permission denied (publickey")),
        "{error:?}"
    );
    assert!(error.hint().expect("a hint").contains("authorized_keys"));

    let bad = SshOptions { address: "-oProxyCommand=touch /tmp/x".to_string(), ..options(&lab, "cmp1") };
    assert!(matches!(Host::ssh("x", bad).run(Cmd::new("true")).await, Err(Error::Invalid { .. })));
}

#[tokio::test]
async fn an_unknown_and_a_changed_host_key_are_not_trusted() {
    let lab = lab();
    let folder = tempfile::tempdir().expect("a folder");
    let empty = folder.path().join("known_hosts");
    std::fs::write(&empty, "").expect("writes");
    let with = |file: &std::path::Path| {
        Host::ssh("cmp1", SshOptions { known_hosts_file: Some(file.to_path_buf()), ..options(&lab, "cmp1") })
    };
    let error = with(&empty).run(Cmd::new("true")).await.expect_err("unknown");
    assert!(matches!(&error, Error::Untrusted { why, .. } if why.contains("not known")), "{error:?}");
    let address = address(&lab, "cmp1");
    let add = format!("ssh-keyscan {address} >> {}", empty.display());
    assert!(error.hint().expect("a hint").contains(&add), "{:?}", error.hint());
    assert_eq!(std::fs::read_to_string(&empty).expect("reads"), "", "nothing was added by itself");

    // The command of the hint helps.
    assert!(
        std::process::Command::new("sh")
            .arg("-c")
            .arg(add)
            .stderr(std::process::Stdio::null())
            .status()
            .expect("sh")
            .success()
    );
    with(&empty).run(Cmd::new("true")).await.expect("is known now");

    let key = folder.path().join("other");
    ssh_keygen(&["-q", "-t", "ed25519", "-N", "", "-f", &key.display().to_string()]);
    let other = std::fs::read_to_string(key.with_extension("pub")).expect("reads");
    let changed = folder.path().join("changed");
    std::fs::write(&changed, format!("{address} {other}")).expect("writes");
    let error = with(&changed).run(Cmd::new("true")).await.expect_err("changed");
    assert!(
        matches!(&error, Error::Untrusted { why, .. } if why.contains("another one than before")),
        "{error:?}"
    );
    let forget = format!("`ssh-keygen -f {} -R {address}`", changed.display());
    assert!(error.hint().expect("a hint").contains(&forget), "{:?}", error.hint());
}

#[tokio::test]
async fn jump_hosts_and_aliases_of_ssh_config_work() {
    let lab = lab();
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("config");
    let (key, known) = (lab.join("id_lab"), lab.join("known_hosts"));
    let text = format!(
        "Host *\n  User root\n  IdentityFile {}\n  UserKnownHostsFile {}\n\
         Host jump\n  HostName {}\n  HostKeyAlias {}\n\
         Host inner\n  HostName {}\n  HostKeyAlias {}\n  ProxyCommand ssh -F {} -W %h:%p jump\n",
        key.display(),
        known.display(),
        address(&lab, "cmp1"),
        address(&lab, "cmp1"),
        address(&lab, "cmp2"),
        address(&lab, "cmp2"),
        config.display(),
    );
    std::fs::write(&config, text).expect("writes");
    let host = Host::ssh("cmp2", SshOptions { config_file: Some(config), ..SshOptions::new("inner") });
    let output = host.run(Cmd::shell("hostname; echo $SSH_CONNECTION")).await.expect("runs");
    let text = output.text().into_owned();
    assert!(text.starts_with("cmp2\n") && text.contains(&format!("\n{} ", address(&lab, "cmp1"))), "{text}");
}
