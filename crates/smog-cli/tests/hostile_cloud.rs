//! Every command against a cloud that answers nonsense, and every listing whose reader is odd: no
//! panic, no raw control character, a sentence, and an exit code that is not "all is well".
//!
//! The commands are found by asking `--help`, so that a new one is tried as well.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// What the cloud answers to everything but the log-in and the documents of versions.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Good,
    /// A web page with status 200.
    Page,
    Empty,
    Failed,
    CutShort,
    /// A list where an object should be.
    List,
    Huge,
    Nulls,
    Control,
    Endless,
}

const HOSTILE: &[Kind] = &[
    Kind::Page,
    Kind::Empty,
    Kind::Failed,
    Kind::CutShort,
    Kind::List,
    Kind::Huge,
    Kind::Nulls,
    Kind::Control,
    Kind::Endless,
];

struct Cloud {
    port: u16,
    asked: Arc<AtomicUsize>,
}

impl Cloud {
    fn new(kind: Kind) -> Cloud {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let count = count.clone();
                std::thread::spawn(move || serve(stream, port, kind, &count));
            }
        });
        Cloud { port, asked }
    }
}

fn serve(mut stream: TcpStream, port: u16, kind: Kind, asked: &AtomicUsize) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
    let (mut seen, mut chunk) = (vec![], [0; 8192]);
    loop {
        let Ok(count @ 1..) = stream.read(&mut chunk) else { return };
        seen.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8_lossy(&seen).to_lowercase();
        let Some((head, _)) = text.split_once("\r\n\r\n") else { continue };
        let length =
            head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        if seen.len() >= head.len() + 4 + length.unwrap_or(0) {
            break;
        }
    }
    let text = String::from_utf8_lossy(&seen).into_owned();
    let mut words = text.split_whitespace();
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (status, media_type, body) = answer(method, path, port, kind, asked);
    let head = format!(
        "HTTP/1.1 {status} X\r\nConnection: close\r\nX-Subject-Token: t\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
}

fn answer(
    method: &str,
    path: &str,
    port: u16,
    kind: Kind,
    asked: &AtomicUsize,
) -> (u16, &'static str, String) {
    let root = format!("http://127.0.0.1:{port}");
    let (bare, query) = path.split_once('?').unwrap_or((path, ""));
    const JSON: &str = "application/json";
    match (method, bare) {
        ("POST", "/v3/auth/tokens") => return (201, JSON, token(&root)),
        ("GET", "/compute/v2.1/") => {
            let version = json!({"version": {"id": "v2.1", "status": "CURRENT", "version": "2.96", "min_version": "2.1"}});
            return (200, JSON, version.to_string());
        }
        ("GET", "/placement/") => {
            let version = json!({"versions": [{"id": "v1.0", "max_version": "1.39", "min_version": "1.0"}]});
            return (200, JSON, version.to_string());
        }
        _ => {}
    }
    let number = asked.fetch_add(1, Ordering::Relaxed);
    let mut good = good(bare);
    match kind {
        Kind::Good => {}
        Kind::Page => return (200, "text/html", "<html><title>Log in</title>\x1b[31m</html>".into()),
        Kind::Empty => return (200, JSON, String::new()),
        Kind::Failed => return (500, "text/plain", "it \x1b[31mbroke\u{9b}2J\nTraceback".into()),
        Kind::CutShort => {
            let text = good.to_string();
            return (200, JSON, text[..text.floor_char_boundary(text.len() / 2)].into());
        }
        Kind::List => return (200, JSON, "[1, [2], {\"a\": null}]".into()),
        Kind::Huge => change(&mut good, &|value| {
            if value.is_number() {
                *value = serde_json::from_str("99999999999999999999999999").unwrap_or_else(|_| json!(1e300));
            }
        }),
        Kind::Nulls => change(&mut good, &|value| {
            if !value.is_array() && !value.is_object() {
                *value = Value::Null;
            }
        }),
        Kind::Control => change(&mut good, &|value| {
            if let Value::String(text) = value
                && !text.contains("://")
                && !is_id(text)
            {
                text.push_str("\u{1b}[31m\u{7}\u{9b}2J\r\n\u{202e}");
            }
        }),
        // Always the same page, and always another one behind it.
        Kind::Endless => {
            if let Value::Object(object) = &mut good {
                let key = object.keys().next().cloned().unwrap_or_default();
                let next = json!([{"rel": "next", "href": format!("{root}{path}")}]);
                object.insert(format!("{key}_links"), next);
                object.insert("next".into(), json!(format!("{bare}?again")));
                object.insert("links".into(), json!({"next": format!("{root}{path}")}));
            }
            // A command that reads pages without end is stopped by this.
            if number > 3000 || query.len() > 10_000 {
                return (500, "text/plain", "too many pages were asked for".into());
            }
        }
    }
    (200, JSON, good.to_string())
}

fn is_id(text: &str) -> bool {
    text.len() == 36 || text.starts_with("20") || text.chars().all(|c| c.is_ascii_uppercase())
}

fn change(value: &mut Value, by: &dyn Fn(&mut Value)) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| change(item, by)),
        Value::Object(fields) => fields.values_mut().for_each(|item| change(item, by)),
        leaf => by(leaf),
    }
}

const ID: &str = "11111111-2222-4333-8444-555555555555";

/// What a real cloud answers, as far as smog reads it.
fn good(path: &str) -> Value {
    let server = json!({
        "id": ID, "name": "g", "status": "ACTIVE", "created": "2026-01-01T00:00:00Z", "updated": "2026-01-01T00:00:00Z",
        "tenant_id": "p", "user_id": "u", "metadata": {"k": "v"}, "addresses": {}, "tags": ["t"], "locked": false,
        "OS-EXT-STS:task_state": null, "OS-EXT-STS:vm_state": "active", "OS-EXT-STS:power_state": 1,
        "OS-EXT-SRV-ATTR:host": "h", "OS-EXT-SRV-ATTR:hypervisor_hostname": "h",
        "OS-EXT-SRV-ATTR:instance_name": "instance-1", "OS-EXT-AZ:availability_zone": "nova",
        "flavor": {"original_name": "f", "vcpus": 1, "ram": 64, "disk": 0, "ephemeral": 0, "swap": 0, "extra_specs": {}},
        "image": "", "security_groups": [], "os-extended-volumes:volumes_attached": [],
    });
    let flavor = json!({"id": ID, "name": "f", "vcpus": 1, "ram": 64, "disk": 0, "swap": 0,
        "OS-FLV-EXT-DATA:ephemeral": 0, "os-flavor-access:is_public": true, "extra_specs": {"hw:a": "b"}, "description": "d"});
    let image = json!({"id": ID, "name": "i", "status": "active", "size": 12, "visibility": "public", "owner": "p",
        "disk_format": "qcow2", "container_format": "bare", "min_disk": 0, "min_ram": 0, "hw_x": "y"});
    let hypervisor = json!({"id": ID, "hypervisor_hostname": "h", "hypervisor_type": "QEMU", "state": "up", "status": "enabled",
        "host_ip": "127.0.0.1", "hypervisor_version": 1000, "uptime": "up", "service": {"id": ID, "host": "h", "disabled_reason": null}, "servers": []});
    let aggregate = json!({"id": 1, "uuid": ID, "name": "a", "availability_zone": "z", "hosts": ["h"], "metadata": {"k": "v"}});
    let network = json!({"id": ID, "name": "n", "status": "ACTIVE", "subnets": [ID], "shared": true, "admin_state_up": true,
        "mtu": 1500, "router:external": false, "project_id": "p", "provider:network_type": "flat", "provider:physical_network": "x"});
    let subnet = json!({"id": ID, "name": "s", "network_id": ID, "cidr": "192.0.2.0/24", "ip_version": 4, "enable_dhcp": true,
        "gateway_ip": "192.0.2.1", "allocation_pools": [{"start": "192.0.2.2", "end": "192.0.2.9"}], "dns_nameservers": []});
    let port = json!({"id": ID, "name": "q", "network_id": ID, "status": "ACTIVE", "mac_address": "fa:16:3e:00:00:01",
        "fixed_ips": [], "device_id": ID, "device_owner": "compute:nova", "binding:host_id": "h", "binding:vif_type": "ovs",
        "binding:vnic_type": "normal", "admin_state_up": true, "security_groups": [], "port_security_enabled": true});
    let group = json!({"id": ID, "name": "sg", "description": "d", "project_id": "p", "security_group_rules": [
        {"id": ID, "direction": "ingress", "ethertype": "IPv4", "protocol": "tcp", "port_range_min": 1, "port_range_max": 2,
         "remote_ip_prefix": null, "remote_group_id": null, "security_group_id": ID}]});
    let provider = json!({"uuid": ID, "name": "h", "generation": 1, "root_provider_uuid": ID, "parent_provider_uuid": null});
    let project = json!({"id": ID, "name": "p", "enabled": true, "domain_id": "default", "description": "d"});
    let end = path.trim_end_matches('/');
    match end.rsplit('/').next().unwrap_or_default() {
        "detail" if end.contains("/servers/") => json!({"servers": [server], "servers_links": []}),
        "detail" if end.contains("/flavors/") => json!({"flavors": [flavor]}),
        "detail" if end.contains("/os-hypervisors/") => json!({"hypervisors": [hypervisor]}),
        "detail" if end.contains("/os-availability-zone/") => {
            json!({"availabilityZoneInfo": [{"zoneName": "z", "zoneState": {"available": true},
                "hosts": {"h": {"nova-compute": {"available": true, "active": true, "updated_at": null}}}}]})
        }
        "detail" => json!({"quota_set": {"id": "p", "cores": {"limit": 20, "in_use": 1, "reserved": 0}}}),
        "details.json" => json!({"quota": {"network": {"limit": 20, "used": 1, "reserved": 0}}}),
        "servers" => json!({"servers": [server]}),
        "images" => json!({"images": [image]}),
        "networks" => json!({"networks": [network]}),
        "subnets" => json!({"subnets": [subnet]}),
        "ports" => json!({"ports": [port]}),
        "security-groups" => json!({"security_groups": [group]}),
        "os-services" => {
            json!({"services": [{"id": ID, "host": "h", "binary": "nova-compute", "zone": "nova", "status": "enabled",
            "state": "up", "updated_at": "2026-01-01T00:00:00", "disabled_reason": null, "forced_down": false}]})
        }
        "os-aggregates" => json!({"aggregates": [aggregate]}),
        "os-hypervisors" => json!({"hypervisors": [hypervisor]}),
        "os-server-groups" => {
            json!({"server_groups": [{"id": ID, "name": "sg", "policy": "affinity", "rules": {}, "members": [ID],
            "project_id": "p", "user_id": "u"}]})
        }
        "os-keypairs" => {
            json!({"keypairs": [{"keypair": {"name": "k", "fingerprint": "f", "type": "ssh", "public_key": "ssh-rsa x"}}]})
        }
        "os-migrations" => json!({"migrations": []}),
        "os-instance-actions" => {
            json!({"instanceActions": [{"action": "create", "request_id": "req-1", "start_time": "2026-01-01T00:00:00",
            "user_id": "u", "project_id": "p", "message": null, "instance_uuid": ID}]})
        }
        "os-interface" => json!({"interfaceAttachments": []}),
        "migrations" => json!({"migrations": []}),
        "limits" => json!({"limits": {"absolute": {"maxTotalCores": 20, "totalCoresUsed": 1}}}),
        "resource_providers" => json!({"resource_providers": [provider]}),
        "inventories" => {
            json!({"resource_provider_generation": 1, "inventories": {"VCPU": {"total": 4, "reserved": 0,
            "allocation_ratio": 1.0, "min_unit": 1, "max_unit": 4, "step_size": 1}}})
        }
        "usages" => json!({"resource_provider_generation": 1, "usages": {"VCPU": 1}}),
        "traits" => json!({"resource_provider_generation": 1, "traits": ["HW_X"]}),
        "allocations" => {
            json!({"resource_provider_generation": 1, "allocations": {ID: {"resources": {"VCPU": 1}}}})
        }
        "projects" => json!({"projects": [project]}),
        "users" => json!({"users": [{"id": ID, "name": "u", "enabled": true, "domain_id": "default"}]}),
        "roles" => json!({"roles": [{"id": ID, "name": "admin", "domain_id": null}]}),
        "role_assignments" => {
            json!({"role_assignments": [{"role": {"id": ID, "name": "r"}, "user": {"id": ID, "name": "u"},
            "scope": {"project": {"id": ID, "name": "p"}}}]})
        }
        "action" => json!({"output": "console"}),
        _ if end.contains("/allocations/") => {
            json!({"allocations": {ID: {"resources": {"VCPU": 1}, "generation": 1}}})
        }
        _ if end.contains("/servers/") => json!({"server": server}),
        _ if end.contains("/flavors/") => json!({"flavor": flavor}),
        _ if end.contains("/os-aggregates/") => json!({"aggregate": aggregate}),
        _ if end.contains("/os-hypervisors/") => json!({"hypervisor": hypervisor}),
        _ if end.contains("/images/") => image,
        _ if end.contains("/networks/") => json!({"network": network}),
        _ if end.contains("/ports/") => json!({"port": port}),
        _ => json!({}),
    }
}

fn token(root: &str) -> String {
    let endpoint = |kind: &str, path: &str| {
        json!({"type": kind, "name": kind, "id": kind, "endpoints": [
            {"id": kind, "interface": "public", "region": "RegionOne", "region_id": "RegionOne", "url": format!("{root}{path}")}
        ]})
    };
    json!({"token": {
        "methods": ["password"], "expires_at": "2099-01-01T00:00:00.000000Z", "issued_at": "2026-01-01T00:00:00.000000Z",
        "user": {"domain": {"id": "default", "name": "Default"}, "id": "u", "name": "admin"},
        "project": {"domain": {"id": "default", "name": "Default"}, "id": "p", "name": "admin"},
        "roles": [{"id": "r", "name": "admin"}],
        "catalog": [endpoint("compute", "/compute/v2.1"), endpoint("image", "/image"), endpoint("network", "/network"),
            endpoint("placement", "/placement")],
    }})
    .to_string()
}

fn smog(home: &Path, port: u16) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_smog"));
    command
        .env_clear()
        .env("HOME", home)
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("OS_AUTH_URL", format!("http://127.0.0.1:{port}/v3"))
        .envs([("OS_USERNAME", "admin"), ("OS_PASSWORD", "p"), ("OS_PROJECT_NAME", "admin")])
        .current_dir(home)
        .stdin(Stdio::null());
    command
}

/// Commands that are not tried, and why.
const LEFT_OUT: &[(&str, &str)] =
    &[("shell", "it starts Python"), ("config init", "it writes the settings of this machine")];

/// Words for what a command wants, by the name in its usage.
fn word_of(name: &str) -> &'static str {
    match name {
        "ADDRESS" | "IP" => "192.0.2.5",
        "RESOURCE=LIMIT" => "cores=1",
        "KEY=VALUE" | "PAIR" | "PAIRS" | "SPEC" | "SPECS" => "hw:a=b",
        "METHOD" => "GET",
        "SERVICE" => "compute",
        "PATH" => "/servers",
        "REQUEST" => "req-11111111-2222-4333-8444-555555555555",
        "FILE" | "PUBLIC_KEY_FILE" => "/etc/hostname",
        "SHELL" => "bash",
        "COMMAND" | "COMMAND..." => "true",
        _ => "g",
    }
}

/// Every command, with words for what it must have.
fn commands(home: &Path) -> Vec<Vec<String>> {
    let mut found = vec![];
    let mut open: Vec<Vec<String>> = vec![vec![]];
    while let Some(words) = open.pop() {
        let help = smog(home, 1).args(&words).arg("--help").output().expect("smog runs");
        let help = String::from_utf8_lossy(&help.stdout).into_owned();
        let list = help.split("\nCommands:\n").nth(1);
        if let Some(list) = list {
            for line in list.lines().take_while(|line| line.starts_with("  ") || line.is_empty()) {
                let name =
                    line.strip_prefix("  ").filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()));
                let Some(name) = name.and_then(|line| line.split_whitespace().next()) else { continue };
                if name != "help" {
                    open.push([words.clone(), vec![name.to_string()]].concat());
                }
            }
            continue;
        }
        let usage = help.lines().find(|line| line.starts_with("Usage:")).unwrap_or_default();
        let mut line = words.clone();
        let mut flag: Option<&str> = None;
        for word in usage.split_whitespace().skip(2 + words.len()) {
            if word.starts_with("--") && word != "--" {
                flag = Some(word);
            } else if let Some(name) =
                word.strip_prefix('<').map(|word| word.trim_end_matches("...").trim_end_matches('>'))
            {
                line.extend(flag.take().map(str::to_string));
                line.push(word_of(name.split('|').next().unwrap_or(name)).to_string());
            } else {
                flag = None;
            }
        }
        // What waits for something that never comes waits no longer than this.
        if help.contains("  --timeout <SECONDS>") {
            line.extend(["--timeout".into(), "1".into()]);
        }
        found.push(line);
    }
    found.sort();
    found
}

/// What a run must not show, and how it must end.
fn faults(
    kind: Kind,
    words: &[String],
    asked: usize,
    code: Option<i32>,
    out: &[u8],
    err: &str,
) -> Vec<String> {
    let mut faults = vec![];
    let Some(code) = code else { return vec!["it does not end by itself".into()] };
    if !matches!(code, 0..=4) {
        faults.push(format!("exit code {code}"));
    }
    let line = words.join(" ");
    // The first prints whatever was answered; of the second any answer of success is one.
    let takes_all = line.starts_with("api ") || line.starts_with("security-group remove-rule ");
    if code == 0
        && asked > 0
        && !takes_all
        && matches!(kind, Kind::Page | Kind::Empty | Kind::Failed | Kind::CutShort | Kind::List)
    {
        faults.push(format!("exit code 0 of {asked} answers that are none"));
    }
    if code != 0 && err.trim().is_empty() {
        faults.push(format!("exit code {code} without a sentence"));
    }
    let out = String::from_utf8_lossy(out);
    for (which, text) in [("stdout", &*out), ("stderr", err)] {
        // A console is bytes as they are.
        let is_data = which == "stdout" && line.starts_with("guest console ");
        if !is_data && text.chars().any(|c| (c.is_control() && c != '\n' && c != '\t') || c == '\u{202e}') {
            faults.push(format!("a raw control character in {which}"));
        }
        for odd in [
            "panicked",
            "struct ",
            "DnsName(",
            "Some(",
            "Err(",
            "Ok(",
            "variant",
            "u64",
            "os error",
            "too many pages",
        ] {
            if text.contains(odd) {
                faults.push(format!("`{odd}` in {which}"));
            }
        }
    }
    faults
}

struct Ran {
    code: Option<i32>,
    out: Vec<u8>,
    err: String,
}

/// Run it; after 20 seconds it is ended.
fn run(mut command: Command) -> Ran {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("smog runs");
    fn all(from: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<Vec<u8>> {
        std::thread::spawn(move || {
            let mut bytes = vec![];
            let _ = from.map(|mut from| from.read_to_end(&mut bytes));
            bytes
        })
    }
    let (out, err) = (all(child.stdout.take()), all(child.stderr.take()));
    let begun = Instant::now();
    let mut code = None;
    while begun.elapsed() < Duration::from_secs(20) {
        if let Ok(Some(status)) = child.try_wait() {
            code = Some(status.code().unwrap_or(-1));
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let _ = child.kill();
    let _ = child.wait();
    let err = String::from_utf8_lossy(&err.join().unwrap_or_default()).into_owned();
    Ran { code, out: out.join().unwrap_or_default(), err }
}

/// Do the work of all items on a few threads.
fn each<T: Sync>(items: &[T], work: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    work(item);
                }
            });
        }
    });
}

fn is_listing(words: &[String]) -> bool {
    words.len() == 2 && words[1] == "list" || words == ["discover"]
}

#[test]
fn no_answer_of_a_cloud_breaks_a_command() {
    let home = tempfile::tempdir().expect("a folder");
    let all: Vec<Vec<String>> = commands(home.path())
        .into_iter()
        .filter(|words| !LEFT_OUT.iter().any(|(name, _)| words.join(" ").starts_with(name)))
        .collect();
    assert!(all.len() > 100, "{} commands are found", all.len());
    // All answers for listings; of the others each gets one, in turn, so that it takes no minute
    // (SMOG_TEST_ALL_ANSWERS=1 gives all to all: 1,215 runs).
    let mut tries: Vec<(Kind, &Vec<String>)> = vec![];
    for (at, words) in all.iter().enumerate() {
        match is_listing(words) || std::env::var_os("SMOG_TEST_ALL_ANSWERS").is_some() {
            true => tries.extend(HOSTILE.iter().map(|kind| (*kind, words))),
            false => tries.push((HOSTILE[at % HOSTILE.len()], words)),
        }
    }
    let wrong: Mutex<BTreeMap<String, Vec<String>>> = Mutex::default();
    each(&tries, |(kind, words)| {
        let cloud = Cloud::new(*kind);
        let home = tempfile::tempdir().expect("a folder");
        let mut command = smog(home.path(), cloud.port);
        command.args(*words);
        let ran = run(command);
        let found = faults(*kind, words, cloud.asked.load(Ordering::Relaxed), ran.code, &ran.out, &ran.err);
        if !found.is_empty() {
            let said: String = ran.err.chars().take(300).collect();
            let key = format!("{kind:?}: smog {}: {:?}", words.join(" "), said);
            wrong.lock().expect("wrong").insert(key, found);
        }
    });
    let wrong = wrong.into_inner().expect("wrong");
    let lines: Vec<String> =
        wrong.iter().map(|(what, why)| format!("{}\n    {what}", why.join(", "))).collect();
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), tries.len(), lines.join("\n"));
}

#[test]
fn a_reader_that_is_odd_ends_a_listing_cleanly() {
    let home = tempfile::tempdir().expect("a folder");
    let cloud = Cloud::new(Kind::Good);
    let mut listings: Vec<Vec<String>> =
        commands(home.path()).into_iter().filter(|words| is_listing(words)).collect();
    assert!(listings.len() >= 12, "{listings:?}");
    listings.extend(
        [
            "--help",
            "--version",
            "licenses",
            "config schema",
            "completion bash",
            "completion zsh",
            "completion fish",
            "guest --help",
        ]
        .map(|line| line.split(' ').map(str::to_string).collect()),
    );
    let wrong: Mutex<Vec<String>> = Mutex::default();
    each(&listings, |words| {
        let in_shell = |end: &str| {
            let own = smog(home.path(), cloud.port);
            let mut command = Command::new("sh");
            command.env_clear().envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
            command.current_dir(home.path()).stdin(Stdio::null());
            command.args(["-c", &format!("\"$0\" \"$@\" {end}"), env!("CARGO_BIN_EXE_smog")]).args(words);
            run(command)
        };
        let fault = |what: &str, ran: &Ran| {
            wrong.lock().expect("wrong").push(format!(
                "smog {} {what}: {:?} {}",
                words.join(" "),
                ran.code,
                ran.err
            ));
        };
        let full = in_shell(">/dev/full");
        // A list of nothing has nothing to say on standard output.
        let says_nothing = run({
            let mut command = smog(home.path(), cloud.port);
            command.args(words);
            command
        })
        .out
        .is_empty();
        if !says_nothing
            && (matches!(full.code, None | Some(0 | 101)) || !full.err.contains("standard output"))
        {
            fault(">/dev/full", &full);
        }
        let head = in_shell("| head -1");
        if head.code != Some(0) || head.err.contains("error") || head.err.contains("panicked") {
            fault("| head -1", &head);
        }
        let closed = in_shell(">&-");
        if !matches!(closed.code, Some(0..=4)) || closed.err.contains("panicked") {
            fault(">&-", &closed);
        }
    });
    let wrong = wrong.into_inner().expect("wrong");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A proxy that answers every request with one status.
fn proxy(status: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 8192]);
            let page = "<html>no</html>";
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{page}",
                page.len()
            );
            let _ = stream.write_all(head.as_bytes());
        }
    });
    port
}

#[test]
fn a_proxy_that_refuses_is_named_without_its_password() {
    let home = tempfile::tempdir().expect("a folder");
    for (url, variable) in
        [("https://192.0.2.7:5000/v3", "HTTPS_PROXY"), ("http://192.0.2.7:5000/v3", "all_proxy")]
    {
        for (status, said) in [
            ("407 Proxy Authentication Required", "wants a user and a password"),
            ("403 Forbidden", "the proxy http://127.0.0.1:"),
        ] {
            let port = proxy(status);
            let mut command = smog(home.path(), 1);
            command
                .env("OS_AUTH_URL", url)
                .env(variable, format!("http://me:geheim@127.0.0.1:{port}"))
                .args(["guest", "list"]);
            let ran = run(command);
            assert_eq!(ran.code, Some(3), "{}", ran.err);
            let name = format!("the proxy http://127.0.0.1:{port} (of {variable})");
            assert!(
                ran.err.contains(said) && ran.err.contains(&name) && ran.err.contains("NO_PROXY"),
                "{}",
                ran.err
            );
            assert!(!ran.err.contains("geheim"), "{}", ran.err);
        }
    }
    // One that is not there.
    let mut command = smog(home.path(), 1);
    command
        .env("OS_AUTH_URL", "https://192.0.2.7:5000/v3")
        .env("HTTPS_PROXY", "http://127.0.0.1:1")
        .args(["guest", "list"]);
    let ran = run(command);
    assert!(ran.err.contains("the proxy http://127.0.0.1:1 (of HTTPS_PROXY) does not answer"), "{}", ran.err);
}
