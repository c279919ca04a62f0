//! The parsers, each with what must be so of what it reads.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;
use serde::Serialize;
use serde::de::DeserializeOwned;
use smog::cloud;
use smog::config::{SmogFile, Surroundings};
use smog::host::Host;
use smog::libvirt::{Capabilities, Domain, DomainCapabilities};
use smog::oslo::OsloConfig;
use smog::show::Show;
use smog::watch::{Assembler, Event, Sources, Watch};

/// Reads an input: whether it was understood, or what broke.
pub type Feed = Box<dyn FnMut(&[u8]) -> Result<bool, String>>;

pub struct Target {
    pub name: &'static str,
    pub make: fn() -> Result<Feed, String>,
}

pub const TARGETS: &[Target] = &[
    Target { name: "domain-xml", make: || Ok(Box::new(domain_xml)) },
    Target { name: "oslo", make: || Ok(Box::new(oslo)) },
    Target { name: "log-records", make: log_records },
    Target { name: "smog-yml", make: smog_yml },
    Target { name: "clouds-yaml", make: clouds_yaml },
    Target { name: "openrc", make: openrc },
    Target { name: "agent-frames", make: agent_frames },
    Target { name: "virsh", make: virsh },
    Target { name: "api-json", make: || Ok(Box::new(api_json)) },
];

fn domain_xml(input: &[u8]) -> Result<bool, String> {
    let text = String::from_utf8_lossy(input).into_owned();
    let domain = Domain::parse(&*text, "fuzz");
    if let Ok(domain) = &domain {
        if domain.xml() != text {
            return Err("the domain's XML is another one".into());
        }
        let _ = (domain.vcpu_pins(), domain.pinned_cpus(), domain.is_pinned(), domain.has_huge_pages());
        let _ = (domain.cells().len(), domain.console_log().map(str::len));
    }
    let capabilities = Capabilities::parse(&*text, "fuzz");
    if let Ok(capabilities) = &capabilities {
        let _ = capabilities.has_kvm();
    }
    let of_domain = DomainCapabilities::parse(&text, "fuzz");
    Ok(domain.is_ok() || capabilities.is_ok() || of_domain.is_ok())
}

fn oslo(input: &[u8]) -> Result<bool, String> {
    let text = String::from_utf8_lossy(input).into_owned();
    let Ok(read) = OsloConfig::parse(&*text, "fuzz") else { return Ok(false) };
    if read.text() != text {
        return Err("what was read is another text".into());
    }
    let sections: Vec<String> = read.sections().into_iter().map(str::to_string).collect();
    let section = sections.first().map_or("DEFAULT", String::as_str);
    if let Ok(set) = read.set(section, "fuzzed_option", "a value") {
        if set.get(section, "fuzzed_option") != Some("a value") {
            return Err(format!(
                "[{section}]fuzzed_option was set and is {:?}",
                set.get(section, "fuzzed_option")
            ));
        }
        // What was written is read again as it was meant.
        match OsloConfig::parse(set.text(), "fuzz") {
            Ok(again) if again.get(section, "fuzzed_option") == Some("a value") => {}
            _ => return Err("what was set is not read again".into()),
        }
        if let Ok(removed) = set.remove(section, "fuzzed_option")
            && removed.get(section, "fuzzed_option").is_some()
        {
            return Err("what was removed is there".into());
        }
    }
    Ok(true)
}

fn log_records() -> Result<Feed, String> {
    let wanted = smog::watch::Wanted::exceptions().map_err(|why| why.to_string())?;
    let scan = smog::watch::Scan::new("host", "/var/log/nova/nova.log", TimeZone::UTC, wanted);
    Ok(Box::new(move |input| records(&scan, input)))
}

fn records(scan: &smog::watch::Scan, input: &[u8]) -> Result<bool, String> {
    let mut records = vec![];
    let mut assembler = Assembler::new("host", "/var/log/nova/nova.log", TimeZone::UTC);
    // In pieces of different length, as a connection brings them.
    let mut rest = input;
    let mut size = 1;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(size.min(rest.len()));
        assembler.push(piece, &mut records);
        rest = after;
        size = size % 97 * 5 + 3;
    }
    assembler.quiet(&mut records);
    assembler.finish(&mut records);
    let length: usize = records.iter().map(|record| record.text.len()).sum();
    if length > input.len() * 4 + 4096 {
        return Err(format!("records of {length} bytes of {}", input.len()));
    }
    for record in &records {
        let _ = (record.is_exception(), record.further_lines().len(), record.short_source().len());
        serde_json::to_string(record).map_err(|why| why.to_string())?;
    }
    let mut found = 0;
    scan.read(input, |record| {
        found += usize::from(record.is_exception());
        ControlFlow::Continue(())
    })
    .map_err(|why| why.to_string())?;
    Ok(!records.is_empty())
}

/// A file in a folder of its own.
struct InFile {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl InFile {
    fn new(name: &str) -> Result<InFile, String> {
        let folder = tempfile::tempdir().map_err(|why| why.to_string())?;
        let path = folder.path().join(name);
        Ok(InFile { _folder: folder, path })
    }

    fn write(&self, input: &[u8]) -> Result<(), String> {
        std::fs::write(&self.path, input).map_err(|why| why.to_string())
    }
}

fn smog_yml() -> Result<Feed, String> {
    let file = InFile::new("smog.yml")?;
    Ok(Box::new(move |input| {
        file.write(input)?;
        let Ok(read) = SmogFile::read(&file.path) else { return Ok(false) };
        let _ = read.entries().len();
        Ok(true)
    }))
}

fn clouds_yaml() -> Result<Feed, String> {
    let file = InFile::new("clouds.yaml")?;
    Ok(Box::new(move |input| {
        file.write(input)?;
        let mut understood = false;
        for cloud in [Some("a"), Some("lab"), None] {
            let mut around = Surroundings { os_cloud: cloud.map(str::to_string), ..Surroundings::default() };
            around.variables.insert("OS_CLIENT_CONFIG_FILE".into(), file.path.display().to_string());
            understood |= around.settings().is_ok();
        }
        Ok(understood)
    }))
}

fn openrc() -> Result<Feed, String> {
    let file = InFile::new("openrc")?;
    Ok(Box::new(move |input| {
        // Where a shell reads such a file, a mutation must not name another command or file.
        if input.iter().any(|byte| b"<>|&`/(".contains(byte)) && !is_tame(input) {
            return Ok(false);
        }
        file.write(input)?;
        let around = Surroundings { rc_file: Some(file.path.clone()), ..Surroundings::default() };
        Ok(around.settings().is_ok())
    }))
}

/// Slashes of URLs and of the first line, and nothing else that a shell would obey.
fn is_tame(input: &[u8]) -> bool {
    let text =
        String::from_utf8_lossy(input).replace("http://", "").replace("https://", "").replace("/v3", "");
    let text = text.replace("#!/usr/bin/env bash", "").replace("#!/bin/bash", "");
    !text.bytes().any(|byte| b"<>|&`/(".contains(&byte))
}

/// The folder of programs that say what is in its file `answer`; see [`with_fake_programs`].
const FOLDER: &str = "SMOG_FAULTS_FUZZ_FOLDER";

/// Run this program again where `python3` and `virsh` say what is in a file: a host of this
/// machine then answers whatever an input holds. Its exit code; nothing when this is it.
pub fn with_fake_programs() -> Result<Option<i32>, String> {
    if std::env::var_os(FOLDER).is_some() {
        return Ok(None);
    }
    let folder = tempfile::tempdir().map_err(|why| why.to_string())?;
    for program in ["python3", "virsh"] {
        let script = folder.path().join(program);
        let text = format!("#!/bin/sh\nexec cat {}/answer\n", folder.path().display());
        std::fs::write(&script, text).map_err(|why| why.to_string())?;
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&script, mode).map_err(|why| why.to_string())?;
    }
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap_or_default());
    let me = std::env::current_exe().map_err(|why| why.to_string())?;
    let ran = std::process::Command::new(me)
        .args(std::env::args_os().skip(1))
        .env("PATH", path)
        .env(FOLDER, folder.path())
        .status();
    let ran = ran.map_err(|why| why.to_string())?;
    Ok(Some(ran.code().unwrap_or(1)))
}

/// This machine as a host, with an answer of a file.
struct FakeHost {
    answer: PathBuf,
    host: Host,
    runtime: tokio::runtime::Runtime,
}

impl FakeHost {
    fn new() -> Result<FakeHost, String> {
        let folder = std::env::var_os(FOLDER).ok_or("no folder of fake programs")?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.map_err(|why| why.to_string())?;
        Ok(FakeHost { answer: PathBuf::from(folder).join("answer"), host: Host::local("fuzzed"), runtime })
    }
}

fn agent_frames() -> Result<Feed, String> {
    let fake = FakeHost::new()?;
    Ok(Box::new(move |input| {
        std::fs::write(&fake.answer, super::corpus::frames(input)).map_err(|why| why.to_string())?;
        let sources = Sources { follow: false, ..Sources::files(["/var/log/a.log"]) };
        let watched = async {
            let mut watch = Watch::start([(fake.host.clone(), sources)]);
            let mut records = 0_u32;
            while let Some(event) = watch.next().await {
                match event {
                    Event::Record(_) => records += 1,
                    Event::Failed { .. } => break,
                    _ => {}
                }
            }
            watch.stop().await;
            records
        };
        let limited = async { tokio::time::timeout(Duration::from_secs(2), watched).await };
        // An agent that failed is started again for ever: the time is up then.
        Ok(fake.runtime.block_on(limited).is_ok_and(|records| records > 0))
    }))
}

fn virsh() -> Result<Feed, String> {
    let fake = FakeHost::new()?;
    let mut turn = 0_u32;
    Ok(Box::new(move |input| {
        std::fs::write(&fake.answer, input).map_err(|why| why.to_string())?;
        turn += 1;
        let host = &fake.host;
        Ok(fake.runtime.block_on(async {
            match turn % 3 {
                0 => host.list_domains().await.is_ok_and(|list| !list.is_empty()),
                1 => host.domains().await.is_ok(),
                _ => host.capabilities().await.is_ok(),
            }
        }))
    }))
}

fn api_json(input: &[u8]) -> Result<bool, String> {
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(input) else { return Ok(false) };
    // The answer itself, and what lies in it as answers have it.
    let mut all = vec![&value];
    all.extend(value.as_object().into_iter().flat_map(|object| object.values()));
    all.extend(all.clone().into_iter().filter_map(serde_json::Value::as_array).flatten());
    let mut understood = false;
    for value in all {
        understood |= shown::<cloud::Server>(value)
            | shown::<cloud::Flavor>(value)
            | shown::<cloud::Image>(value)
            | shown::<cloud::Hypervisor>(value)
            | shown::<cloud::Migration>(value)
            | shown::<cloud::Network>(value)
            | shown::<cloud::Port>(value)
            | shown::<cloud::Provider>(value)
            | shown::<cloud::ComputeService>(value)
            | shown::<cloud::Aggregate>(value)
            | shown::<cloud::ServerGroup>(value)
            | shown::<cloud::SecurityGroup>(value);
    }
    Ok(understood)
}

/// Whether a value is one of these, with all its cells.
fn shown<T: DeserializeOwned + Serialize + Show>(value: &serde_json::Value) -> bool {
    let Ok(read) = serde_json::from_value::<T>(value.clone()) else { return false };
    for column in T::COLUMNS {
        let _ = (column.cell)(&read);
    }
    serde_json::to_value(&read).is_ok()
}
