//! The wire over SSH: one multiplexed connection (ControlMaster) of the user's own OpenSSH per host.
//!
//! The user's configuration, agent, jump hosts, hardware keys and known_hosts
//! work, because it is their `ssh` that connects. We start the master
//! ourselves, rather than through the `openssh` crate, for two reasons: the
//! crate always overrules `StrictHostKeyChecking`, which is the user's to set
//! (without any setting `BatchMode` makes it strict), and it throws away most
//! of what ssh says when it cannot connect. The commands then go through the
//! crate's native multiplexing.
//!
//! Native against process multiplexing, measured on the lab's two loaded cores
//! (`true`, 100 times): 2.4 to 3.8 ms against 11 ms a command, and 0.12 s
//! against 0.4 s for 90 commands nine at a time; a connection of its own takes
//! 0.2 s. The native form also starts no process here for each command, and distinguishes an exit
//! code 255 of the command from the end of the connection.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

use crate::error::{Error, Result};
use crate::host::Exit;
use crate::host::channel::{Channel, Ended};
use crate::host::kept::{self, KeepConnections, Place};
use crate::host::login::{Login, log_in};
use crate::host::ssh_options::{SshOptions, master_options};
use crate::host::ssh_refusal::{is_of_jump_host, refusal};

/// sshd's default for `MaxSessions`: so many commands at once on one connection.
const SESSIONS: usize = 10;

/// Of these, the places for commands without an end; the rest is for short ones.
const LONG_SESSIONS: usize = 5;

/// How often a session that sshd has no place for is asked for again: about 15 s in all.
const REFUSALS: u32 = 40;

/// The same where other commands share the connection: then one of its own is made, after 0.4 s.
const SHARED_REFUSALS: u32 = 5;

/// A kept connection answers within this, or another one is made.
const STILL_THERE: Duration = Duration::from_secs(3);

/// A master without a command for this long ends itself, should smog have been
/// killed before it could close it. A later command connects again, without a message.
const IDLE: Duration = Duration::from_secs(120);

/// So long after its time ssh itself may take to say that there was no answer.
const GRACE: Duration = Duration::from_secs(1);

/// The shared connection to one host, made when the first command needs it.
#[derive(Debug)]
pub(crate) struct Ssh {
    pub(crate) options: SshOptions,
    state: Mutex<State>,
    slots: Arc<Semaphore>,
    /// Of these places, those for commands without an end.
    long_slots: Arc<Semaphore>,
    /// Others fill the kept connection: this process makes its own.
    crowded: AtomicBool,
}

/// The connection, or why there is none.
#[derive(Debug, Default)]
struct State {
    master: Option<Arc<Master>>,
    /// When a connection could not be made, and why: who waited for it does not wait again.
    failed: Option<(Instant, Error)>,
}

/// A living master process.
#[derive(Debug)]
struct Master {
    session: Arc<openssh::Session>,
    /// How its login shell starts commands.
    login: Login,
    /// The process that made it: a forked child must neither use nor close its parent's.
    of_process: u32,
    /// Whether other commands may use it too, now and later.
    is_kept: bool,
}

impl Drop for Master {
    fn drop(&mut self) {
        if self.of_process != std::process::id() {
            // One count too many: the session's own drop, which closes the master, never runs here.
            std::mem::forget(Arc::clone(&self.session));
        }
    }
}

impl Ssh {
    pub(crate) fn new(options: SshOptions) -> Ssh {
        Ssh {
            options,
            state: Mutex::default(),
            slots: Arc::new(Semaphore::new(SESSIONS - LONG_SESSIONS)),
            long_slots: Arc::new(Semaphore::new(LONG_SESSIONS)),
            crowded: AtomicBool::new(false),
        }
    }

    /// Start a script on the other side; `script` makes it for root or for another user. Waits
    /// for a place among the sessions; connects when there is no connection (any more).
    pub(crate) async fn open(
        &self,
        host: &str,
        script: impl Fn(bool) -> String,
        long: bool,
    ) -> Result<Channel> {
        let slot = self.slot(host, long).await?;
        let mut master = self.master(host).await?;
        let (mut refused, mut renewed) = (0_u32, false);
        loop {
            let line = master.login.line(&script(master.login.root))?;
            match start(&master.session, &line).await {
                Ok(channel) => return Ok(Channel { _slot: Some(slot), ..channel }),
                // Other commands have taken what sshd allows on the connection they share.
                Err(_) if master.is_kept && refused >= SHARED_REFUSALS && !renewed => {
                    self.crowded.store(true, Relaxed);
                    renewed = true;
                    master = self.renewed(host, &master).await?;
                }
                // The master lives, so it is sshd that has no place: it allows fewer
                // sessions than usual (MaxSessions), or one just ended still counts.
                Err(_) if refused < REFUSALS && master.session.check().await.is_ok() => {
                    refused += 1;
                    tokio::time::sleep(Duration::from_millis(25 * u64::from(refused.min(20)))).await;
                }
                // The command has not started, so it may be started on a new connection: once.
                Err(_) if !renewed => {
                    renewed = true;
                    master = self.renewed(host, &master).await?;
                }
                Err(err) => return Err(self.lost(host, &chain(&err))),
            }
        }
    }

    /// A place for a short command is waited for; one for an endless command is there or not.
    async fn slot(&self, host: &str, long: bool) -> Result<OwnedSemaphorePermit> {
        if long {
            return Arc::clone(&self.long_slots).try_acquire_owned().map_err(|_| Error::Invalid {
                what: format!("host `{host}`"),
                why: format!("{LONG_SESSIONS} long-running commands are under way there, the most one connection has room for"),
                hint: Some("follow several files with one `tail -F`".to_string().into()),
            });
        }
        let slot = Arc::clone(&self.slots).acquire_owned().await;
        slot.map_err(|err| Error::Interrupted { left: err.to_string() })
    }

    /// Connect, if that has not been done, within `connect_timeout` and no more.
    pub(crate) async fn connected(&self, host: &str) -> Result<()> {
        let limit = self.options.connect_timeout;
        // ssh keeps to the same time, and then says more.
        match tokio::time::timeout(limit + GRACE, self.master(host)).await {
            Ok(made) => made.map(drop),
            Err(_) => Err(Error::Unreachable {
                what: format!("host `{host}` ({})", self.options.address),
                why: format!("no log-in within {} s", limit.as_secs()),
                hint: "`ssh:` `connect_timeout:` in smog.yml gives hosts more time".to_string().into(),
            }),
        }
    }

    /// Let go of the connection; the next command makes a new one, or finds the kept one again.
    pub(crate) async fn close(&self) {
        // The drop of one that is not kept asks the master to exit, over the control socket.
        drop(self.state.lock().await.master.take());
    }

    /// End the connection for all commands of this user; the next one makes a new one.
    pub(crate) async fn disconnect(&self) {
        if let Some(master) = self.state.lock().await.master.take()
            && master.is_kept
        {
            kept::forget(master.session.control_socket()).await;
        }
    }

    /// The path of the control socket, for those who want to look at (or end) the master.
    pub(crate) async fn control_socket(&self) -> Option<PathBuf> {
        let state = self.state.lock().await;
        state.master.as_ref().map(|master| master.session.control_socket().to_path_buf())
    }

    async fn master(&self, host: &str) -> Result<Arc<Master>> {
        let asked = Instant::now();
        let mut state = self.state.lock().await;
        match &state.master {
            Some(master) if master.of_process == std::process::id() => Ok(Arc::clone(master)),
            _ => self.connect_into(&mut state, host, asked).await,
        }
    }

    /// A new connection instead of the `dead` one, unless another command has made it already.
    async fn renewed(&self, host: &str, dead: &Arc<Master>) -> Result<Arc<Master>> {
        let asked = Instant::now();
        let mut state = self.state.lock().await;
        match &state.master {
            Some(master) if !Arc::ptr_eq(master, dead) => Ok(Arc::clone(master)),
            _ => self.connect_into(&mut state, host, asked).await,
        }
    }

    async fn connect_into(&self, state: &mut State, host: &str, asked: Instant) -> Result<Arc<Master>> {
        if let Some((at, error)) = &state.failed
            && *at >= asked
        {
            return Err(error.clone());
        }
        state.master = None;
        match self.connect(host).await {
            Ok(master) => {
                let master = Arc::new(master);
                *state = State { master: Some(Arc::clone(&master)), failed: None };
                Ok(master)
            }
            Err(error) => {
                state.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    async fn connect(&self, host: &str) -> Result<Master> {
        let options = &self.options;
        if options.address.is_empty() || options.address.starts_with('-') {
            return Err(Error::Invalid {
                what: format!("address `{}` of host `{host}`", options.address),
                why: "it is not a host name".to_string(),
                hint: None,
            });
        }
        if let Some(user) = &options.user
            && (user.is_empty()
                || user.starts_with('-')
                || user.contains(|c: char| c.is_whitespace() || c.is_control()))
        {
            return Err(Error::Invalid {
                what: format!("user `{user}` of host `{host}`"),
                why: "it is not a user's name".to_string(),
                hint: None,
            });
        }
        // ssh goes on without it, and then blames the host.
        for (what, file) in [("key", &options.key_file), ("config", &options.config_file)] {
            let Some(file) = file else { continue };
            std::fs::File::open(file).map_err(|why| Error::Config {
                place: file.display().to_string(),
                message: format!(
                    "cannot be read: {}",
                    why.to_string().split(" (os error").next().unwrap_or_default()
                ),
                hint: Some(format!("it is the `{what}:` of `ssh:` in smog.yml, for host `{host}`").into()),
            })?;
        }
        if let Some(keep) = options.keep.as_ref().filter(|_| !self.crowded.load(Relaxed))
            && let Ok(place) = Place::lock(keep, options, options.connect_timeout * 2).await
        {
            return self.kept(host, keep, &place).await;
        }
        let directory = private_directory(&options.control_dir).map_err(|err| Error::Config {
            place: options.control_dir.display().to_string(),
            message: format!("no directory for SSH control sockets can be made there: {err}"),
            hint: Some(
                "name another folder with a short path: `ssh:` `control_dir:` in smog.yml".to_string().into(),
            ),
        })?;
        let (socket, log) = (directory.path().join("master"), directory.path().join("log"));
        self.start_master(host, &socket, &log, IDLE).await?;
        let session = Arc::new(openssh::Session::new_native_mux(directory));
        self.logged_in(host, session, false, options.connect_timeout).await
    }

    /// The connection that is kept for all commands of this user: the one that is there, or a new one.
    async fn kept(&self, host: &str, keep: &KeepConnections, place: &Place) -> Result<Master> {
        let resumed = || Arc::new(openssh::Session::resume_mux(place.socket.clone().into_boxed_path(), None));
        let limit = self.options.connect_timeout;
        if place.is_there() {
            // A host that was switched off or rebooted does not answer on it any more.
            let made = self.logged_in(host, resumed(), true, STILL_THERE.min(limit));
            if let Ok(Ok(master)) = tokio::time::timeout(STILL_THERE, made).await {
                return Ok(master);
            }
            kept::forget(&place.socket).await;
        }
        self.start_master(host, &place.socket, &place.log, keep.idle).await?;
        place.note(host, &self.options);
        self.logged_in(host, resumed(), true, limit).await
    }

    /// Ask how the login shell starts commands.
    async fn logged_in(
        &self,
        host: &str,
        session: Arc<openssh::Session>,
        is_kept: bool,
        limit: Duration,
    ) -> Result<Master> {
        let login = log_in(host, self.options.user.as_deref(), limit, async |line| {
            start(&session, &line).await.map_err(|err| self.lost(host, &chain(&err)))
        });
        let login = login.await?;
        Ok(Master { session, login, of_process: std::process::id(), is_kept })
    }

    /// Start a master of OpenSSH, which goes to the background once it has logged in.
    async fn start_master(&self, host: &str, socket: &Path, log: &Path, idle: Duration) -> Result<()> {
        let options = &self.options;
        // ssh adds to it: what is there is of another attempt.
        let _ = std::fs::remove_file(log);
        let mut command = tokio::process::Command::new("ssh");
        command
            .args(["-M", "-N", "-f", "-T", "-a", "-x", "-E"])
            .arg(log)
            .arg("-S")
            .arg(socket)
            .args(master_options(options, idle))
            .arg("--")
            .arg(&options.address)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A Ctrl-C at the terminal must not cut the connection under the clean-up.
            .process_group(0)
            .kill_on_drop(true);
        // ConnectTimeout ends each attempt on each address; this ends the whole, log-in included.
        let limit = options.connect_timeout * 2;
        let status = match tokio::time::timeout(limit, command.status()).await {
            Ok(Ok(status)) => status,
            Ok(Err(err)) if err.kind() == std::io::ErrorKind::NotFound => {
                return Err(Error::Missing {
                    host: "this machine".to_string(),
                    program: "ssh".to_string(),
                    hint: "install the OpenSSH client: `apt install openssh-client` or `dnf install openssh-clients`"
                        .to_string().into(),
                });
            }
            Ok(Err(err)) => return Err(self.lost(host, &format!("`ssh` does not start: {err}"))),
            Err(_) => {
                let said = std::fs::read_to_string(log).unwrap_or_default();
                let said = format!("{said}\nno log-in within {} s", limit.as_secs());
                return Err(refusal(host, options, &said));
            }
        };
        if !status.success() {
            let mut said = std::fs::read_to_string(log).unwrap_or_default();
            if is_of_jump_host(&said) {
                said = format!("{}\n{said}", said_on_the_way(options).await);
            }
            return Err(refusal(host, options, &said));
        }
        Ok(())
    }

    fn lost(&self, host: &str, why: &str) -> Error {
        Error::Unreachable {
            what: format!("host `{host}` ({})", self.options.address),
            why: why.to_string(),
            hint: format!("`ssh {}` by hand shows whether the host is up", self.options.address).into(),
        }
    }
}

/// What stands between says, asked a second time: a master that stays in the background throws away
/// what the ssh to its jump host says.
async fn said_on_the_way(options: &SshOptions) -> String {
    let mut command = tokio::process::Command::new("ssh");
    command
        .args(["-T", "-a", "-x", "-o", "ControlPath=none"])
        .args(master_options(options, IDLE))
        .arg("--")
        .arg(&options.address)
        .arg("exit")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .process_group(0)
        .kill_on_drop(true);
    match tokio::time::timeout(options.connect_timeout * 2, command.output()).await {
        Ok(Ok(output)) => String::from_utf8_lossy(&output.stderr).into_owned(),
        _ => String::new(),
    }
}

/// Start a command on a master.
async fn start(session: &Arc<openssh::Session>, line: &str) -> Result<Channel, openssh::Error> {
    let mut child = openssh::Session::to_raw_command(Arc::clone(session), line)
        .stdin(openssh::Stdio::piped())
        .stdout(openssh::Stdio::piped())
        .stderr(openssh::Stdio::piped())
        .spawn()
        .await?;
    let (Some(stdin), Some(stdout), Some(stderr)) =
        (child.stdin().take(), child.stdout().take(), child.stderr().take())
    else {
        return Err(openssh::Error::Disconnected);
    };
    Ok(Channel {
        stdin: Box::pin(stdin),
        stdout: Box::pin(stdout),
        stderr: Box::pin(stderr),
        mark: String::new(),
        before: None,
        ended: Box::pin(async move {
            match child.wait().await {
                Ok(status) => Ended::Exited(Exit { code: status.code().unwrap_or(255) }),
                // The crate turns this one code into an error; to us it is a code.
                Err(openssh::Error::Remote(err)) if err.kind() == std::io::ErrorKind::NotFound => {
                    Ended::Exited(Exit { code: 127 })
                }
                Err(err) => Ended::Lost(chain(&err)),
            }
        }),
        _slot: None,
    })
}

/// A directory only we can enter, for the sockets of this process; what dead
/// processes of ours left behind is removed on the way.
fn private_directory(below: &Path) -> std::io::Result<tempfile::TempDir> {
    // The owner of /proc/self is who we are, without a system call of our own.
    let user = std::fs::metadata("/proc/self")?.uid();
    let prefix = format!("smog-{user}-");
    for entry in std::fs::read_dir(below)?.filter_map(std::io::Result::ok) {
        let name = entry.file_name();
        let Some(rest) = name.to_str().and_then(|name| name.strip_prefix(&prefix)) else { continue };
        let Some((process, _)) = rest.split_once('-') else { continue };
        let ours = entry.metadata().is_ok_and(|metadata| metadata.is_dir() && metadata.uid() == user);
        if ours && process.parse::<u32>().is_ok() && !Path::new("/proc").join(process).exists() {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    tempfile::Builder::new()
        .prefix(&format!("{prefix}{}-", std::process::id()))
        .permissions(std::fs::Permissions::from_mode(0o700))
        .tempdir_in(below)
}

/// An error and its causes on one line.
fn chain(err: &dyn std::error::Error) -> String {
    let mut text = err.to_string();
    let mut source = err.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::private_directory;

    #[test]
    fn the_folder_is_private_and_those_of_dead_processes_go() {
        let below = tempfile::tempdir().expect("a folder");
        let user = std::fs::metadata("/proc/self").expect("metadata").uid();
        let name = |process: u32| below.path().join(format!("smog-{user}-{process}-x"));
        // No process has this id; the parent lives.
        let (dead, alive) = (name(u32::MAX), name(std::os::unix::process::parent_id()));
        let other = below.path().join(format!("smog-{user}-notanumber-x"));
        for folder in [&dead, &alive, &other] {
            std::fs::create_dir(folder).expect("a folder");
        }
        let folder = private_directory(below.path()).expect("a folder");
        assert_eq!(std::fs::metadata(folder.path()).expect("metadata").mode() & 0o777, 0o700);
        assert!(!dead.exists() && alive.exists() && other.exists());
    }
}
