//! Names of servers, hosts and other things for shell completion. They come from a
//! file that is a minute old at most; a shell never waits for a cloud longer than a
//! third of a second.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use serde::{Deserialize, Serialize};
use smog::cloud::{Cloud, Options};
use smog::config::{Credentials, Surroundings};
use smog::{Error, ExitCode};

/// What one cloud has, by name.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Names {
    guests: Vec<String>,
    hosts: Vec<String>,
    flavors: Vec<String>,
    images: Vec<String>,
    networks: Vec<String>,
    aggregates: Vec<String>,
    key_pairs: Vec<String>,
    server_groups: Vec<String>,
    security_groups: Vec<String>,
    volumes: Vec<String>,
}

/// Names older than this are asked for again.
const FRESH: Duration = Duration::from_secs(60);

/// The longest a shell waits when there is no file yet.
const PATIENCE: Duration = Duration::from_millis(300);

/// The hidden verb that fetches the names.
pub const REFRESH: &str = "refresh-names";

pub fn guests() -> ArgValueCompleter {
    ArgValueCompleter::new(|begun: &OsStr| candidates(begun, |names| &names.guests))
}

pub fn hosts() -> ArgValueCompleter {
    ArgValueCompleter::new(|begun: &OsStr| candidates(begun, |names| &names.hosts))
}

/// Where either is meant.
pub fn hosts_and_guests() -> ArgValueCompleter {
    ArgValueCompleter::new(|begun: &OsStr| {
        let mut all = candidates(begun, |names| &names.hosts);
        all.extend(candidates(begun, |names| &names.guests));
        all
    })
}

pub fn flavors() -> ArgValueCompleter {
    ArgValueCompleter::new(|begun: &OsStr| candidates(begun, |names| &names.flavors))
}

pub fn images() -> ArgValueCompleter {
    ArgValueCompleter::new(|begun: &OsStr| candidates(begun, |names| &names.images))
}

pub fn networks() -> ArgValueCompleter {
    ArgValueCompleter::new(|begun: &OsStr| candidates(begun, |names| &names.networks))
}

pub fn aggregates() -> ArgValueCompleter {
    ArgValueCompleter::new(|begun: &OsStr| candidates(begun, |names| &names.aggregates))
}

pub fn key_pairs() -> ArgValueCompleter {
    ArgValueCompleter::new(|begun: &OsStr| candidates(begun, |names| &names.key_pairs))
}

pub fn server_groups() -> ArgValueCompleter {
    ArgValueCompleter::new(|begun: &OsStr| candidates(begun, |names| &names.server_groups))
}

pub fn security_groups() -> ArgValueCompleter {
    ArgValueCompleter::new(|begun: &OsStr| candidates(begun, |names| &names.security_groups))
}

pub fn volumes() -> ArgValueCompleter {
    ArgValueCompleter::new(|begun: &OsStr| candidates(begun, |names| &names.volumes))
}

/// A name that begins with `-` would be read as an option: it is typed by hand, behind `--`.
/// How names are quoted, and which cannot be, is known in `shells.rs`.
fn candidates(begun: &OsStr, of: impl Fn(&Names) -> &Vec<String>) -> Vec<CompletionCandidate> {
    let begun = begun.to_string_lossy();
    let Some(names) = known() else { return vec![] };
    of(&names)
        .iter()
        .filter(|name| name.starts_with(&*begun) && !name.starts_with('-'))
        .map(CompletionCandidate::new)
        .collect()
}

/// The names in the file; when they are old, they are asked for behind the shell's back.
fn known() -> Option<Names> {
    let path = path(&Surroundings::of_process().settings().ok()?.credentials)?;
    let age = || SystemTime::now().duration_since(path.metadata().ok()?.modified().ok()?).ok();
    let old = age();
    if old.is_none_or(|age| age > FRESH) {
        let mut refresh = std::process::Command::new(std::env::current_exe().ok()?);
        refresh.arg(REFRESH).stdin(std::process::Stdio::null());
        refresh.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        // The shell does not wait for it: the answer is for the next time.
        std::os::unix::process::CommandExt::process_group(&mut refresh, 0)
            .env_remove("COMPLETE")
            .spawn()
            .ok()?;
        let begun = Instant::now();
        while old.is_none() && age().is_none() && begun.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    serde_json::from_slice(&std::fs::read(&path).ok()?).ok()
}

/// Ask the cloud and write the file.
pub async fn refresh() -> Result<ExitCode, Error> {
    let settings = Surroundings::of_process().settings()?;
    let cloud = Cloud::connect(&settings, Options::default()).await?;
    let (guests, hosts, flavors, images, networks) =
        tokio::join!(cloud.servers(), cloud.host_list(), cloud.flavors(), cloud.images(), cloud.networks());
    let (aggregates, key_pairs, server_groups, security_groups) =
        tokio::join!(cloud.aggregates(), cloud.key_pairs(), cloud.server_groups(), cloud.security_groups());
    let volumes = cloud.volumes().await;
    // What a plain member may not list is not completed; the rest is.
    let names = Names {
        guests: named(guests, |one| one.name),
        hosts: named(hosts, |one| one.name),
        flavors: named(flavors, |one| one.name),
        images: named(images, |one| one.name),
        networks: named(networks, |one| one.name),
        aggregates: named(aggregates, |one| one.name),
        key_pairs: named(key_pairs, |one| one.name),
        server_groups: named(server_groups, |one| one.name),
        security_groups: named(security_groups, |one| one.name),
        volumes: named(volumes, |one| one.label().to_string()),
    };
    if let Some(path) = path(&settings.credentials) {
        write(&path, &names).map_err(|why| Error::Config {
            place: path.display().to_string(),
            message: format!("cannot be written: {why}"),
            hint: None,
        })?;
    }
    Ok(ExitCode::Ok)
}

fn named<T>(found: Result<Vec<T>, Error>, name: impl Fn(T) -> String) -> Vec<String> {
    found.unwrap_or_default().into_iter().map(name).collect()
}

fn write(path: &PathBuf, names: &Names) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    smog::private_folder(folder).map_err(std::io::Error::other)?;
    // Two shells may ask at once: neither may read half a file.
    let part = path.with_extension(std::process::id().to_string());
    std::fs::write(&part, serde_json::to_vec(names).unwrap_or_default())?;
    std::fs::rename(&part, path)
}

/// One file a cloud and user.
fn path(credentials: &Credentials) -> Option<PathBuf> {
    let folder = cache_folder()?;
    let key = format!("{} {} {}", credentials.name, credentials.user(), credentials.auth_url);
    let key: String = key.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
    Some(folder.join("names").join(key + ".json"))
}

/// The user's cache folder for smog.
pub fn cache_folder() -> Option<PathBuf> {
    let folder = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?;
    Some(folder.join("smog"))
}
