//! Killed, cut off, or not alone.

use super::*;

#[test]
fn killed_at_every_step_and_restored_to_the_byte() {
    let unit = TestUnit::new();
    let desk = Desk::new();
    let before = fingerprint("cmp2");
    let pages = format!("cmp2/2M={}", number("cmp2", PAGES) + 2);
    let args = [
        "prepare",
        "--yes",
        "-q",
        "--host",
        "cmp2",
        "--set",
        "cmp2/neutron.conf:DEFAULT.smog_test=1",
        "--sysctl",
        "cmp2/vm.swappiness=33",
        "--huge-pages",
        &pages,
        "--service",
        "cmp2/smog-test=disabled,inactive",
    ];
    let mut killed = 0;
    for step in 1.. {
        assert!(step < 100, "it never comes to its end");
        let output =
            desk.smog().with("SMOG_TEST_DIE_AT", &step.to_string()).command(&args).output().expect("smog");
        if output.status.success() {
            break;
        }
        assert_eq!(output.status.code(), None, "{}", String::from_utf8_lossy(&output.stderr));
        killed += 1;
        // Every third time from another machine: all it has is what lies on the host.
        let elsewhere = Desk::new();
        let by = if step % 3 == 0 { &elsewhere } else { &desk };
        if step % 4 == 0 {
            // The restore is killed too, and run again.
            by.smog()
                .with("SMOG_TEST_DIE_AT", &(1 + step % 9).to_string())
                .run(&["restore", "--yes", "-q", "--host", "cmp2"]);
        }
        by.run(&["restore", "--yes", "-q", "--host", "cmp2"]).expect(0);
        same("cmp2", &before, &format!("killed at step {step}"));
        if step % 3 == 0 {
            // What lies here finds nothing left to do.
            desk.run(&["restore", "--yes", "-q", "--host", "cmp2"]).expect(0);
        }
    }
    assert!(killed >= 20, "only {killed} steps");
    assert_eq!(number("cmp2", "/proc/sys/vm/swappiness"), 33);
    assert_ne!(fingerprint("cmp2"), before);
    desk.run(&["restore", "--yes", "-q"]).expect(0);
    same("cmp2", &before, "prepared and restored");
    drop(unit);
}

#[test]
fn all_hosts_at_once_killed_half_way_and_restored_from_elsewhere() {
    let (desk, elsewhere) = (Desk::new(), Desk::new());
    let hosts = ["ctl", "cmp1", "cmp2"];
    let before = hosts.map(fingerprint);
    let pages = number("cmp1", PAGES);
    let wish = [
        "prepare",
        "--yes",
        "--filters",
        "NUMATopologyFilter,JsonFilter",
        "--set",
        "nova.conf:DEFAULT.shutdown_timeout=7",
        "--huge-pages",
        &format!("2M={}", pages + 2),
        "--sysctl",
        "vm.swappiness=33",
    ];
    let planned = desk.run(&[&["--dry-run"], &wish[..]].concat()).expect(0).out;
    // Two computes, one kernel: its pages are counted once.
    assert_eq!(planned.matches(&format!("{pages} -> {}", pages + 2)).count(), 1, "{planned}");
    assert!(planned.contains("cmp2: note: shares its kernel with cmp1"), "{planned}");
    assert!(planned.contains("ctl: restarts nova-scheduler.service\n"), "{planned}");

    let killed = desk.smog().with("SMOG_TEST_DIE_AT", "33").command(&wish).output().expect("smog");
    assert_eq!(killed.status.code(), None, "{}", String::from_utf8_lossy(&killed.stderr));
    let listed = elsewhere.run(&["restore", "--list", "-o", "wide"]).expect(0).out;
    assert!(listed.contains("on the host only") && listed.contains("interrupted ("), "{listed}");
    elsewhere.run(&["restore", "--yes"]).expect(0);
    for (host, before) in hosts.iter().zip(&before) {
        same(host, before, "killed and restored");
    }
}

#[test]
fn what_someone_else_changed_is_shown_and_not_touched() {
    // A file of its own, which no service reads: nothing has to be restarted.
    ssh("cmp2", "printf '[DEFAULT]\\nlog_dir = /x\\n' >/etc/smog-test.conf");
    let _file = Remove("/etc/smog-test.conf");
    let desk = Desk::new();
    let before = fingerprint("cmp2");
    let prepare = [
        "prepare",
        "--yes",
        "--set",
        "cmp2//etc/smog-test.conf:DEFAULT.smog_test=1",
        "--sysctl",
        "cmp2/vm.swappiness=33",
    ];
    desk.run(&prepare).expect(0);
    ssh("cmp2", "sed -i 's/^log_dir = .*/&\\n# theirs/' /etc/smog-test.conf");
    let refused = desk.run(&["restore", "--yes"]).expect(1);
    assert!(refused.err.contains("someone else changed /etc/smog-test.conf"), "{}", refused.err);
    assert!(refused.out.contains("+smog_test = 1") && refused.out.contains("+# theirs"), "{}", refused.out);
    assert!(refused.err.contains("--merge"), "{}", refused.err);
    assert_ne!(number("cmp2", "/proc/sys/vm/swappiness"), 33, "the rest is restored all the same");
    assert!(ssh("cmp2", "cat /etc/smog-test.conf").contains("# theirs"));

    desk.run(&["restore", "--yes", "--merge"]).expect(0);
    let text = ssh("cmp2", "cat /etc/smog-test.conf");
    assert!(text.contains("# theirs") && !text.contains("smog_test"), "{text}");
    ssh("cmp2", "sed -i '/^# theirs$/d' /etc/smog-test.conf");
    same("cmp2", &before, "merged, and theirs taken away");
    assert!(desk.run(&["restore", "--list"]).expect(0).out.contains("nothing is outstanding"));
}

#[test]
fn two_smogs_on_one_host_see_each_other() {
    let desk = Desk::new();
    let before = fingerprint("cmp2");
    let lock = r#"{"run":"r-1","user":"bob","machine":"desk-of-bob","boot_id":"b","pid":4711,"pid_started":1,"since":"2026-11-24T09:00:00Z","command":"smog prepare --set x"}"#;
    ssh("cmp2", &format!("mkdir -p -m 700 /var/lib/smog && echo '{lock}' >/var/lib/smog/lock"));
    let wish = ["prepare", "--yes", "--sysctl", "cmp2/vm.swappiness=33"];
    let refused = desk.run(&wish).expect(1);
    assert!(refused.err.contains("bob@desk-of-bob (process 4711"), "{}", refused.err);
    assert!(refused.err.contains("since 2026-11-24 09:00:00 UTC"), "{}", refused.err);
    assert!(refused.err.contains("smog restore --break-lock cmp2"), "{}", refused.err);
    assert_ne!(number("cmp2", "/proc/sys/vm/swappiness"), 33);
    let listed = desk.run(&["restore", "--list"]).expect(0).out;
    assert!(
        listed.contains("locked from another machine or container") && listed.contains("bob@desk-of-bob"),
        "{listed}"
    );
    desk.run(&["restore", "--yes"]).expect(1);
    desk.run(&["restore", "--yes", "--break-lock", "cmp2"]).expect(0);
    same("cmp2", &before, "the lock is broken");
}

/// A container numbers its processes from 1, so nobody outside can see whether its smog lives.
#[test]
fn a_smog_killed_in_a_pid_namespace_of_its_own_is_not_called_dead() {
    let desk = Desk::new();
    let before = fingerprint("cmp2");
    let wish = ["prepare", "--yes", "--host", "cmp2", "--sysctl", "cmp2/vm.swappiness=33"];
    let inner = desk.smog().with("SMOG_TEST_DIE_AT", "6").command(&wish);
    let mut unshare = Command::new("unshare");
    // The first process of a namespace cannot kill itself: the shell is that.
    unshare.args(["--pid", "--fork", "--mount-proc", "sh", "-c", r#""$@"; exit $?"#, "sh"]);
    unshare.arg(inner.get_program()).args(inner.get_args());
    unshare.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let killed = unshare.stdin(Stdio::null()).output().expect("unshare");
    assert!(!killed.status.success(), "{}", String::from_utf8_lossy(&killed.stderr));
    let listed = desk.run(&["restore", "--list"]);
    let other = ["prepare", "--yes", "--host", "cmp2", "--sysctl", "cmp2/vm.swappiness=34"];
    let refused = [desk.run(&["restore", "--yes"]), desk.run(&other)];
    // Before anything may fail: the desk's own end breaks no locks.
    let broken = desk.run(&["restore", "--yes", "--break-lock", "cmp2"]);
    for refused in refused {
        let refused = refused.expect(1);
        assert!(refused.err.contains("in another container: "), "{}", refused.err);
        assert!(refused.err.contains("smog restore --break-lock cmp2"), "{}", refused.err);
    }
    broken.expect(0);
    let listed = listed.expect(0).out;
    assert!(listed.contains("locked from another machine or container (1 of 1 done)"), "{listed}");
    same("cmp2", &before, "killed in a namespace of its own");
}

#[test]
fn a_lost_connection_leaves_a_journal_that_restores() {
    let desk = Desk::new();
    let before = fingerprint("cmp2");
    let args = ["prepare", "--yes", "--host", "cmp2", "--set", "cmp2/neutron.conf:DEFAULT.smog_test=1"];
    // A connection of its own: it is cut.
    let mut smog = desk
        .smog()
        .with("SMOG_SSH__KEEP", "0")
        .command(&args)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("smog");
    let mut said = String::new();
    for line in BufReader::new(smog.stderr.take().expect("stderr")).lines() {
        let line = line.expect("a line");
        if line.contains("restarts neutron") {
            // Questions are asked again on a new connection; the order to restart is not.
            lab::eventually("the order to restart", || {
                ssh("cmp2", "systemctl show --value -p ActiveState neutron-openvswitch-agent") != "active\n"
            });
            for pid in ssh_of(&desk) {
                std::process::Command::new("kill").args(["-9", &pid]).status().expect("kill");
            }
        }
        said.push_str(&line);
        said.push('\n');
    }
    let code = smog.wait().expect("ends").code();
    assert_eq!(code, Some(3), "{said}");
    assert!(
        said.contains("the connection was lost") && said.contains("`smog restore` restores it"),
        "{said}"
    );
    assert!(ssh("cmp2", "cat /etc/neutron/neutron.conf").contains("smog_test"));
    desk.run(&["restore", "--yes"]).expect(0);
    same("cmp2", &before, "restored after a lost connection");
}

/// The SSH masters of a desk's smog: they have its environment, with the desk's own folder in it.
fn ssh_of(desk: &Desk) -> Vec<String> {
    let own = format!("XDG_STATE_HOME={}", desk.0.path().display());
    let entries = std::fs::read_dir("/proc").expect("/proc").filter_map(|entry| {
        let path = entry.ok()?.path();
        let is_ssh = std::fs::read_to_string(path.join("comm")).ok()?.trim() == "ssh";
        let environment = std::fs::read(path.join("environ")).ok()?;
        let is_own = environment.split(|byte| *byte == 0).any(|one| one == own.as_bytes());
        (is_ssh && is_own).then(|| path.file_name().map(|name| name.to_string_lossy().into_owned()))?
    });
    let found: Vec<String> = entries.collect();
    assert!(!found.is_empty(), "no SSH master");
    found
}
