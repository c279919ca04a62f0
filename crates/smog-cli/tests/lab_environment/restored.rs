//! Changes that come to their end, by evidence, and are restored to the byte.

use super::*;

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
