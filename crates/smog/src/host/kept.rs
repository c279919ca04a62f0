//! SSH connections that outlive a command, so that the next one does not pay for the handshake.
//!
//! They are ordinary masters of OpenSSH that end themselves after a time without commands
//! (`ControlPersist`). Their sockets lie in a folder that only the user can enter, each named
//! after everything that decides how the host is reached: with another user, key, port or
//! changed configuration it is another connection.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::config::SshSection;
use crate::error::{Error, Result};
use crate::hex::hex;
use crate::host::SshOptions;
use crate::near::near_or_all;
use crate::private_folder::{me, private_file, private_folder};
use crate::show::{Column, Show};

/// How long a connection is kept without a command, unless smog.yml has another time.
pub(crate) const KEEP: Duration = Duration::from_secs(300);

/// What is left of a connection that ended is removed after this long.
const STALE: Duration = Duration::from_secs(600);

/// A master answers a question about itself within this.
const ANSWER: Duration = Duration::from_secs(1);

/// That connections are kept for later commands, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeepConnections {
    /// The folder of their sockets: made, and only the user's.
    pub folder: PathBuf,
    /// A connection ends after so long without a command.
    pub idle: Duration,
    /// Files and folders that ssh reads: when one has changed, another connection is made.
    pub read_by_ssh: Vec<PathBuf>,
}

impl KeepConnections {
    /// As the `ssh:` section of smog.yml says; none where it keeps none, or the user has no
    /// folder for sockets.
    pub fn of_section(section: &SshSection) -> Option<KeepConnections> {
        let idle = section.keep.map_or(KEEP, |seconds| Duration::from_secs(seconds.min(86_400)));
        let folder = section.runtime_dir.clone().filter(|_| !idle.is_zero())?;
        let own = section
            .home_dir
            .iter()
            .flat_map(|home| ["config", "config.d"].map(|name| home.join(".ssh").join(name)));
        let of_all = ["/etc/ssh/ssh_config", "/etc/ssh/ssh_config.d"].map(PathBuf::from);
        Some(KeepConnections { folder, idle, read_by_ssh: own.chain(of_all).collect() })
    }
}

/// A kept connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// The host's name, as the smog that connected knew it.
    pub host: String,
    /// Its address, or the alias of `ssh_config`.
    pub address: String,
    /// The user who logged in; absent when `ssh_config` decided.
    pub user: Option<String>,
    /// The port; absent when `ssh_config` decided.
    pub port: Option<u16>,
    /// Since when.
    pub since: jiff::Timestamp,
    /// The control socket.
    pub socket: PathBuf,
}

impl Show for Connection {
    const PLURAL: &'static str = "connections";
    const COLUMNS: &'static [Column<Connection>] = &[
        Column::new("host", |one| one.host.clone()),
        Column::new("address", |one| one.address.clone()),
        Column::new("user", |one| one.user.clone().unwrap_or_default()),
        Column::new("since", |one| one.since.strftime("%Y-%m-%d %H:%M:%S").to_string()),
        Column::wide("socket", |one| one.socket.display().to_string()),
    ];
}

/// The place of one kept connection, locked against other smogs while this one looks and connects.
pub(super) struct Place {
    pub(super) socket: PathBuf,
    pub(super) log: PathBuf,
    note: PathBuf,
    _lock: File,
}

impl Place {
    /// The place for a host, once no other smog is connecting to it.
    ///
    /// # Errors
    /// The folder is not the user's own, or cannot be written; another smog connects still
    /// after `limit`. Then a connection of one's own is the way.
    pub(super) async fn lock(keep: &KeepConnections, options: &SshOptions, limit: Duration) -> Result<Place> {
        private_folder(&keep.folder)?;
        sweep(&keep.folder);
        let file = |end: &str| keep.folder.join(format!("{}{end}", key(options)));
        let failed = |why: std::io::Error| Error::Invalid {
            what: keep.folder.display().to_string(),
            why: why.to_string(),
            hint: None,
        };
        let lock = private_file().open(file(".lock")).map_err(failed)?;
        let begun = Instant::now();
        while let Err(why) = lock.try_lock() {
            if begun.elapsed() > limit || !matches!(why, std::fs::TryLockError::WouldBlock) {
                return Err(failed(std::io::ErrorKind::WouldBlock.into()));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(Place { socket: file(""), log: file(".log"), note: file(".json"), _lock: lock })
    }

    /// Whether there is a socket of the user's own. Anything else that stands there is removed.
    pub(super) fn is_there(&self) -> bool {
        let is_ours = is_own_socket(&self.socket);
        if !is_ours {
            let _ = std::fs::remove_file(&self.socket);
        }
        is_ours
    }

    /// Write down whose connection it is.
    pub(super) fn note(&self, host: &str, options: &SshOptions) {
        let connection = Connection {
            host: host.to_string(),
            address: options.address.clone(),
            user: options.user.clone(),
            port: options.port,
            since: jiff::Timestamp::now(),
            socket: self.socket.clone(),
        };
        // Only for those who list connections.
        if let (Ok(text), Ok(mut file)) =
            (serde_json::to_vec(&connection), private_file().truncate(true).open(&self.note))
        {
            let _ = file.write_all(&text);
        }
    }
}

/// The connections in a folder that live. A socket that does not answer is removed.
pub async fn connections(folder: &Path) -> Vec<Connection> {
    let mut living = Vec::new();
    for socket in sockets(folder) {
        let session = openssh::Session::resume_mux(socket.clone().into_boxed_path(), None);
        // One that hangs is no use to anyone.
        if !matches!(tokio::time::timeout(ANSWER, session.check()).await, Ok(Ok(()))) {
            let _ = std::fs::remove_file(&socket);
            continue;
        }
        let note = std::fs::read(socket.with_extension("json")).unwrap_or_default();
        let named = serde_json::from_slice::<Connection>(&note).ok();
        living.push(named.map(|named| Connection { socket: socket.clone(), ..named }).unwrap_or(
            Connection {
                host: "?".into(),
                address: "?".into(),
                user: None,
                port: None,
                since: jiff::Timestamp::UNIX_EPOCH,
                socket,
            },
        ));
    }
    living.sort_by(|one, other| (&one.host, &one.since).cmp(&(&other.host, &other.since)));
    living
}

/// End the connections to these hosts, or all when none is named. A command that still runs on one
/// of them ends first.
///
/// # Errors
/// [`Error::NotFound`] for a host to which none is kept; then none is ended.
pub async fn disconnect(folder: &Path, hosts: &[String]) -> Result<Vec<Connection>> {
    let mut kept = connections(folder).await;
    if let Some(unknown) = hosts.iter().find(|host| !kept.iter().any(|one| one.host == **host)) {
        let near = near_or_all(unknown, kept.iter().map(|one| one.host.as_str()));
        return Err(Error::NotFound { what: "kept connection".into(), name: unknown.clone(), near });
    }
    kept.retain(|one| hosts.is_empty() || hosts.contains(&one.host));
    for connection in &kept {
        forget(&connection.socket).await;
    }
    Ok(kept)
}

/// Nobody uses this connection any more; its master ends with the commands it has.
pub(super) async fn forget(socket: &Path) {
    let session = openssh::Session::resume_mux(socket.to_path_buf().into_boxed_path(), None);
    // One that hangs is left alone: it ends when it notices that its host is gone.
    let _ = tokio::time::timeout(ANSWER, session.close()).await;
    let _ = std::fs::remove_file(socket);
    let _ = std::fs::remove_file(socket.with_extension("json"));
}

fn is_own_socket(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket() && found.uid() == me())
}

fn sockets(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(std::io::Result::ok);
    entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_none() && is_own_socket(path))
        .collect()
}

/// Remove what is left of connections that ended.
fn sweep(folder: &Path) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(std::io::Result::ok);
    for path in entries.map(|entry| entry.path()).filter(|path| path.extension().is_some()) {
        let is_old = |path: &Path| {
            let changed = std::fs::metadata(path).and_then(|found| found.modified()).ok();
            changed.and_then(|at| SystemTime::now().duration_since(at).ok()).is_some_and(|age| age > STALE)
        };
        if is_old(&path) && !path.with_extension("").exists() {
            let _ = std::fs::remove_file(&path);
        }
    }
}

/// What decides how a host is reached: the options, and the files that ssh reads.
fn key(options: &SshOptions) -> String {
    let mut hash = Sha256::new();
    let mut add = |text: String| hash.update(format!("{}:{text}", text.len()));
    add(options.address.clone());
    add(format!("{:?}", (&options.user, options.port, &options.key_file)));
    add(format!("{:?}", (&options.known_hosts_file, &options.config_file, &options.jump)));
    let read = options.keep.iter().flat_map(|keep| &keep.read_by_ssh);
    for file in read.chain(&options.config_file).chain(&options.key_file) {
        add(stamp(file));
    }
    hex(&hash.finalize())[..16].to_string()
}

/// When a file was changed, or the files of a folder.
fn stamp(path: &Path) -> String {
    let of = |path: &Path| {
        std::fs::metadata(path).map_or_else(
            |_| String::new(),
            |found| format!("{} {} {}.{}", found.ino(), found.len(), found.mtime(), found.mtime_nsec()),
        )
    };
    let mut within: Vec<PathBuf> =
        std::fs::read_dir(path).into_iter().flatten().filter_map(|one| Some(one.ok()?.path())).collect();
    within.sort();
    within.iter().map(|one| of(one)).fold(of(path), |all, one| format!("{all};{one}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep(folder: &Path) -> KeepConnections {
        KeepConnections { folder: folder.join("smog"), idle: KEEP, read_by_ssh: vec![] }
    }

    #[test]
    fn another_user_port_or_changed_file_is_another_connection() {
        let dir = tempfile::tempdir().expect("a folder");
        let config = dir.path().join("config");
        std::fs::write(&config, "Host a\n").expect("a file");
        let options = SshOptions { config_file: Some(config.clone()), ..SshOptions::new("a") };
        let first = key(&options);
        assert_eq!(first, key(&options.clone()));
        let others = [
            SshOptions { address: "b".into(), ..options.clone() },
            SshOptions { user: Some("u".into()), ..options.clone() },
            SshOptions { port: Some(22), ..options.clone() },
            SshOptions { known_hosts_file: Some("k".into()), ..options.clone() },
        ];
        assert!(others.iter().all(|other| key(other) != first));
        std::fs::write(&config, "Host a\n Port 2222\n").expect("changed");
        assert_ne!(key(&options), first);
        // A file that another one includes from a folder.
        let keep = KeepConnections { read_by_ssh: vec![dir.path().to_path_buf()], ..keep(dir.path()) };
        let folder = SshOptions { keep: Some(keep), ..SshOptions::new("a") };
        let first = key(&folder);
        std::fs::write(dir.path().join("more"), "x").expect("a file");
        assert_ne!(key(&folder), first);
    }

    #[tokio::test]
    async fn one_smog_connects_at_a_time_and_what_is_no_socket_goes() {
        let dir = tempfile::tempdir().expect("a folder");
        let (keep, options) = (keep(dir.path()), SshOptions::new("a"));
        let place = Place::lock(&keep, &options, Duration::ZERO).await.expect("free");
        assert!(Place::lock(&keep, &options, Duration::from_millis(50)).await.is_err(), "locked twice");
        assert!(Place::lock(&keep, &SshOptions::new("b"), Duration::ZERO).await.is_ok(), "another host");
        std::fs::write(&place.socket, "").expect("a file");
        assert!(!place.is_there() && !place.socket.exists());
        let socket = std::os::unix::net::UnixListener::bind(&place.socket).expect("a socket");
        assert!(place.is_there());
        // Nobody listens any more: it is not among those that live.
        drop(socket);
        assert_eq!(connections(&keep.folder).await, []);
        assert!(!place.socket.exists());
    }

    #[tokio::test]
    async fn a_folder_of_others_keeps_nothing() {
        let dir = tempfile::tempdir().expect("a folder");
        let keep = keep(dir.path());
        std::os::unix::fs::symlink(dir.path(), &keep.folder).expect("a link");
        assert!(Place::lock(&keep, &SshOptions::new("a"), Duration::ZERO).await.is_err());
    }
}
