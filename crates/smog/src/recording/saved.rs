//! What sos gathered on hosts, as a recording of them: its files say in other words what smog asks
//! a host. What is not in them was not recorded.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;

use super::index::Index;
use super::processes;
use super::read::Recording;
use crate::cloud::Tape;
use crate::error::{Error, Result};
use crate::host::RecordedAnswer;
use crate::libvirt::NOT_RECORDED;
use crate::watch::{HostFiles, host_files};

impl Recording {
    /// A recording, or what sos gathered: [`Recording::open`] or [`Recording::of_saved`], by what the place is.
    ///
    /// # Errors
    /// As the one of these.
    pub fn of_place(place: &Path) -> Result<Recording> {
        match place.exists() && !Recording::is_one(place) {
            true => Recording::of_saved(place),
            false => Recording::open(place),
        }
    }

    /// What a sosreport (an archive or a folder of one or several) says of its hosts: NUMA nodes, CPUs,
    /// pages, Nova's configuration, libvirt's domains and where their threads may run. The APIs' answers
    /// are not in it. What could not be read of it is in [`Index::unread`]. Nothing of an archive is
    /// written under a name of its own.
    ///
    /// # Errors
    /// [`Error::Invalid`] where the place cannot be read, [`Error::NotRecorded`] where it says nothing of
    /// any host.
    pub fn of_saved(place: &Path) -> Result<Recording> {
        let (hosts, unread) = host_files(place)?;
        let hosts: Vec<HostFiles> = hosts.into_iter().filter(says_something).collect();
        let at = hosts.iter().filter_map(|host| host.newest).max().unwrap_or_else(Timestamp::now);
        if hosts.is_empty() {
            let more = match unread.first() {
                Some(why) => format!(" ({why})"),
                None => String::new(),
            };
            return Err(Error::NotRecorded {
                what: "anything but logs".into(),
                of: format!("{}, and no recording of smog{more}", place.display()),
                hint: "of a folder or an archive of logs, `logs`, `trace` and `triage` read the logs; of a sosreport, \
                       `topology`, `xml` and `pins` read what it has of libvirt and the kernel"
                    .into(),
            });
        }
        let names: Vec<&str> = hosts.iter().map(|host| host.host.as_str()).collect();
        let of =
            format!("what sos gathered on {}, {}", names.join(" and "), at.strftime("%Y-%m-%d %H:%M:%S UTC"));
        let tape = Tape::new(of, at);
        for host in &hosts {
            let replay = tape.host(&host.host);
            for (look, text) in looks(host) {
                replay.take_up(RecordedAnswer {
                    command: format!("(sos) {look}"),
                    look: Some(look),
                    stdout: text,
                    between: Some((at, at)),
                    ..RecordedAnswer::default()
                });
            }
            if let Some([.., machine, _]) = uname(host).as_deref() {
                let (command, stdout) = ("uname -m".into(), format!("{machine}\n"));
                replay.take_up(RecordedAnswer { command, stdout, ..RecordedAnswer::default() });
            }
            for (path, text) in host.files.iter().filter(|(path, _)| path.ends_with(".conf")) {
                let answer = RecordedAnswer {
                    command: format!("cat {path}"),
                    stdout: text.clone(),
                    ..RecordedAnswer::default()
                };
                replay.take_up(answer);
            }
        }
        let index = Index { unread, ..Index::of_saved(&place.display().to_string(), &names, at) };
        Ok(Recording::of_tape(index, tape))
    }
}

/// A place with the logs of a host alone says nothing of it here.
fn says_something(host: &HostFiles) -> bool {
    host.files
        .keys()
        .any(|path| path.starts_with("/sys/devices/system/") || path.contains("/virsh_-r_dumpxml_"))
}

/// What smog asks of a host, with the answers that the files give.
fn looks(host: &HostFiles) -> Vec<(String, String)> {
    let files = &host.files;
    let printed = |begin: &str| files.iter().find(|(path, _)| is_output(path, begin)).map(|(_, text)| text);
    let mut looks: Vec<(String, String)> = Vec::new();
    let mut add = |look: &str, text: String| looks.push((look.into(), text));
    if files.keys().any(|path| path.starts_with("/sys/devices/system/")) {
        add("files", dump(host));
    }
    let cpu = |name: &str| files.get(&format!("/sys/devices/system/cpu/{name}"));
    if let (Some(online), Some(info)) = (cpu("online"), files.get("/proc/cpuinfo")) {
        let count = info.lines().filter(|line| line.starts_with("processor")).count();
        add("online CPUs", format!("{}\n{count}\n", online.trim()));
    }
    if let Some(offline) = cpu("offline") {
        add("offline CPUs", offline.clone());
    }
    let total = files
        .get("/proc/meminfo")
        .and_then(|text| text.lines().find_map(|line| line.strip_prefix("MemTotal:")));
    if let Some(kib) = total.and_then(|rest| rest.split_ascii_whitespace().next()) {
        add("memory", format!("{kib}\n"));
    }
    for (look, begin) in [("units", "systemctl_list-unit-files"), ("loaded units", "systemctl_list-units")] {
        if let Some(text) = printed(begin) {
            // Its marks of units that failed are no words; the head names columns.
            let lines = text.lines().map(|line| line.trim_start_matches(['●', '*', ' ']));
            let services =
                lines.filter(|line| line.split(' ').next().is_some_and(|unit| unit.ends_with(".service")));
            add(look, services.map(|line| format!("{line}\n")).collect());
        }
    }
    let confs = files.keys().filter(|path| path.ends_with(".conf"));
    add("configuration and logs", confs.map(|path| format!("{path}\n")).collect());
    if let Some(text) = printed("virsh_-r_version") {
        add("versions", text.clone());
    }
    let mut xmls: BTreeMap<&str, &str> = BTreeMap::new();
    for (path, text) in files.iter().filter(|(path, _)| is_output(path, "virsh_-r_dumpxml_")) {
        let (_, name) = path.rsplit_once("virsh_-r_dumpxml_").unwrap_or_default();
        xmls.insert(name, text);
    }
    let list = printed("virsh_-r_list_--all").or_else(|| printed("virsh_-r_list"));
    // Without a list it is not known whether there are more.
    if !xmls.is_empty() || list.is_some() {
        add("domains", domains(&xmls, list.map(String::as_str)));
    }
    let found = processes::of(files);
    if !found.is_empty() {
        add("guest processes", found.iter().map(|process| process.text(false)).collect());
    }
    for process in &found {
        for name in [&process.name, &process.uuid] {
            looks.push((format!("guest process {name}"), process.text(true)));
        }
    }
    looks
}

/// What a command printed: sos writes the command for a name, with `_` for blanks.
fn is_output(path: &str, begin: &str) -> bool {
    path.starts_with("/sos_commands/") && path.rsplit('/').next().is_some_and(|name| name.starts_with(begin))
}

/// Files of the kernel and of the system, a line each with its path.
fn dump(host: &HostFiles) -> String {
    let mut text = String::new();
    let mut add = |path: &str, file: &str| {
        for line in file.lines() {
            text += &format!("{path}:{line}\n");
        }
    };
    for (path, file) in &host.files {
        match path.as_str() {
            "/usr/lib/os-release" if !host.files.contains_key("/etc/os-release") => {
                add("/etc/os-release", file)
            }
            "/etc/os-release" | "/etc/machine-id" | "/proc/cmdline" | "/proc/meminfo" | "/proc/modules" => {
                add(path, file)
            }
            path if path.starts_with("/sys/") || path.starts_with("/proc/sys/") => add(path, file),
            _ => {}
        }
    }
    if !host.files.contains_key("/proc/sys/kernel/hostname") {
        add("/proc/sys/kernel/hostname", &host.host);
    }
    if let Some(release) = uname(host).and_then(|words| words.get(2).copied()) {
        add("/proc/sys/kernel/osrelease", release);
    }
    text
}

/// The words of `uname -a`.
fn uname(host: &HostFiles) -> Option<Vec<&str>> {
    let (_, text) = host.files.iter().find(|(path, _)| is_output(path, "uname_-a"))?;
    Some(text.split_ascii_whitespace().collect())
}

/// The domains' XML, and their states as `virsh domstats --state` prints them.
fn domains(xmls: &BTreeMap<&str, &str>, list: Option<&str>) -> String {
    let mut text: String = xmls.values().map(|xml| format!("{xml}\n==next==\n")).collect();
    let states = states(list.unwrap_or_default());
    // One that is listed, and of which there is no more, is not "no guest": it cannot be read.
    for name in states.keys().filter(|name| !xmls.contains_key(**name)) {
        text += &format!("{NOT_RECORDED}the XML of `{name}`\n==next==\n");
    }
    if list.is_none() {
        text += &format!("{NOT_RECORDED}whether there are other domains\n==next==\n");
    }
    text += "==states==\n";
    for (name, state) in states {
        text += &format!("Domain: '{name}'\n  state.state={state}\n");
    }
    text
}

/// Names and libvirt's numbers of states, out of `virsh list --all`.
fn states(list: &str) -> BTreeMap<&str, u32> {
    let number = |words: &str| match words {
        "running" => 1,
        "idle" | "blocked" => 2,
        "paused" => 3,
        "in shutdown" => 4,
        "shut off" => 5,
        "crashed" => 6,
        "pmsuspended" => 7,
        _ => 0,
    };
    let line = |line: &'_ str| -> Option<(usize, u32)> {
        let name = line.split_ascii_whitespace().nth(1)?;
        let at = line.find(name)? + name.len();
        Some((at, number(line[at..].trim())))
    };
    let named = list.lines().filter_map(|text| {
        let (end, state) = line(text)?;
        let name = text[..end].split_ascii_whitespace().last()?;
        (state > 0).then_some((name, state))
    });
    named.collect()
}
