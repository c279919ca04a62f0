//! The first path through smog, on the lab: boot, discover, read, move, delete.

mod lab;

use lab::{Guests, eventually, free_pages, lab, ssh, unique};

#[test]
fn a_pinned_guest_with_huge_pages_from_boot_to_delete() {
    let name = unique("path");
    let _guests = Guests::named(&[&name]);
    let pages_before = free_pages();
    let flavors_before = lab::own_flavors();

    let booted = lab()
        .run(&["boot", &name, "--ram", "128", "--pin", "--pages", "large", "-o", "json"])
        .expect(0)
        .json();
    assert_eq!(booted["status"], "ACTIVE");
    assert_eq!(booted["flavor"]["extra_specs"]["hw:cpu_policy"], "dedicated");
    assert_eq!(booted["flavor"]["extra_specs"]["hw:mem_page_size"], "large");
    let first = booted["host"].as_str().expect("a host").to_string();
    assert_eq!(free_pages(), pages_before - 64, "128 MiB are 64 pages of 2 MiB");

    let guests = lab().run(&["discover", "-o", "json"]).expect(0).json();
    let guest =
        guests.as_array().expect("a list").iter().find(|guest| guest["name"] == *name).expect("our guest");
    assert_eq!(guest["host"], *first);
    let xml = guest["xml"].as_str().expect("its domain XML");
    assert!(xml.contains("<vcpupin vcpu='0' cpuset='1'/>") && xml.contains("<hugepages>"), "{xml}");

    // smog's XML is libvirt's own, byte for byte.
    let domain = guest["instance_name"].as_str().expect("a domain");
    let printed = lab().run(&["xml", &name]).expect(0).out;
    assert_eq!(printed.trim_end(), ssh(&first, &format!("virsh dumpxml {domain}")).trim_end());

    // What is declared is so; and when the kernel is told otherwise, smog sees it.
    let pins = lab().run(&["pins", &name, "-o", "json"]).expect(0).json();
    assert_eq!((&pins[0]["declared"], &pins[0]["kernel"]), (&"CPU 1".into(), &"CPU 1".into()));
    let memory =
        pins.as_array().expect("rows").iter().find(|row| row["what"] == "memory").expect("a memory row");
    assert_eq!(memory["kernel"], "128 MiB in 2 MiB pages");
    let thread = ssh(
        &first,
        &format!(
            "cd /proc/$(cat /run/libvirt/qemu/{domain}.pid)/task; grep -l '^CPU 0' */comm | cut -d/ -f1"
        ),
    );
    ssh(&first, &format!("taskset -pc 0 {}", thread.trim()));
    let moved = lab().run(&["pins", &name]).expect(1);
    assert!(
        moved.out.contains("CPU 1") && moved.out.contains("CPU 0") && moved.out.contains("NO"),
        "{}",
        moved.out
    );
    ssh(&first, &format!("taskset -pc 1 {}", thread.trim()));

    let migrated = lab().run(&["migrate", &name]).expect(0);
    let second = if first == "cmp1" { "cmp2" } else { "cmp1" };
    assert!(migrated.out.contains(&format!("{first} -> {second}")), "{}", migrated.out);
    lab().run(&["pins", &name]).expect(0);
    ssh(second, &format!("virsh domstate {domain} | grep -q running"));

    lab().run(&["delete", &name]).expect(0);
    assert_eq!(lab::ids(&name), Vec::<String>::new());
    assert_eq!(lab::own_flavors(), flavors_before, "the flavor smog made is deleted with the guest");
    eventually("giving the huge pages back", || free_pages() == pages_before);
}

#[test]
fn discover_asks_nova_for_servers_and_hypervisors_once() {
    let names = [unique("once-1"), unique("once-2")];
    let _guests = Guests::named(&[&names[0], &names[1]]);
    for (name, host) in names.iter().zip(["cmp1", "cmp2"]) {
        let booted =
            lab().run(&["boot", name, "--flavor", "m1.nano", "--network", "none", "--host", host]).expect(0);
        assert!(booted.out.contains(&format!("ACTIVE on {host}")), "{}", booted.out);
    }
    let ran = lab().run(&["discover", "-v"]).expect(0);
    let calls: Vec<&str> = ran.err.lines().filter(|line| line.starts_with("compute")).collect();
    let lists = calls.iter().filter(|line| line.contains("/servers")).count();
    assert_eq!((calls.len(), lists), (3, 1), "the API version and two lists:\n{}", ran.err);
    for name in &names {
        assert!(ran.out.contains(name.as_str()), "{}", ran.out);
    }
}

#[test]
fn results_for_machines_are_complete_and_alike() {
    let name = unique("forms");
    let _guests = Guests::named(&[&name]);
    lab().run(&["boot", &name, "--flavor", "m1.nano"]).expect(0);
    let wide = lab().run(&["discover", "-o", "wide"]).expect(0).out;
    let json = lab().run(&["discover", "-o", "json"]).expect(0).json();
    let yaml = lab().run(&["discover", "-o", "yaml"]).expect(0).out;
    let guest =
        json.as_array().expect("a list").iter().find(|guest| guest["name"] == *name).expect("our guest");
    let id = guest["id"].as_str().expect("an id");
    assert!(wide.contains(id) && yaml.contains(id), "{wide}\n{yaml}");
    assert_eq!(guest["domain"]["memory_kib"], 128 * 1024);
    assert_eq!(guest["addresses"]["private"][0]["version"], 4);
}

#[test]
fn commands_on_hosts() {
    let ran = lab().run(&["host", "run", "cmp1", "--", "hostname"]).expect(0);
    assert_eq!(ran.out, "cmp1\n");
    // Several words reach the program as they are; one word is a script.
    let words = lab().run(&["host", "run", "ctl", "--", "printf", "%s|", "a b", "$HOME", "'"]).expect(0);
    assert_eq!(words.out, "a b|$HOME|'|");
    let script = lab().run(&["host", "run", "ctl", "--", "echo one; exit 5"]).expect(1);
    assert_eq!(script.out, "one\n");
    assert!(script.err.contains("exit code 5"), "{}", script.err);
    // A command that does not end is ended, there too.
    let mark = format!("{}", 86_000 + std::process::id() % 400);
    let late = lab().run(&["host", "run", "cmp2", "--timeout", "2", "--", "sleep", &mark]).expect(1);
    assert!(late.err.contains("cmp2"), "{}", late.err);
    eventually("the end of the sleep on the host", || {
        ssh("cmp2", &format!("pgrep -fx 'sleep {mark}' || true")).trim().is_empty()
    });
}

/// A boot that is interrupted the moment its server exists; what it said, if it had not ended before.
fn interrupted_boot(name: &str, more: &[&str]) -> Option<String> {
    let mut child = lab()
        .command(&[&["boot", name, "-v", "--ram", "128"], more].concat())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("smog");
    eventually("the server's order", || !lab::ids(name).is_empty());
    let pid = child.id().to_string();
    let asked = std::process::Command::new("kill").args(["-INT", &pid]).status().expect("kill");
    if child.try_wait().expect("the child").is_some() {
        return None;
    }
    assert!(asked.success());
    let ended = child.wait_with_output().expect("its end");
    let err = String::from_utf8_lossy(&ended.stderr).into_owned();
    if ended.status.code() == Some(0) {
        return None;
    }
    assert_eq!(ended.status.code(), Some(130), "{err}");
    Some(err)
}

#[test]
fn an_interrupted_boot_is_taken_back() {
    let name = unique("stop");
    let _guests = Guests::named(&[&name]);
    if let Some(err) = interrupted_boot(&name, &[]) {
        assert!(err.contains("nothing is left behind"), "{err}");
        assert!(lab::ids(&name).is_empty(), "{err}");
        assert!(
            !lab::own_flavors().iter().any(|flavor| flavor.contains("smog-t")),
            "{:?}",
            lab::own_flavors()
        );
    }
}

#[test]
fn an_interrupted_boot_is_kept_where_that_was_asked_for() {
    let name = unique("kept");
    let _guests = Guests::named(&[&name]);
    if let Some(err) = interrupted_boot(&name, &["--keep"]) {
        assert!(err.contains("is kept"), "{err}");
    }
    lab().run(&["delete", &name]).expect(0);
    assert!(!lab::own_flavors().iter().any(|flavor| flavor.contains("smog-t")), "{:?}", lab::own_flavors());
}

#[test]
fn the_example_runs_as_printed() {
    let example = std::path::Path::new(env!("CARGO_BIN_EXE_smog")).with_file_name("examples").join("simple");
    let _guests = Guests::named(&["simple"]);
    let ran = std::process::Command::new(&example)
        .output()
        .unwrap_or_else(|why| panic!("{}: {why}", example.display()));
    let out = String::from_utf8_lossy(&ran.stdout);
    // Its error first: the XML is long, and a log of CI keeps the beginning.
    assert!(ran.status.success(), "{}\n{out}", String::from_utf8_lossy(&ran.stderr));
    let place =
        |mark: &str| out.lines().find_map(|line| line.strip_prefix(mark)).map(str::trim).map(str::to_string);
    let (before, after) = (place("before:"), place("after:"));
    assert!(before.is_some() && after.is_some() && before != after, "{out}");
    assert!(out.contains("<domain type='qemu'"), "{out}");
    assert_eq!(lab::ids("simple"), Vec::<String>::new());
}
