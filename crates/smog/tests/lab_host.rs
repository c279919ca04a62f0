//! Hosts over SSH, against a lab that is up.
//!
//! `SMOG_LAB_DIR` names the folder with `smog.yml`, `id_lab` and `known_hosts`
//! (`./check` sets it). Without it these tests fail: they are run with the lab only.
#![expect(clippy::expect_used, clippy::disallowed_methods, reason = "tests")]
#![allow(clippy::print_stderr, reason = "a test says how much it looked at")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use smog::host::{Cmd, Host, SshOptions, Sudo};
use smog::libvirt::{DomainEdit, DomainState, Dump};
use smog::wait::Wait;
use smog::{Error, quote};

/// The access folder of the lab.
fn lab() -> PathBuf {
    let folder = std::env::var_os("SMOG_LAB_DIR").map(PathBuf::from);
    folder.expect("SMOG_LAB_DIR: the folder lab/up names at its end")
}

/// The address of one of the lab's hosts, from the line `- {name: cmp1, host: ADDRESS, …}`.
fn address(lab: &std::path::Path, name: &str) -> String {
    let text = std::fs::read_to_string(lab.join("smog.yml")).expect("smog.yml");
    let line = text.lines().find(|line| line.contains(&format!("name: {name},"))).expect("the host");
    let rest = line.split("host: ").nth(1).expect("its address");
    rest.split([',', '}']).next().expect("a word").trim().to_string()
}

fn options(lab: &std::path::Path, name: &str) -> SshOptions {
    SshOptions {
        user: Some("root".to_string()),
        key_file: Some(lab.join("id_lab")),
        known_hosts_file: Some(lab.join("known_hosts")),
        ..SshOptions::new(address(lab, name))
    }
}

/// A host of the lab, on a connection of its own.
fn host(lab: &std::path::Path, name: &str) -> Host {
    Host::ssh(name, options(lab, name))
}

/// Whether `sleep WORD` runs on the host.
async fn is_running(host: &Host, word: &str) -> bool {
    let cmd = Cmd::new("pgrep").args(["-fx", &format!("sleep {word}")]).any_exit();
    host.run(cmd).await.expect("pgrep").exit.is_ok()
}

async fn gone(host: &Host, word: &str) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(20) {
        if !is_running(host, word).await {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    false
}

async fn started(host: &Host, word: &str) {
    for _ in 0..500 {
        if is_running(host, word).await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("`sleep {word}` did not start");
}

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
    host.run(Cmd::new("true")).await.expect("the next command connects anew, unseen");

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

#[tokio::test]
async fn files_keep_their_owner() {
    let lab = lab();
    let host = host(&lab, "cmp1");
    let path = format!("/var/lib/nova/smog test {}.conf", std::process::id());
    host.write_file_with_mode(&path, "one\n", 0o640).await.expect("writes");
    host.run(Cmd::new("chown").args(["nova:nova", &path])).await.expect("chown");
    host.write_file(&path, "two\n").await.expect("writes");
    let stat = host.stat(&path).await.expect("looks").expect("is there");
    assert_eq!((stat.user.as_str(), stat.group.as_str(), stat.mode), ("nova", "nova", 0o640));
    assert_eq!(host.read_text(&path).await.expect("reads"), "two\n");
    let found = host.glob("/var/lib/nova/smog test *").await.expect("looks");
    assert_eq!(found, std::slice::from_ref(&path));
    assert_eq!(host.glob("/var/lib/nova/.smog-*").await.expect("looks"), Vec::<String>::new());
    host.remove_file(&path).await.expect("removes");
}

#[tokio::test]
async fn a_service_is_ready_when_it_stays() {
    let lab = lab();
    let host = host(&lab, "cmp2");
    let unit = |name: &str, start: &str| (format!("smog-test-{name}.service"), start.to_string());
    let units = [
        unit("fine", "/bin/sleep 57121"),
        unit("dies", "/bin/sh -c 'sleep 0.4; echo no such option >&2; exit 1'"),
        unit("slow", "/bin/sh -c 'exec sleep 57122'"),
    ];
    for (name, start) in &units {
        let text = format!("[Service]\nExecStart={start}\n");
        host.write_file(&format!("/run/systemd/system/{name}"), text).await.expect("writes");
    }
    host.run(Cmd::new("systemctl").arg("daemon-reload")).await.expect("reloads");

    let wait = Wait::up_to(Duration::from_secs(20));
    let fine = host.start_service("smog-test-fine.service", wait).await.expect("starts");
    assert!(fine.is_active() && fine.main_pid.is_some() && fine.since.is_some());
    let again = host.start_service("smog-test-fine.service", wait).await.expect("is up");
    assert_eq!(again.main_pid, fine.main_pid, "what is up is left alone");
    let new = host.restart_service("smog-test-fine.service", wait).await.expect("restarts");
    assert_ne!(new.main_pid, fine.main_pid);
    let down = host.stop_service("smog-test-fine.service", wait).await.expect("stops");
    assert!(!down.is_active() && down.main_pid.is_none());

    let error = host.start_service("smog-test-dies.service", wait).await.expect_err("dies");
    let text = error.to_string();
    assert!(matches!(error, Error::Fault { .. }) && text.contains("no such option"), "{text}");
    let error = host.start_service("smog-test-none.service", wait).await.expect_err("is not there");
    assert!(matches!(error, Error::NotFound { .. }), "{error:?}");

    let list = host
        .services(["smog-test-fine.service", "smog-test-none.service", "ssh.service"])
        .await
        .expect("asks");
    assert_eq!(list.len(), 2);
    let remove = "systemctl stop 'smog-test-*'; systemctl reset-failed 'smog-test-*'; rm -f /run/systemd/system/smog-test-*; systemctl daemon-reload";
    host.run(Cmd::shell(remove).any_exit()).await.expect("cleans up");
}

#[tokio::test]
async fn facts_layout_and_packages() {
    let lab = lab();
    let host = host(&lab, "cmp1");
    let facts = host.facts().await.expect("facts");
    assert_eq!(facts.hostname, "cmp1");
    assert_eq!(facts.os_id.as_deref(), Some("debian"));
    assert!(facts.libvirt_version.is_some() && facts.qemu_version.is_some());
    assert!(facts.cells.iter().all(|cell| cell.memory_kib > 0 && cell.pool(2048).is_some()));
    let capabilities = host.capabilities().await.expect("capabilities");
    let of_libvirt: Vec<_> = capabilities.cells.iter().map(|cell| (cell.id, cell.cpuset())).collect();
    let of_kernel: Vec<_> = facts.cells.iter().map(|cell| (cell.id, cell.cpus.clone())).collect();
    assert_eq!(of_libvirt, of_kernel, "libvirt and /sys say the same of the cells");
    let other = self::host(&lab, "cmp2").facts().await.expect("facts");
    assert!(facts.shares_kernel_with(&other), "the lab's hosts are containers of one machine");

    use smog::host::{LayoutKind, ServiceRole};
    let layout = host.layout().await.expect("a layout");
    assert_eq!(layout.kind, LayoutKind::Debian);
    let nova = layout.place(ServiceRole::NovaCompute).expect("nova-compute");
    assert_eq!(nova.unit.as_deref(), Some("nova-compute.service"));
    assert!(nova.config.iter().any(|path| path == "/etc/nova/nova.conf"));
    assert!(layout.place(ServiceRole::NovaApi).is_none(), "masked there");
    let controller = self::host(&lab, "ctl").layout().await.expect("a layout");
    assert!(controller.place(ServiceRole::NovaApi).is_some());
    assert!(controller.place(ServiceRole::NovaCompute).is_none());

    let packages = host.packages(["nova-compute", "no-such-package"]).await.expect("asks");
    assert_eq!(packages.keys().collect::<Vec<_>>(), ["nova-compute"]);
}

#[tokio::test]
async fn domains_and_their_processes_agree() {
    let lab = lab();
    let mut seen = 0;
    for name in ["cmp1", "cmp2"] {
        let host = host(&lab, name);
        let simulated = host.facts().await.expect("facts").lab.is_some_and(|lab| lab.simulated_cells > 0);
        let lines = host.list_domains().await.expect("a list");
        let domains = host.domains().await.expect("domains");
        assert_eq!(lines.len(), domains.len());
        for domain in &domains {
            assert_eq!(host.domain(&domain.uuid).await.expect("by id").name, domain.name);
            if host.domain_state(&domain.name).await.expect("a state") != DomainState::Running {
                continue;
            }
            seen += 1;
            let process = host.guest_process(&domain.name).await.expect("a process");
            assert_eq!(process.uuid, domain.uuid);
            // Simulated cells: the XML has the CPUs asked for, the kernel the machine's own.
            if domain.is_pinned() && !simulated {
                assert_eq!(process.vcpu_affinity(), domain.vcpu_pins(), "{}", domain.name);
            }
            let huge = process.memory.as_ref().expect("memory").huge_kib().values().sum::<u64>();
            assert_eq!(huge > 0, domain.has_huge_pages(), "{}", domain.name);
            assert!(huge == 0 || huge >= domain.memory_kib);
        }
        let error = host.domain("instance-no-such").await.expect_err("is not there");
        assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
        assert!(host.start_domain("instance-no-such", Wait::default()).await.is_err());
    }
    eprintln!("looked at {seen} running domains");
    assert_eq!(quote("x"), "x");
}

#[tokio::test]
async fn a_domain_is_edited_defined_and_switched() {
    let lab = lab();
    let host = host(&lab, "cmp2");
    let name = format!("smog-test-{}", std::process::id());
    let xml = format!(
        "<domain type='qemu'>\n  <name>{name}</name>\n  <memory unit='MiB'>16</memory>\n  <vcpu>1</vcpu>\n  \
         <os><type arch='x86_64'>hvm</type></os>\n</domain>"
    );
    host.define_domain(&xml).await.expect("defines");
    let defined = host.domain_xml(&name, Dump { inactive: true, ..Dump::default() }).await.expect("dumps");
    let edited = DomainEdit::new(defined)
        .and_then(|edit| edit.set_text(&["currentMemory"], "8192"))
        .and_then(|edit| edit.insert(&[], "<title>smog's own</title>"))
        .expect("edits");
    host.define_domain(edited.xml()).await.expect("defines again");
    let domain = host.domain(&name).await.expect("is there");
    assert_eq!((domain.current_memory_kib, domain.nova), (8192, None));

    let wait = Wait::up_to(Duration::from_secs(20));
    host.start_domain(&name, wait).await.expect("starts");
    assert_eq!(host.domain_state(&name).await.expect("a state"), DomainState::Running);
    host.start_domain(&name, wait).await.expect("runs already");
    let process = host.guest_process(&name).await.expect("a process");
    assert_eq!(process.uuid, domain.uuid);
    assert!(process.vcpu(0).is_some());
    let error =
        host.shutdown_domain(&name, Wait::up_to(Duration::from_secs(1))).await.expect_err("has no ACPI");
    assert!(matches!(&error, Error::Timeout { last, .. } if last == "running"), "{error:?}");
    host.destroy_domain(&name, wait).await.expect("is switched off");
    assert_eq!(host.domain_state(&name).await.expect("a state"), DomainState::ShutOff);
    assert!(matches!(host.guest_process(&name).await, Err(Error::NotFound { .. })));

    let refused =
        host.define_domain("<domain type='qemu'><name>x</name></domain>").await.expect_err("lacks all");
    assert!(matches!(refused, Error::Command { .. }), "{refused:?}");
    host.run(Cmd::new("virsh").args(["undefine", &name])).await.expect("cleans up");
    let error = host.domain(&name).await.expect_err("is gone");
    assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
}
