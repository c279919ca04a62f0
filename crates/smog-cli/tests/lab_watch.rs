//! Watching the real cloud: exceptions that are provoked are caught whole, with their
//! request; rotation by the real logrotate and a cut connection lose and double nothing.

mod lab;

use std::io::Read;
use std::process::{Child, Stdio};
use std::time::Duration;

use lab::{ADMIN, Guests, eventually, lab, ssh, unique};
use serde_json::Value;

/// The records a watching command printed, one JSON object per line.
fn records(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|why| panic!("{why} in {line:.200}")))
        .collect()
}

fn text<'a>(record: &'a Value, field: &str) -> &'a str {
    record[field].as_str().unwrap_or_default()
}

fn exception(record: &Value) -> &str {
    record["exception"]["name"].as_str().unwrap_or_default()
}

/// Run a script while smog watches; what was printed and said.
fn watch_while(args: &[&str], script: &str) -> (Vec<Value>, String) {
    let args = [&["watch", "-o", "json"], args, &["--", "sh", "-c", script]].concat();
    let ran = lab().run(&args);
    let said = ran.err.clone();
    (records(&ran.expect(0).out), said)
}

/// A shell word that runs something on a host by plain ssh.
fn by_ssh(host: &str, script: &str) -> String {
    let config = std::env::var("SMOG_CONFIG").expect("SMOG_CONFIG").replace("smog.yml", "ssh_config");
    format!("ssh -F {config} {host} {}", smog::quote(script))
}

/// Shell words that look until a command succeeds, every 0.2 s, at most so many times.
fn until(looks: u32, succeeds: &str) -> String {
    format!("for i in $(seq {looks}); do {succeeds} && break; sleep 0.2; done")
}

/// No far end is left on any host of the lab.
fn nothing_is_left_running() {
    for host in ["ctl", "cmp1", "cmp2"] {
        eventually(&format!("an end of watching on {host}"), || {
            // The brackets keep this command from finding itself.
            ssh(host, "pgrep -fc 'smog-watc[h]' || true").trim() == "0"
        });
    }
}

fn all_services_up() {
    eventually("all of Nova's services up", || {
        let listed = ssh("ctl", &format!("{ADMIN} openstack compute service list -f value -c State"));
        listed.lines().count() >= 4 && listed.lines().all(|line| line == "up")
    });
}

#[test]
fn a_boot_that_finds_no_pages_is_told_with_its_request() {
    let name = unique("pages");
    let _guests = Guests::named(&[&name]);
    let smog = env!("CARGO_BIN_EXE_smog");
    let script = format!("{smog} boot {name} --ram 4096 --pages large; true");
    let (thrown, said) = watch_while(&["--exceptions"], &script);
    let told = thrown.iter().find(|record| exception(record).contains("NoValidHost"));
    let told = told.unwrap_or_else(|| panic!("no NoValidHost among {thrown:#?}"));
    let request = text(told, "request_id");
    assert!(request.starts_with("req-"), "{told:#}");
    // The boot's own error names the same request; the traceback is whole.
    assert!(said.contains(&format!("(request {request})")), "{said}");
    assert!(text(told, "text").contains("Traceback (most recent call last)"), "{told:#}");
    assert_eq!(told["exception"]["traceback"], true, "{told:#}");
    assert!(text(told, "text").contains("_schedule_instances"), "the frames are there: {told:#}");

    // The past tells the same, by the request and by the guest.
    let by_request = records(&lab().run(&["logs", "--request", request, "-o", "json"]).expect(0).out);
    assert!(by_request.iter().any(|record| text(record, "text") == text(told, "text")));
    let by_guest = records(&lab().run(&["logs", "--guest", &name, "-o", "json"]).expect(0).out);
    assert!(by_guest.iter().any(|record| text(record, "text") == text(told, "text")));
    assert!(by_guest.is_sorted_by_key(|record| text(record, "time").len().min(1)), "times are there");
    nothing_is_left_running();
}

#[test]
fn a_killed_qemu_is_told_of_its_guest() {
    let name = unique("killed");
    let _guests = Guests::named(&[&name]);
    lab().run(&["boot", &name, "--ram", "128"]).expect(0);
    let shown = lab().run(&["guest", "show", &name, "-o", "json"]).expect(0).json();
    let (host, domain, id) = (text(&shown, "host"), text(&shown["domain"], "name"), text(&shown, "id"));
    let kill = by_ssh(host, &format!("kill -9 $(cat /run/libvirt/qemu/{domain}.pid)"));
    let smog = env!("CARGO_BIN_EXE_smog");
    // Nova notices by libvirt's event, and makes it stopped.
    let stopped = format!("{smog} guest list -o value -c name -c status | grep -q '^{name}.SHUTOFF'");
    let script = format!("{kill}; {}", until(100, &stopped));
    let (told, _) = watch_while(&["--guest", &name, "--level", "info"], &script);
    let by_itself = told.iter().find(|record| text(record, "message").contains("shutdown by itself"));
    let by_itself = by_itself.unwrap_or_else(|| panic!("nothing of a shutdown among {told:#?}"));
    assert_eq!((text(by_itself, "host"), text(by_itself, "instance")), (host, id));
    nothing_is_left_running();
}

/// Puts a file of a host back, and its service.
struct Mended;

impl Drop for Mended {
    fn drop(&mut self) {
        ssh(
            "cmp2",
            "cd /etc/nova && mv nova-compute.conf.kept nova-compute.conf && systemctl reset-failed nova-compute; systemctl restart nova-compute",
        );
        all_services_up();
    }
}

#[test]
fn a_broken_nova_conf_is_told() {
    all_services_up();
    ssh("cmp2", "cd /etc/nova && cp -p nova-compute.conf nova-compute.conf.kept");
    let _mended = Mended;
    let script = format!(
        "sed -i s/LibvirtDriver/NoSuchDriver/ /etc/nova/nova-compute.conf; systemctl restart nova-compute; {}",
        until(150, "tail -n 60 /var/log/nova/nova-compute.log | grep -q NoSuchDriver")
    );
    let script = by_ssh("cmp2", &script);
    let (thrown, said) = watch_while(&["--exceptions", "--host", "cmp2"], &script);
    let told = thrown.iter().find(|record| text(record, "text").contains("NoSuchDriver"));
    let told = told.unwrap_or_else(|| panic!("nothing of the driver among {thrown:#?}"));
    assert!(exception(told).ends_with("Error"), "{told:#}");
    assert!(text(told, "request_id").starts_with("req-"), "{told:#}");
    assert!(said.contains(" on cmp2 in nova-compute.log"), "{said}");
}

/// nova-conductor with logging options of its own; the old ones come back at the end.
struct Conductor;

const KEPT: &str = "/etc/nova/nova.conf.kept";
const DROP_IN: &str = "/etc/systemd/system/nova-conductor.service.d";

impl Conductor {
    /// Restart it with these options of `[DEFAULT]` and words of its command line.
    fn logging(options: &str, words: &str) -> Conductor {
        ssh("ctl", &format!("test ! -e {KEPT} && test ! -e {DROP_IN} && cp -p /etc/nova/nova.conf {KEPT}"));
        let conductor = Conductor;
        let old = ssh("ctl", "cat /etc/nova/nova.conf");
        let rest: Vec<&str> = old.lines().filter(|line| !line.starts_with("log_dir")).collect();
        let new = rest.join("\n").replacen("[DEFAULT]\n", &format!("[DEFAULT]\n{options}\n"), 1);
        let unit = format!(
            "[Service]\nExecStart=\nExecStart=/usr/bin/nova-conductor --config-file=/etc/nova/nova.conf {words}\n"
        );
        let script = format!(
            "printf %s {} > /etc/nova/nova.conf; mkdir {DROP_IN}; printf %s {} > {DROP_IN}/own.conf; \
             systemctl daemon-reload; systemctl restart nova-conductor",
            smog::quote(&new),
            smog::quote(&unit)
        );
        ssh("ctl", &script);
        all_services_up();
        conductor
    }

    /// Boot a guest for which there is no host; the records with exceptions that the conductor wrote.
    fn thrown(&self, name: &str) -> Vec<Value> {
        let _guests = Guests::named(&[name]);
        let smog = env!("CARGO_BIN_EXE_smog");
        let script = format!("{smog} boot {name} --ram 4096 --pages large; true");
        let (mut thrown, said) = watch_while(&["--exceptions", "--host", "ctl"], &script);
        thrown.retain(|record| exception(record).contains("NoValidHost"));
        let requests: Vec<&str> = thrown.iter().map(|record| text(record, "request_id")).collect();
        assert!(!thrown.is_empty() && requests[0].starts_with("req-"), "{thrown:#?}");
        assert!(said.contains(&format!("(request {})", requests[0])), "{said}");
        assert!(requests.iter().all(|request| *request == requests[0]), "{requests:?}");
        // The past tells the same, and a traceback is in one record.
        let past = ["logs", "--request", requests[0], "--exceptions", "--host", "ctl", "-o", "json"];
        let past = records(&lab().run(&past).expect(0).out);
        let texts = |of: &[Value]| of.iter().map(|one| text(one, "text").to_string()).collect::<Vec<_>>();
        assert_eq!(texts(&past), texts(&thrown));
        thrown
    }
}

impl Drop for Conductor {
    fn drop(&mut self) {
        ssh(
            "ctl",
            &format!(
                "mv {KEPT} /etc/nova/nova.conf; rm -rf {DROP_IN} /var/log/nova/smog-form.log; \
                 systemctl daemon-reload; systemctl restart nova-conductor"
            ),
        );
        all_services_up();
    }
}

/// As devstack writes it into nova.conf; the journal is all there is.
const DEVSTACK: &str = "\
logging_context_format_string = %(color)s%(levelname)s %(name)s [\x1b[01;36m%(global_request_id)s %(request_id)s \x1b[00;36m%(project_name)s %(user_name)s%(color)s] \x1b[01;35m%(instance)s%(color)s%(message)s\x1b[00m
logging_default_format_string = %(color)s%(levelname)s %(name)s [\x1b[00;36m-%(color)s] \x1b[01;35m%(instance)s%(color)s%(message)s\x1b[00m
logging_debug_format_suffix = \x1b[00;33m{{(pid=%(process)d) %(funcName)s %(pathname)s:%(lineno)d}}\x1b[00m
logging_exception_prefix = ERROR %(name)s \x1b[01;35m%(instance)s\x1b[00m";

#[test]
fn devstacks_form_in_the_journal_is_told() {
    let conductor = Conductor::logging(DEVSTACK, "");
    let thrown = conductor.thrown(&unique("devstack"));
    for record in &thrown {
        assert_eq!(text(record, "source"), "journal:nova-conductor.service", "{record:#}");
    }
    let whole = thrown.iter().filter(|record| record["exception"]["traceback"] == true);
    assert!(whole.clone().any(|record| text(record, "text").contains("_schedule_instances")), "{thrown:#?}");
    assert!(thrown.iter().all(|record| text(record, "logger").starts_with("nova.")), "{thrown:#?}");
    // It was devstack's form.
    let lines = ssh("ctl", "journalctl -u nova-conductor --since -2min -o cat -a --no-pager");
    assert!(lines.contains("\x1b[01;36mNone req-"), "{lines}");
    drop(conductor);
    nothing_is_left_running();
}

/// A form that smog knows only from the service's own nova.conf.
const OWN_FORM: &str = "\
logging_context_format_string = %(levelname)-8s|%(asctime)s,%(msecs)03d|%(name)s|%(process)d|%(request_id)s|%(user_id)s| %(instance)s%(message)s
logging_default_format_string = %(levelname)-8s|%(asctime)s,%(msecs)03d|%(name)s|%(process)d||| %(instance)s%(message)s
logging_exception_prefix = %(levelname)-8s|%(asctime)s,%(msecs)03d|%(name)s|%(process)d|TRACE|| %(instance)s";

#[test]
fn a_form_of_the_services_own_nova_conf_is_told() {
    let conductor = Conductor::logging(OWN_FORM, "--log-file=/var/log/nova/smog-form.log");
    let thrown = conductor.thrown(&unique("form"));
    assert!(
        thrown.iter().all(|record| text(record, "source") == "/var/log/nova/smog-form.log"),
        "{thrown:#?}"
    );
    assert!(thrown.iter().any(|record| record["exception"]["traceback"] == true), "{thrown:#?}");
    let message = text(&thrown[0], "message");
    assert!(!message.contains('|') && text(&thrown[0], "logger").starts_with("nova."), "{:#}", thrown[0]);
    let lines = ssh("ctl", "head -n 1 /var/log/nova/smog-form.log");
    assert!(lines.starts_with("WARNING |2"), "{lines}");
    drop(conductor);
    nothing_is_left_running();
}

/// Starts RabbitMQ again.
struct Rabbit;

impl Drop for Rabbit {
    fn drop(&mut self) {
        ssh("ctl", "systemctl start rabbitmq-server");
        all_services_up();
    }
}

#[test]
fn a_stopped_rabbitmq_is_told_of_all_hosts() {
    let _rabbit = Rabbit;
    let hosts = ["cmp1", "cmp2", "ctl"];
    let refused = "grep -h ECONNREFUSED /var/log/nova/*.log | wc -l";
    let mut script = by_ssh("ctl", "systemctl stop rabbitmq-server");
    for host in hosts {
        let before = ssh(host, refused);
        let more = format!("[ $({refused}) -gt {} ]", before.trim());
        script += &format!("; {}", by_ssh(host, &until(300, &more)));
    }
    script += &format!("; {}", by_ssh("ctl", "systemctl start rabbitmq-server"));
    let (thrown, said) =
        watch_while(&["--exceptions", "--allow", "ConnectionResetError@oslo.messaging"], &script);
    for host in hosts {
        let mut own = thrown.iter().filter(|record| text(record, "host") == host);
        assert!(own.any(|record| text(record, "source").contains("/nova/")), "nothing of {host}: {said}");
    }
    // Known noise is counted, not hidden.
    assert!(said.contains("× allowed: ConnectionResetError from oslo.messaging (asked for)"), "{said}");
}

/// A watching command in the background.
struct Watching(Child);

impl Watching {
    fn start(args: &[&str]) -> Watching {
        // A connection of its own: it is cut.
        let child = lab()
            .with("SMOG_SSH__KEEP", "0")
            .command(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        Watching(child.expect("smog watch"))
    }

    fn interrupt(&mut self) {
        let id = self.0.id().to_string();
        let status = std::process::Command::new("kill").args(["-INT", &id]).status();
        assert!(status.expect("kill").success());
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The ssh masters below a process.
fn masters_below(parent: u32) -> Vec<String> {
    let listed = std::process::Command::new("ps").args(["-eo", "pid,args"]).output().expect("ps");
    let marker = format!("-{parent}-");
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    // A control socket carries the number of the process that made it.
    text.lines()
        .filter(|line| line.contains("ssh -M") && line.contains(&marker))
        .filter_map(|line| Some(line.split_whitespace().next()?.to_string()))
        .collect()
}

#[test]
fn logrotate_and_a_cut_connection_lose_and_double_nothing() {
    let folder = format!("/var/log/{}", unique("rotated"));
    ssh("cmp1", &format!("mkdir {folder} && touch {folder}/a.log {folder}/b.log"));
    let _gone = Folder(folder.clone());
    // One log is renamed and compressed, the other copied and truncated.
    let conf = format!(
        "{folder}/a.log {{\n rotate 9\n create\n compress\n missingok\n}}\n{folder}/b.log {{\n rotate 9\n copytruncate\n missingok\n}}\n"
    );
    ssh("cmp1", &format!("printf '%s' {} > {folder}/conf && chmod 644 {folder}/conf", smog::quote(&conf)));
    let glob = format!("{folder}/*.log");
    let mut watching = Watching::start(&["watch", "-o", "value", "--host", "cmp1", "--file", &glob]);
    let mut said = watching.0.stderr.take().expect("stderr");
    let mut first = [0; 9];
    said.read_exact(&mut first).expect("watching begins");

    let write = |from: u32, to: u32| {
        ssh(
            "cmp1",
            &format!(
                "for i in $(seq {from} {to}); do echo \"2026-11-24 10:00:00.000 1 INFO a [-] a line $i\" >> {folder}/a.log; \
             echo \"2026-11-24 10:00:00.000 1 INFO b [-] b line $i\" >> {folder}/b.log; done"
            ),
        );
    };
    let rotate = || ssh("cmp1", &format!("logrotate -f -s {folder}/state {folder}/conf"));
    write(1, 50);
    // Only what logrotate itself would lose between its copy and its truncation is not ours.
    std::thread::sleep(Duration::from_millis(300));
    rotate();
    write(51, 100);
    let cut = masters_below(watching.0.id());
    assert!(!cut.is_empty(), "the connection to be cut");
    for id in &cut {
        let _ = std::process::Command::new("kill").args(["-9", id]).status();
    }
    write(101, 150);
    rotate();
    write(151, 200);
    rotate();
    write(201, 250);
    std::thread::sleep(Duration::from_millis(2500));
    watching.interrupt();
    let mut out = String::new();
    watching.0.stdout.take().expect("stdout").read_to_string(&mut out).expect("read");
    let mut rest = String::new();
    said.read_to_string(&mut rest).expect("read");
    assert!(rest.contains("is away") && rest.contains("is back"), "the cut is told: {rest}");
    for log in ["a", "b"] {
        let mut seen: Vec<u32> = out
            .lines()
            .filter_map(|line| line.split_once(&format!(" {log} line "))?.1.parse().ok())
            .collect();
        seen.sort_unstable();
        assert_eq!(seen, (1..=250).collect::<Vec<_>>(), "log {log}; {rest}");
    }
    nothing_is_left_running();
}

/// A folder on cmp1, removed at the end.
struct Folder(String);

impl Drop for Folder {
    fn drop(&mut self) {
        ssh("cmp1", &format!("rm -rf {}", self.0));
    }
}

#[test]
fn an_interrupt_ends_it_cleanly_and_what_it_saw_is_saved() {
    let saved = tempfile::tempdir().expect("a folder");
    let dir = saved.path().display().to_string();
    let mut watching = Watching::start(&["watch", "--host", "ctl", "--save", &dir]);
    let mut said = watching.0.stderr.take().expect("stderr");
    let mut first = [0; 9];
    said.read_exact(&mut first).expect("watching begins");
    lab().run(&["flavor", "list"]).expect(0);
    std::thread::sleep(Duration::from_millis(500));
    watching.interrupt();
    let status = watching.0.wait().expect("its end");
    assert_eq!(status.code(), Some(130));
    let names: Vec<String> = std::fs::read_dir(saved.path())
        .expect("the folder")
        .map(|entry| entry.expect("a file").file_name().to_string_lossy().into_owned())
        .collect();
    assert!(names.iter().any(|name| name.starts_with("ctl-nova-api-wsgi-2")), "{names:?}");
    nothing_is_left_running();
}

#[test]
fn logs_are_read_while_keystone_is_away() {
    let away = lab()
        .without("OS_CLOUD")
        .with("OS_AUTH_URL", "http://127.0.0.1:9/v3")
        .with("OS_USERNAME", "x")
        .with("OS_PASSWORD", "x")
        .with("OS_PROJECT_NAME", "x");
    let ran = away.run(&["logs", "--since", "1d", "--host", "cmp1", "-o", "json"]).expect(0);
    assert!(ran.err.contains("continuing with the hosts of smog.yml"), "{}", ran.err);
    let told = records(&ran.out);
    assert!(told.iter().any(|record| text(record, "source").ends_with("nova-compute.log")), "{}", ran.err);
    assert!(told.iter().all(|record| text(record, "host") == "cmp1"));
    let unknown = away.run(&["logs", "--host", "cmp9"]).expect(2);
    assert!(unknown.err.contains("did you mean `cmp1` or `cmp2`?"), "{}", unknown.err);
}

#[test]
fn wrong_words_are_explained() {
    let refused = |args: &[&str]| lab().run(args).expect(2).err;
    assert!(refused(&["logs", "--since", "soon"]).contains("10m, 2h, 1d"));
    assert!(refused(&["watch", "--for", "1s", "--grep", "(x"]).contains("unclosed group"));
    assert!(refused(&["watch", "--level", "loud"]).contains("trace, debug, info"));
    assert!(refused(&["watch", "--for", "1s", "--host", "cmp9"]).contains("cmp1"));
    assert!(refused(&["logs", "--until", "2h"]).contains("before the beginning"));
    assert!(refused(&["watch", "--allow", "", "--for", "1s"]).contains("exception"));
    assert!(refused(&["watch", "--for", "1s", "--guest", "nobody"]).contains("nobody"));
}

#[test]
fn what_is_wanted_and_not_read_is_no_success() {
    let folder = format!("/var/log/{}", unique("unread"));
    ssh("cmp1", &format!("mkdir {folder}"));
    let _gone = Folder(folder.clone());
    let named = format!("{folder}/gone.log");
    let begun = std::time::Instant::now();
    let ran = lab().run(&["watch", "--for", "4s", "--host", "cmp1", "--file", &named]).expect(3);
    assert!(begun.elapsed() >= Duration::from_secs(4), "it watches as long as it was told");
    assert!(ran.err.contains(&format!("{named} on host `cmp1`: No such file or directory")), "{}", ran.err);
    let allowed = ["watch", "--for", "1s", "--host", "cmp1", "--file", &named, "--allow-unread"];
    lab().run(&allowed).expect(0);
    lab().run(&["logs", "--host", "cmp1", "--file", &named]).expect(3);
    let unit = ["logs", "--since", "1m", "--host", "cmp1", "--unit", "no-such-unit"];
    assert!(lab().run(&unit).expect(3).err.contains("journal of no-such-unit"));
    // A name that is not UTF-8 blinds nobody; neither does a folder whose other logs are fine.
    ssh("cmp1", &format!("cd {folder} && echo one > plain.log && echo two > \"$(printf 'nova-\\377.log')\""));
    let glob = format!("{folder}/*.log");
    let ran = lab().run(&["logs", "--host", "cmp1", "--file", &glob, "-o", "json"]).expect(0);
    let mut sources: Vec<String> =
        records(&ran.out).iter().map(|one| text(one, "source").replace(&folder, "")).collect();
    sources.sort();
    assert_eq!(sources, ["/nova-\\xff.log", "/plain.log"]);
    nothing_is_left_running();
}

#[test]
fn a_guest_that_was_deleted_is_found_in_the_logs() {
    let name = unique("deleted");
    let guests = Guests::named(&[&name]);
    lab().run(&["boot", &name, "--ram", "64"]).expect(0);
    let id = text(&lab().run(&["guest", "show", &name, "-o", "json"]).expect(0).json(), "id").to_string();
    drop(guests);
    eventually("the guest is gone", || !lab().run(&["guest", "list"]).expect(0).out.contains(&name));
    for asked in [&name, &id] {
        let told = records(&lab().run(&["logs", "--guest", asked, "-o", "json"]).expect(0).out);
        assert!(told.iter().any(|record| text(record, "instance") == id), "nothing of {asked}");
        assert!(lab().run(&["guest", "actions", asked]).expect(0).out.contains("delete"));
        assert_eq!(
            text(&lab().run(&["guest", "show", asked, "-o", "json"]).expect(0).json(), "status"),
            "DELETED"
        );
    }
    assert!(lab().run(&["guest", "list", "--deleted", "--name", &name]).expect(0).out.contains("DELETED"));
    lab().run(&["delete", &name]).expect(2);
}
