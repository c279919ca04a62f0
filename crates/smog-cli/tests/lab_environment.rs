//! `smog check`, `prepare` and `restore` against the lab: hosts come back to the byte,
//! whatever happens on the way.

mod lab;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use lab::{Ran, Smog, lab, ssh, unique};

/// The `smog` command with a journal folder of its own.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Desk {
        Desk(tempfile::tempdir().expect("a folder"))
    }

    fn smog(&self) -> Smog {
        lab().with("XDG_STATE_HOME", self.0.path().to_str().expect("utf-8"))
    }

    #[track_caller]
    fn run(&self, args: &[&str]) -> Ran {
        self.smog().run(args)
    }
}

/// Whatever a test does, the hosts are restored at its end.
impl Drop for Desk {
    fn drop(&mut self) {
        self.smog().run(&["restore", "--yes", "--force", "-q"]);
    }
}

/// Everything a restore must bring back, as text: a sum, mode and owner of every file of
/// /etc, its links, page counts, sysctls, states of units, and what lies in smog's folder.
fn fingerprint(host: &str) -> String {
    ssh(
        host,
        "cd /etc && find . -type f -print0 | sort -z | xargs -0 sha256sum; \
         find . -printf '%p %y %m %u %g %l\\n' | sort; \
         grep -H '' /sys/kernel/mm/hugepages/*/nr_hugepages /sys/devices/system/node/node*/hugepages/*/nr_hugepages \
         /proc/sys/vm/swappiness; \
         for u in smog-test nova-compute neutron-openvswitch-agent libvirtd; do \
         echo $u $(systemctl is-enabled $u 2>/dev/null) $(systemctl is-active $u); done; \
         ls -A /var/lib/smog 2>&1; true",
    )
}

/// The first lines in which two fingerprints differ.
fn difference(before: &str, after: &str) -> String {
    let only = |one: &str, other: &str, sign: &str| {
        let lines = one.lines().filter(|line| !other.lines().any(|two| two == *line)).take(10);
        lines.map(|line| format!("{sign}{line}\n")).collect::<String>()
    };
    only(before, after, "-") + &only(after, before, "+")
}

#[track_caller]
fn same(host: &str, before: &str, when: &str) {
    let after = fingerprint(host);
    assert!(before == after, "{host}, {when}:\n{}", difference(before, &after));
}

/// A unit of the test's own, which starts and stops at once.
struct TestUnit;

impl TestUnit {
    fn new() -> TestUnit {
        ssh(
            "cmp2",
            "printf '[Service]\\nExecStart=/bin/sleep infinity\\n[Install]\\nWantedBy=multi-user.target\\n' \
             >/etc/systemd/system/smog-test.service; systemctl daemon-reload; systemctl enable -q --now smog-test",
        );
        TestUnit
    }
}

impl Drop for TestUnit {
    fn drop(&mut self) {
        ssh(
            "cmp2",
            "systemctl disable -q --now smog-test; rm -f /etc/systemd/system/smog-test.service; systemctl daemon-reload",
        );
    }
}

/// A file on cmp2 that is removed at the test's end.
struct Remove(&'static str);

impl Drop for Remove {
    fn drop(&mut self) {
        ssh("cmp2", &format!("rm -f {}", self.0));
    }
}

fn number(host: &str, path: &str) -> u64 {
    ssh(host, &format!("cat {path}")).trim().parse().expect("a number")
}

const PAGES: &str = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages";

#[test]
fn a_changed_option_and_nova_compute_ready_by_evidence() {
    let desk = Desk::new();
    let before = fingerprint("cmp1");
    let wish = ["--set", "cmp1/nova.conf:DEFAULT.shutdown_timeout=7"];
    let checked = desk.run(&[&["check"], &wish[..]].concat()).expect(1);
    assert!(
        checked.out.contains("cmp1: not ready") && checked.out.contains("smog prepare --set"),
        "{}",
        checked.out
    );

    // Nobody to ask, and no answer given: nothing is changed.
    let refused = desk.run(&[&["prepare"], &wish[..]].concat()).expect(2);
    assert!(refused.err.contains("--yes"), "{}", refused.err);
    let shown = desk.run(&[&["prepare", "--dry-run"], &wish[..]].concat()).expect(0);
    assert!(shown.out.contains("-shutdown_timeout = 5\n+shutdown_timeout = 7"), "{}", shown.out);
    same("cmp1", &before, "nothing was changed yet");

    let prepared = desk.run(&[&["prepare", "--yes", "-o", "json"], &wish[..]].concat()).expect(0).json();
    let seen = &prepared["evidence"][0];
    assert_ne!(seen["old_pid"], seen["new_pid"], "{prepared:#}");
    let now: u64 =
        ssh("cmp1", "systemctl show --value -p MainPID nova-compute").trim().parse().expect("a pid");
    assert_eq!(seen["new_pid"], now);
    assert!(seen["log_line"].is_string(), "{seen:#}");
    assert!(seen["answer"].as_str().is_some_and(|answer| answer.starts_with("heartbeat of ")), "{seen:#}");
    // How long it took is `./bench prepare`'s to measure.
    assert!(seen["took_s"].as_f64().is_some_and(|took| took > 0.0), "{seen:#}");
    desk.run(&[&["check"], &wish[..]].concat()).expect(0);
    let again = desk.run(&[&["prepare", "--yes"], &wish[..]].concat()).expect(0);
    assert!(again.out.contains("match already"), "{}", again.out);

    let listed = desk.run(&["restore", "--list", "-o", "json"]).expect(0).json();
    assert_eq!(listed[0]["state"], "prepared", "{listed:#}");
    desk.run(&["restore", "--yes"]).expect(0);
    same("cmp1", &before, "restored");
}

/// As the user who owns the folder, put a link to `$2` wherever smog's new file is, or will be
/// by a name that the process list gives away; until the file `$3` is gone.
const ADVERSARY: &str = r#"
import os, re, sys
folder, target, go = sys.argv[1:]
runs = set()
while os.path.exists(go):
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/cmdline" % pid, "rb") as file:
                runs.update(re.findall(rb"smog/journal/([0-9]{8}-[0-9]{6}-[0-9a-f]+)", file.read()))
        except OSError:
            pass
        for _ in range(20):
            names = [".nova.conf.smog-" + run.decode() for run in sorted(runs)[-3:]]
            names += [name for name in os.listdir(folder) if name.startswith(".nova.conf.smog-")]
            for name in names:
                path = os.path.join(folder, name)
                try:
                    if not os.path.islink(path):
                        os.symlink(target, folder + "/.link")
                        os.rename(folder + "/.link", path)
                        print(path, flush=True)
                except OSError:
                    pass
"#;

/// The folder of nova.conf belongs to nova, and nova swaps links into it as fast as it can:
/// root writes nowhere else, and nova.conf is what it should be.
#[test]
fn an_adversary_in_the_folder_wins_no_round() {
    let desk = Desk::new();
    let before = ssh("cmp1", "cat /etc/nova/nova.conf; stat -c '%a %u %g' /etc/nova/nova.conf");
    let owner = ssh("cmp1", "stat -c '%U %a' /etc/nova");
    assert!(owner.starts_with("nova "), "the folder is {owner}: nothing would be shown");
    ssh("cmp1", "mkdir -p /tmp/smog-go && touch /tmp/smog-go/on && rm -f /etc/cron.d/smog-pwned");
    let adversary = format!(
        "nohup setpriv --reuid nova --regid nova --clear-groups python3 -c '{ADVERSARY}' \
         /etc/nova /etc/cron.d/smog-pwned /tmp/smog-go/on >/tmp/smog-go/out 2>&1 & sleep 1; pgrep -u nova -f smog-pwned"
    );
    let running = ssh("cmp1", &adversary);
    assert!(!running.trim().is_empty(), "the adversary does not run");
    let mut lost = Vec::new();
    for round in 0..10 {
        let set = format!("cmp1/nova.conf:DEFAULT.shutdown_timeout={}", 7 + round);
        desk.run(&["prepare", "--yes", "-q", "--host", "cmp1", "--set", &set]).expect(0);
        let there = ssh(
            "cmp1",
            "stat -c %F /etc/nova/nova.conf; grep ^shutdown_timeout /etc/nova/nova.conf; ls /etc/cron.d",
        );
        if !there.starts_with(&format!("regular file\nshutdown_timeout = {}\n", 7 + round))
            || there.contains("pwned")
        {
            lost.push(there);
        }
        desk.run(&["restore", "--yes", "-q", "--host", "cmp1"]).expect(0);
        let there = ssh("cmp1", "cat /etc/nova/nova.conf; stat -c '%a %u %g' /etc/nova/nova.conf");
        if there != before || ssh("cmp1", "ls /etc/cron.d").contains("pwned") {
            lost.push(there);
        }
    }
    // smog sweeps such links away: the adversary itself counts what it made.
    let tries =
        ssh("cmp1", "rm -f /tmp/smog-go/on; sleep 1; grep -c smog- /tmp/smog-go/out; rm -rf /tmp/smog-go");
    ssh("cmp1", "rm -f /etc/nova/.nova.conf.smog-* /etc/nova/.link /etc/cron.d/smog-pwned");
    assert!(lost.is_empty(), "{} of 20 writes lost (links left: {tries}): {lost:#?}", lost.len());
    assert_ne!(tries.trim(), "0", "the adversary never put a link anywhere");
}

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
fn a_service_that_does_not_come_up_and_a_cloud_that_does_not_answer() {
    let desk = Desk::new();
    let before = fingerprint("cmp2");
    let broken = desk.run(&["prepare", "--yes", "--set", "cmp2/nova.conf:libvirt.virt_type=bogus"]).expect(1);
    assert!(broken.err.contains("bogus") && broken.err.contains("`smog restore` brings"), "{}", broken.err);
    // No call that a nova-compute has to answer stands in the way.
    let begun = std::time::Instant::now();
    desk.run(&["restore", "--yes"]).expect(0);
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
    same("cmp2", &before, "it runs with the old file again");

    desk.run(&["prepare", "--yes", "--sysctl", "cmp2/vm.swappiness=33"]).expect(0);
    let clouds = std::env::var("OS_CLIENT_CONFIG_FILE").expect("OS_CLIENT_CONFIG_FILE");
    let text = std::fs::read_to_string(clouds).expect("clouds.yaml").replace(":5000", ":5001");
    let dead = desk.0.path().join("clouds.yaml");
    std::fs::write(&dead, text).expect("write");
    let smog = desk.smog().with("OS_CLIENT_CONFIG_FILE", dead.to_str().expect("utf-8"));
    let restored = smog.run(&["restore", "--yes"]).expect(0);
    assert!(restored.err.contains("continuing with the hosts of smog.yml"), "{}", restored.err);
    same("cmp2", &before, "restored without a cloud");
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

/// A container numbers its processes anew, so nobody outside can see whether its smog lives.
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

/// The whole sample of the installed Nova: thousands of lines of comments.
#[test]
fn nova_s_own_sample_changed_and_restored() {
    let desk = Desk::new();
    let namespaces = "--namespace nova.conf --namespace oslo.log --namespace oslo.messaging --namespace oslo.policy \
                      --namespace oslo.concurrency --namespace keystonemiddleware.auth_token";
    let name = unique("sample.conf");
    let path = format!("/tmp/{name}");
    ssh(
        "cmp2",
        &format!(
            "oslo-config-generator {namespaces} --output-file {path}; chmod 640 {path}; chown nova:root {path}"
        ),
    );
    let before = ssh("cmp2", &format!("cat {path}; stat -c '%a %U %G' {path}"));
    assert!(before.lines().count() > 5000, "{} lines", before.lines().count());

    let sample = smog::oslo::OsloConfig::parse(before.as_str(), &path);
    assert!(sample.is_err(), "the stat line is no option");
    let text = ssh("cmp2", &format!("cat {path}"));
    let sample = smog::oslo::OsloConfig::parse(text.as_str(), &path).expect("the sample");
    for (section, key) in
        [("libvirt", "virt_type"), ("filter_scheduler", "enabled_filters"), ("compute", "cpu_dedicated_set")]
    {
        let set = sample.set(section, key, "x").expect("sets");
        let added: Vec<&str> = set.text().lines().filter(|line| line.ends_with("= x")).collect();
        assert_eq!((added.len(), set.text().lines().count()), (1, text.lines().count() + 1), "{key}");
        assert_eq!(set.remove(section, key).expect("removes").text(), text, "{key}");
    }

    let file = format!("cmp2/{path}");
    let prepare = [
        "prepare",
        "--yes",
        "--set",
        &format!("{file}:libvirt.virt_type=kvm"),
        "--set",
        &format!("{file}:pci.alias=a"),
        "--set",
        &format!("{file}:pci.alias=b"),
    ];
    desk.run(&prepare).expect(0);
    let changed = ssh("cmp2", &format!("grep -c -E '^(virt_type = kvm|alias = [ab])$' {path}"));
    assert_eq!(changed.trim(), "3");
    desk.run(&["restore", "--yes"]).expect(0);
    assert_eq!(ssh("cmp2", &format!("cat {path}; stat -c '%a %U %G' {path}; rm {path}")), before);
}
