//! What can go wrong between a person and the cloud: each a paragraph with a way out,
//! and the documented exit code. All against the lab.

mod lab;

use lab::{ADMIN, Guests, Ran, Smog, lab, ssh, unique};

/// The error is one paragraph: a sentence, what it quotes, a hint.
#[track_caller]
fn says(ran: &Ran, sentence: &str, hint: &str) {
    let error: Vec<&str> = ran.err.lines().filter(|line| line.starts_with("error: ")).collect();
    let hints: Vec<&str> = ran.err.lines().filter(|line| line.starts_with("hint: ")).collect();
    assert!(error.len() == 1 && error[0].contains(sentence), "no `{sentence}` in:\n{}", ran.err);
    assert!(hints.len() == 1 && hints[0].contains(hint), "no hint `{hint}` in:\n{}", ran.err);
    assert!(!ran.err.contains("panicked"), "{}", ran.err);
    assert_eq!(ran.out, "", "results and errors are kept apart");
}

/// The lab's administrator by variables alone.
fn by_variables() -> Smog {
    let auth_url = ssh("ctl", "getent hosts ctl | cut -d' ' -f1");
    lab()
        .without("OS_CLOUD")
        .with("OS_AUTH_URL", &format!("http://{}:5000/v3", auth_url.trim()))
        .with("OS_USERNAME", "admin")
        .with("OS_PASSWORD", "lab")
        .with("OS_PROJECT_NAME", "admin")
}

#[test]
fn variables_alone_are_enough_and_v2_urls_are_understood() {
    by_variables().run(&["discover"]).expect(0);
    let url = ssh("ctl", "getent hosts ctl | cut -d' ' -f1");
    let old = by_variables().with("OS_AUTH_URL", &format!("http://{}:5000/v2.0/", url.trim()));
    let ran = old.run(&["discover"]).expect(0);
    assert!(ran.err.contains("note: keystone's v2.0 API is gone; using"), "{}", ran.err);
}

#[test]
fn a_keystonerc_file_and_the_introduction_s_config() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("http://{}:5000/v2.0/", ssh("ctl", "getent hosts ctl | cut -d' ' -f1").trim());
    let rc = folder.path().join("keystonerc_admin");
    std::fs::write(&rc, format!("unset OS_SERVICE_TOKEN\nexport OS_USERNAME=admin\nexport OS_PASSWORD='lab'\nexport OS_AUTH_URL={url}\nexport OS_TENANT_NAME=admin\n"))
        .expect("write");
    lab().without("OS_CLOUD").run(&["discover", "--rc", rc.to_str().expect("utf-8")]).expect(0);
    let config = folder.path().join("smog_config.yml");
    std::fs::write(&config, format!("log_dir: /tmp/smog\nrdo_clones:\n  base: /home/x\ncredentials:\n  OS_USERNAME: admin\n  OS_TENANT_NAME: admin\n  OS_PASSWORD: lab\n  OS_AUTH_URL: \"{url}\"\n"))
        .expect("write");
    let ran = lab()
        .without("OS_CLOUD")
        .without("OS_CLIENT_CONFIG_FILE")
        // This file has no word of the lab's SSH configuration, so hosts are not asked.
        .run(&["guest", "list", "--config", config.to_str().expect("utf-8")])
        .expect(0);
    assert!(ran.err.contains("rdo_clones"), "{}", ran.err);
}

#[test]
fn a_wrong_password() {
    let ran = by_variables().with("OS_PASSWORD", "Xk29-not-it").run(&["discover", "-v"]).expect(3);
    says(&ran, "does not accept user `admin`", "the OS_* variables");
    assert!(!ran.err.contains("Xk29-not-it"), "{}", ran.err);
}

#[test]
fn a_keystone_that_is_not_there() {
    let ran = by_variables().with("OS_AUTH_URL", "http://127.0.0.1:9/v3").run(&["discover"]).expect(3);
    says(&ran, "no answer from keystone at http://127.0.0.1:9/v3: Connection refused", "the OS_* variables");
}

#[test]
fn no_credentials_at_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let bare = lab().without("OS_CLOUD").without("OS_CLIENT_CONFIG_FILE").without("SMOG_CONFIG");
    let output = bare
        .with("HOME", folder.path().to_str().expect("utf-8"))
        .without("XDG_CONFIG_HOME")
        .command(&["discover"])
        .current_dir(folder.path())
        .output()
        .expect("smog");
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    let ran = Ran { code: output.status.code().unwrap_or(-1), out: String::new(), err }.expect(3);
    says(&ran, "no credentials", "--os-cloud");
}

#[test]
fn an_unknown_cloud() {
    let ran = lab().run(&["discover", "--os-cloud", "lap"]).expect(2);
    says(&ran, "called `lap`", "did you mean `lab`?");
}

#[test]
fn unknown_names_are_answered_with_near_ones() {
    for (args, sentence, hint) in [
        (&["boot", "x", "--image", "ciros"][..], "no image called `ciros`", "`cirros`"),
        (&["boot", "x", "--flavor", "m1.nao"], "no flavor called `m1.nao`", "`m1.nano`"),
        (&["boot", "x", "--network", "privat3"], "no network called `privat3`", "`private`"),
        (&["boot", "x", "--host", "cmp3"], "no compute host called `cmp3`", "`cmp1`"),
        (&["host", "run", "cmp11", "--", "true"], "no host called `cmp11`", "`cmp1`"),
    ] {
        says(&lab().run(args).expect(2), sentence, hint);
    }
    assert_eq!(lab::ids("x"), Vec::<String>::new(), "a wrong name leaves nothing behind");
}

#[test]
fn an_ambiguous_name() {
    let name = unique("twin");
    let _guests = Guests::named(&[&name]);
    for _ in 0..2 {
        lab().run(&["boot", &name, "--flavor", "m1.nano", "--network", "none"]).expect(0);
    }
    let ran = lab().run(&["xml", &name]).expect(2);
    says(&ran, &format!("2 guests are called `{name}`: "), "use one of the ids");
    for id in lab::ids(&name) {
        assert!(ran.err.contains(&id), "{}", ran.err);
        lab().run(&["xml", &id]).expect(0);
    }
}

#[test]
fn deleting_needs_the_whole_name() {
    let name = unique("whole");
    let _guests = Guests::named(&[&name]);
    lab().run(&["boot", &name, "--flavor", "m1.nano", "--network", "none"]).expect(0);
    let beginning = &name[..name.len() - 2];
    lab().run(&["xml", beginning]).expect(0);
    says(&lab().run(&["delete", beginning]).expect(2), "no guest called", &format!("did you mean `{name}`?"));
    assert_eq!(lab::ids(&name).len(), 1);
}

#[test]
fn no_valid_host_tells_fault_request_and_the_reason() {
    let name = unique("big");
    let _guests = Guests::named(&[&name]);
    let ran = lab().run(&["boot", &name, "--ram", "4194304"]).expect(1);
    says(&ran, &format!("boot of server `{name}` failed: No valid host was found"), "MiB of memory in all");
    let id = ran.err.split("(request ").nth(1).and_then(|rest| rest.split(')').next()).expect("a request id");
    let found = ssh("ctl", &format!("grep -l {id} /var/log/nova/nova-scheduler.log"));
    assert!(found.contains("nova-scheduler.log"), "the request leads somewhere");
    lab().run(&["delete", &name]).expect(0);
    assert!(lab::own_flavors().is_empty(), "{:?}", lab::own_flavors());
}

#[test]
fn a_quota_that_is_used_up() {
    let project = unique("poor");
    let password = "Zr77-for-this-test";
    let setup = format!(
        "set -e; export {ADMIN}; openstack project create {project} >/dev/null; \
         openstack user create --project {project} --password {password} {project} >/dev/null; \
         openstack role add --project {project} --user {project} member; \
         openstack quota set --instances 0 {project}"
    );
    ssh("ctl", &setup);
    let poor = by_variables()
        .with("OS_USERNAME", &project)
        .with("OS_PROJECT_NAME", &project)
        .with("OS_PASSWORD", password);
    // With every default: a plain user's flavor has a disk.
    let ran = poor.run(&["boot", "x", "-v"]);
    let no_disk = poor.run(&["boot", "x", "--flavor", "m1.nano"]);
    ssh(
        "ctl",
        &format!("export {ADMIN}; openstack user delete {project}; openstack project delete {project}"),
    );
    let ran = ran.expect(1);
    says(&ran, "Quota exceeded for instances", "quota");
    says(&no_disk.expect(1), "zero disk", "smog flavor list");
    assert!(!format!("{}{}", ran.out, ran.err).contains(password), "{}", ran.err);
}

/// A copy of the lab's smog.yml with something changed.
fn changed_config(change: impl Fn(String) -> String) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let text =
        std::fs::read_to_string(std::env::var_os("SMOG_CONFIG").expect("SMOG_CONFIG")).expect("smog.yml");
    let changed = change(text.clone());
    assert_ne!(changed, text, "nothing was changed");
    let path = folder.path().join("smog.yml");
    std::fs::write(&path, changed).expect("write");
    (folder, path.to_str().expect("utf-8").to_string())
}

#[test]
fn a_host_whose_key_is_unknown() {
    let (_folder, config) = changed_config(|text| text.replace("/known_hosts", "/no_known_hosts"));
    let ran = lab().run(&["host", "run", "cmp1", "--config", &config, "--", "true"]).expect(3);
    says(&ran, "host `cmp1`", "ssh-keyscan");
    assert!(ran.err.contains("is not trusted"), "{}", ran.err);
}

#[test]
fn a_host_that_does_not_answer() {
    // An address of the lab's own network that nobody has.
    let (_folder, config) = changed_config(|text| text.replace("98.77.11", "98.77.99"));
    let ran = lab().run(&["host", "run", "cmp1", "--config", &config, "--", "true"]).expect(3);
    says(&ran, "no answer from host `cmp1`", "");
    // Discovery goes on without it, says so, and does not pretend to be whole.
    let name = unique("seen");
    let _guests = Guests::named(&[&name]);
    lab().run(&["boot", &name, "--flavor", "m1.nano", "--network", "none", "--host", "cmp1"]).expect(0);
    let ran = lab().run(&["discover", "--config", &config]).expect(3);
    assert!(ran.out.contains(&name), "{}", ran.out);
    assert!(ran.err.contains("warning: the guests on host `cmp1` are shown without domain"), "{}", ran.err);
}

#[test]
fn a_key_that_is_not_accepted() {
    let folder = tempfile::tempdir().expect("a folder");
    let other = folder.path().join("id_other");
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&other)
        .status();
    assert!(made.expect("ssh-keygen").success());
    let (_config_folder, config) = changed_config(|text| {
        let lines = text.lines().map(|line| match line.trim_start().starts_with("key: ") {
            true => format!("  key: {}\n", other.display()),
            false => format!("{line}\n"),
        });
        lines.collect()
    });
    let ran = lab().run(&["host", "run", "cmp1", "--config", &config, "--", "true"]).expect(3);
    says(&ran, "host `cmp1`", "key");
    assert!(ran.err.contains("ermission denied"), "{}", ran.err);
}

#[test]
fn a_program_that_is_not_there() {
    let ran = lab().run(&["host", "run", "cmp1", "--", "virsh-of-another-world", "list"]).expect(3);
    says(&ran, "host `cmp1` has no `virsh-of-another-world`", "install");
}

/// Takes a program away from a host, and gives it back at the end of the test.
struct Away(&'static str, &'static str);

impl Away {
    fn take(host: &'static str, program: &'static str) -> Away {
        ssh(host, &format!("mv {program} {program}.away"));
        Away(host, program)
    }
}

impl Drop for Away {
    fn drop(&mut self) {
        ssh(self.0, &format!("mv {0}.away {0}", self.1));
    }
}

#[test]
fn a_host_without_virsh() {
    let name = unique("virsh");
    let _guests = Guests::named(&[&name]);
    lab().run(&["boot", &name, "--flavor", "m1.nano", "--network", "none", "--host", "cmp1"]).expect(0);
    {
        let _away = Away::take("cmp1", "/usr/bin/virsh");
        says(&lab().run(&["xml", &name]).expect(3), "host `cmp1` has no `virsh`", "libvirt-clients");
        // Nova's half is shown all the same, and the other half is said to be missing.
        let ran = lab().run(&["discover"]).expect(3);
        assert!(ran.out.contains(&name) && ran.err.contains("`virsh`"), "{}{}", ran.out, ran.err);
    }
    lab().run(&["xml", &name]).expect(0);
}

#[test]
fn a_guest_that_vanishes_in_mid_question() {
    let name = unique("gone");
    let _guests = Guests::named(&[&name]);
    lab().run(&["boot", &name, "--flavor", "m1.nano", "--network", "none"]).expect(0);
    let id = lab::ids(&name).remove(0);
    lab().run(&["delete", &name]).expect(0);
    for verb in ["xml", "pins", "migrate"] {
        let ran = lab().run(&[verb, &id]).expect(2);
        says(&ran, &format!("no guest called `{id}`"), "smog discover");
    }
}

#[test]
fn usage_errors_are_exit_code_2() {
    lab().run(&["boot"]).expect(2);
    lab().run(&["boot", "x", "--flavor", "m1.nano", "--pin"]).expect(2);
    lab().run(&["fly"]).expect(2);
    lab().run(&["boot", "x", "--pages", "3.5"]).expect(2);
}

#[test]
fn no_secret_at_any_verbosity() {
    let secrets = token_cache();
    for args in [
        &["discover", "-v"][..],
        &["host", "run", "cmp1", "-v", "--", "true"],
        &["boot", "x", "-v", "--image", "no"],
    ] {
        let ran = by_variables().run(args);
        let all = format!("{}{}", ran.out, ran.err);
        assert!(!all.contains("OS_PASSWORD") && !all.contains("X-Auth-Token"), "{all}");
        // A Fernet token begins so.
        assert!(!all.contains("gAAAA"), "{all}");
    }
    for file in secrets {
        let mode = std::os::unix::fs::PermissionsExt::mode(
            &std::fs::metadata(&file).expect("metadata").permissions(),
        );
        assert_eq!(mode & 0o077, 0, "{} is readable by others", file.display());
        let bytes = std::fs::read(&file).expect("the token cache");
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(!text.contains("password\":") && !text.contains("Zr77"), "a password in {}", file.display());
    }
}

/// The files of the SDK's token cache that hold something.
fn token_cache() -> Vec<std::path::PathBuf> {
    let home = std::env::var_os("HOME").map(std::path::PathBuf::from).expect("HOME");
    let Ok(entries) = std::fs::read_dir(home.join(".osc")) else { return vec![] };
    entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() > 0))
        .collect()
}

#[test]
fn a_doctor_finds_the_lab_well_and_names_a_host_that_is_not_there() {
    let well = lab().run(&["doctor"]).expect(0);
    for line in ["login", "compute", "placement", "image", "network", "nova services"] {
        assert!(well.out.contains(&format!("  ok       {line}")), "no `ok {line}` in:\n{}", well.out);
    }
    assert!(
        well.out.contains("commands run as root") && well.out.contains("libvirt answers"),
        "{}",
        well.out
    );
    // The lab has no volumes, which is no fault.
    assert!(well.out.contains("  limited  block-storage"), "{}", well.out);

    let ran = lab().run(&["doctor", "--set", "hosts.computes.0.host=10.98.77.99", "-o", "json"]).expect(3);
    let found: Vec<serde_json::Value> = serde_json::from_str(&ran.out).expect("JSON");
    let of = |host: &str| -> Vec<(&str, &str)> {
        let lines = found.iter().filter(|one| one["of"] == host);
        lines.map(|one| (one["what"].as_str().unwrap_or(""), one["health"].as_str().unwrap_or(""))).collect()
    };
    assert_eq!(of("cmp1"), [("ssh", "failed")], "nothing else is said of a host that does not answer");
    assert!(of("cmp2").contains(&("virsh", "ok")), "the others are looked at all the same: {found:?}");
}

#[test]
fn a_doctor_says_that_the_password_is_wrong_and_does_not_show_it() {
    let ran = by_variables().with("OS_PASSWORD", "Xk29-not-it").run(&["doctor"]).expect(3);
    assert!(ran.out.contains("  failed   login"), "{}", ran.out);
    assert!(!ran.out.contains("Xk29-not-it") && !ran.err.contains("Xk29-not-it"), "{}", ran.out);
}
