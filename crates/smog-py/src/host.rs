//! A machine commands run on.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use smog::Result;
use smog::host::{Cmd, Expected, SshOptions};

use crate::enter::{Ctx, enter, wait};
use crate::noun::Noun;
use crate::nouns::{Domain, Facts, GuestProcess, Guru};
use crate::session::Session;
use crate::topology::Topology;

/// How a host is reached.
#[derive(Clone)]
enum Way {
    /// As its cloud reaches it.
    OfCloud(Arc<Session>),
    /// This machine.
    Local,
    /// By SSH alone; the connection is kept for the process that made it.
    Ssh { address: String, make: Arc<Make>, open: Arc<Mutex<Option<Open>>> },
}

/// Makes the core's host; nothing is connected by it.
type Make = dyn Fn() -> smog::host::Host + Send + Sync;

/// A connection and the process it belongs to.
type Open = (u32, smog::host::Host);

/// A machine smog runs commands on: a compute or controller of a cloud, this one
/// (`Host.local()`), or any other behind SSH (`Host.ssh("10.0.0.11")`).
///
/// The object is a handle; nothing is connected before the first question.
///
/// >>> cloud.host("cmp1").run("uname", "-r").stdout
/// '6.18.44\n'
#[pyclass(frozen, module = "smog")]
#[derive(Clone)]
pub struct Host {
    /// Known by this name to Nova and smog.yml.
    name: String,
    way: Way,
}

impl Host {
    /// A host of a cloud; not asked for yet.
    pub fn of_cloud(name: &str, session: &Arc<Session>) -> Host {
        Host { name: name.to_string(), way: Way::OfCloud(session.clone()) }
    }

    /// The core's host.
    pub async fn core(&self) -> Result<smog::host::Host> {
        match &self.way {
            Way::OfCloud(session) => session.cloud().await?.host(&self.name).await,
            Way::Local => Ok(smog::host::Host::local(&self.name)),
            Way::Ssh { make, open, .. } => {
                let pid = std::process::id();
                let Ok(mut open) = open.lock() else { return Ok(make()) };
                match open.take() {
                    Some((of, host)) if of == pid => {
                        *open = Some((of, host.clone()));
                        Ok(host)
                    }
                    other => {
                        // What a parent opened is the parent's to close.
                        std::mem::forget(other);
                        let host = make();
                        *open = Some((pid, host.clone()));
                        Ok(host)
                    }
                }
            }
        }
    }

    /// Ask the host something.
    pub fn ask<T, F>(
        &self,
        py: Python<'_>,
        question: impl FnOnce(smog::host::Host, Ctx) -> F + Send + 'static,
    ) -> PyResult<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let host = self.clone();
        enter(py, |ctx| async move {
            let core = ctx.unless_stopped("nothing was changed", host.core()).await?;
            let inner = ctx.clone();
            ctx.unless_stopped(
                format!("the command on host `{}` was ended", host.name),
                question(core, inner),
            )
            .await
        })
    }
}

/// What a command wrote, and how it ended.
#[pyclass(frozen, get_all, module = "smog")]
pub struct Output {
    /// Standard output as text.
    stdout: String,
    /// Standard error as text.
    stderr: String,
    /// The exit code; a command that a signal ended has 128 + its number.
    exit_code: i32,
    /// From the request to the end, in seconds.
    elapsed_s: f64,
    /// The command as a person would type it.
    command: String,
    /// Where it ran.
    host: String,
}

#[pymethods]
impl Output {
    /// Whether it ended with 0.
    #[getter]
    fn ok(&self) -> bool {
        self.exit_code == 0
    }

    fn __repr__(&self) -> String {
        let begin: String = self.stdout.trim().chars().take(60).collect();
        format!("<Output of `{}` on {}: exit code {}, {begin:?}>", self.command, self.host, self.exit_code)
    }

    fn __str__(&self) -> &str {
        &self.stdout
    }
}

#[pymethods]
impl Host {
    /// This machine.
    #[staticmethod]
    #[pyo3(signature = (name = "local"))]
    fn local(name: &str) -> Host {
        Host { name: name.to_string(), way: Way::Local }
    }

    /// A machine behind SSH, reached as the user's own OpenSSH configuration says.
    #[staticmethod]
    #[pyo3(signature = (address, *, user = None, port = None))]
    fn ssh(address: String, user: Option<String>, port: Option<u16>) -> Host {
        let at = address.clone();
        let make = move || {
            let options = SshOptions { user: user.clone(), port, ..SshOptions::new(&at) };
            smog::host::Host::ssh(&at, options)
        };
        Host { name: address.clone(), way: Way::Ssh { address, make: Arc::new(make), open: Arc::default() } }
    }

    /// The machine of this name or address: as smog.yml says when it is named there, this
    /// machine for "localhost", else as `Host.ssh`. No cloud is needed.
    #[staticmethod]
    #[pyo3(signature = (name, *, user = None))]
    fn at(py: Python<'_>, name: String, user: Option<String>) -> PyResult<Host> {
        if matches!(name.as_str(), "localhost" | "127.0.0.1" | "::1") {
            return Ok(Host::local(&name));
        }
        let file = smog::config::Surroundings::of_process().smog_file();
        let file = file.map_err(|error| crate::errors::to_py(py, &error))?;
        let entry = file.hosts.iter().find(|entry| entry.name.as_ref() == Some(&name) || entry.host == name);
        let Some(entry) = entry.cloned() else { return Ok(Host::ssh(name, user, None)) };
        let known = entry.name.clone().unwrap_or_else(|| entry.host.clone());
        let (title, address) = (known.clone(), entry.host.clone());
        let make = move || {
            let listed = smog::host::Host::of_file(&file);
            let found = listed.into_iter().find(|host| host.name() == known);
            found.unwrap_or_else(|| smog::host::Host::ssh(&known, SshOptions::new(&entry.host)))
        };
        Ok(Host { name: title, way: Way::Ssh { address, make: Arc::new(make), open: Arc::default() } })
    }

    /// The name Nova and smog.yml know it by.
    #[getter]
    fn name(&self) -> &str {
        &self.name
    }

    /// The same: the compute service's host name.
    #[getter]
    fn hostname(&self) -> &str {
        &self.name
    }

    /// Run a command to its end. One round trip.
    ///
    /// Words are passed as they are, no shell looks at them; `shell=True` gives one text to
    /// the host's `sh`. `check=False` takes any exit code. It runs as root (`sudo -n` where
    /// the user is not root) unless `root=False`. Ctrl-C ends it on the host too.
    ///
    /// Raises `CommandException` for another exit code than 0, `Unreachable`.
    ///
    /// >>> host.run("cat", "/proc/loadavg").stdout
    /// '0.42 0.31 0.30 1/395 29833\n'
    #[pyo3(signature = (
        *words: "str", shell: "bool" = false, check: "bool" = true, timeout: "float" = 60.0, root: "bool" = true,
        stdin: "str | bytes | None" = None, env: "dict[str, str] | None" = None
    ) -> "Output")]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn run(
        &self,
        py: Python<'_>,
        words: Vec<String>,
        shell: bool,
        check: bool,
        timeout: f64,
        root: bool,
        stdin: Option<Bytes>,
        env: Option<BTreeMap<String, String>>,
    ) -> PyResult<Output> {
        let (mut cmd, text) = command(py, words, shell)?;
        cmd = cmd.time_limit(Duration::try_from_secs_f64(timeout).unwrap_or(Duration::MAX));
        cmd.root = root;
        if !check {
            cmd.expected = Expected::Any;
        }
        if let Some(bytes) = stdin {
            cmd = cmd.stdin(bytes.into_vec());
        }
        for (name, value) in env.unwrap_or_default() {
            cmd = cmd.env(name, value);
        }
        let output = self.ask(py, |host, _| async move { host.run(cmd).await })?;
        Ok(Output {
            stdout: output.text().into_owned(),
            stderr: output.error_text().into_owned(),
            exit_code: output.exit.code,
            elapsed_s: output.elapsed.as_secs_f64(),
            command: text,
            host: self.name.clone(),
        })
    }

    /// A file's text; bytes that are not UTF-8 are an error. One command.
    fn read(&self, py: Python<'_>, path: String) -> PyResult<String> {
        self.ask(py, |host, _| async move { host.read_text(&path).await })
    }

    /// A file's bytes. One command.
    fn read_bytes<'py>(&self, py: Python<'py>, path: String) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = self.ask(py, |host, _| async move { host.read_file(&path).await })?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// Replace a file, whole or not at all. One command. For configuration use
    /// `cloud.environment()`, which brings the old file back.
    #[pyo3(signature = (path: "str", content: "str | bytes", *, mode: "int | None" = None) -> "None")]
    fn write(&self, py: Python<'_>, path: String, content: Bytes, mode: Option<u32>) -> PyResult<()> {
        self.ask(py, move |host, _| async move {
            match mode {
                Some(mode) => host.write_file_with_mode(&path, content.into_vec(), mode).await,
                None => host.write_file(&path, content.into_vec()).await,
            }
        })
    }

    /// Whether a path is there. One command.
    fn exists(&self, py: Python<'_>, path: String) -> PyResult<bool> {
        self.ask(py, |host, _| async move { host.exists(&path).await })
    }

    /// What it is made of: CPUs, cells, memory, pages, versions. One command.
    fn facts(&self, py: Python<'_>) -> PyResult<Facts> {
        Ok(Facts::alone(self.ask(py, |host, _| async move { host.facts().await })?))
    }

    /// Reboot it, and wait until it is up again.
    #[pyo3(signature = (*, timeout = 360.0))]
    fn reboot(&self, py: Python<'_>, timeout: f64) -> PyResult<()> {
        self.ask(
            py,
            move |host, ctx| async move { host.reboot(wait(timeout, &ctx.teller())).await.map(drop) },
        )
    }

    /// Wait until it runs a command: a ping is not enough.
    #[pyo3(signature = (*, timeout = 300.0))]
    fn wait_until_up(&self, py: Python<'_>, timeout: f64) -> PyResult<()> {
        self.ask(py, move |host, ctx| async move { host.wait_until_up(wait(timeout, &ctx.teller())).await })
    }

    /// Its libvirt domains. One command.
    #[pyo3(signature = () -> "Listing[Domain]")]
    fn domains<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let domains = self.ask(py, |host, _| async move { host.domains().await })?;
        crate::noun::listing(py, "domains", domains.into_iter().map(Domain::alone).collect())
    }

    /// One libvirt domain, by name or UUID. One command.
    fn domain(&self, py: Python<'_>, name_or_uuid: String) -> PyResult<Domain> {
        Ok(Domain::alone(self.ask(py, |host, _| async move { host.domain(&name_or_uuid).await })?))
    }

    /// A domain's state: "running", "shut off" … One command.
    fn domain_state(&self, py: Python<'_>, name_or_uuid: String) -> PyResult<String> {
        self.ask(py, |host, _| async move { Ok(host.domain_state(&name_or_uuid).await?.to_string()) })
    }

    /// Start a domain and wait until it runs.
    #[pyo3(signature = (name_or_uuid, *, timeout = 60.0))]
    fn start_domain(&self, py: Python<'_>, name_or_uuid: String, timeout: f64) -> PyResult<()> {
        self.ask(py, move |host, ctx| async move {
            host.start_domain(&name_or_uuid, wait(timeout, &ctx.teller())).await
        })
    }

    /// Cut a domain's power and wait until it is off.
    #[pyo3(signature = (name_or_uuid, *, timeout = 60.0))]
    fn destroy_domain(&self, py: Python<'_>, name_or_uuid: String, timeout: f64) -> PyResult<()> {
        self.ask(py, move |host, ctx| async move {
            host.destroy_domain(&name_or_uuid, wait(timeout, &ctx.teller())).await
        })
    }

    /// What libvirt says the host can do: `virsh capabilities`. One command.
    #[pyo3(signature = () -> "dict[str, Any]")]
    fn capabilities(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let capabilities = self.ask(py, |host, _| async move { host.capabilities().await })?;
        crate::data::plain(py, &capabilities)
    }

    /// The same as XML. One command.
    fn capabilities_xml(&self, py: Python<'_>) -> PyResult<String> {
        self.ask(py, |host, _| async move { Ok(host.capabilities().await?.xml().to_string()) })
    }

    /// The QEMU process of a guest, its threads and memory. One command.
    fn guest_process(&self, py: Python<'_>, name_or_uuid: String) -> PyResult<GuestProcess> {
        let process = self.ask(py, |host, _| async move { host.guest_process(&name_or_uuid).await })?;
        Ok(GuestProcess::alone(process))
    }

    /// The state of systemd units: "active", "failed" … by unit. One command.
    #[pyo3(signature = (*units: "str") -> "dict[str, str]")]
    fn services(&self, py: Python<'_>, units: Vec<String>) -> PyResult<BTreeMap<String, String>> {
        self.ask(py, |host, _| async move {
            let services = host.services(units.iter().map(String::as_str)).await?;
            Ok(services.iter().map(|service| (service.unit.clone(), service.summary())).collect())
        })
    }

    /// What this host is made of (NUMA nodes, cores with their threads, pages, devices), what Nova may use
    /// each CPU for, and where the kernel lets the vCPUs of guests run. A picture in notebooks.
    ///
    /// >>> print(cloud.host("cmp1").topology())
    fn topology(&self, py: Python<'_>) -> PyResult<Topology> {
        let picture = self.ask(py, |host, _| async move { host.topology().await })?;
        Ok(Topology::of_host(picture))
    }

    /// Ask a service for its Guru Meditation Report: what each of its threads does now; of one with
    /// workers, a report of each. It is asked as it is configured; a process that does not handle the
    /// signal is never signalled.
    ///
    /// >>> first = host.guru("nova-compute")[0]
    /// >>> first.diff(host.guru("nova-compute")[0])
    #[pyo3(signature = (service: "str" = "nova-compute".to_string()) -> "Listing[Guru]")]
    fn guru<'py>(&self, py: Python<'py>, service: String) -> PyResult<Bound<'py, PyAny>> {
        let gurus = self.ask(py, |host, _| async move { host.guru(Some(&service)).await })?;
        crate::noun::listing(py, "reports", gurus.into_iter().map(Guru::alone).collect())
    }

    /// Restart a systemd unit and wait until it is active.
    #[pyo3(signature = (unit, *, timeout = 60.0))]
    fn restart_service(&self, py: Python<'_>, unit: String, timeout: f64) -> PyResult<()> {
        self.ask(py, move |host, ctx| async move {
            host.restart_service(&unit, wait(timeout, &ctx.teller())).await.map(|_| ())
        })
    }

    fn __repr__(&self) -> String {
        let way = match &self.way {
            Way::OfCloud(session) => match session.cloud_in_hand() {
                Some(cloud) => format!(" of cloud {}", cloud.name()),
                None => String::new(),
            },
            Way::Local => " (this machine)".to_string(),
            Way::Ssh { address, .. } => format!(" (ssh {address})"),
        };
        format!("<Host {}{way}>", self.name)
    }

    fn __str__(&self) -> &str {
        &self.name
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Host>().is_ok_and(|other| other.get().name == self.name)
    }

    fn __hash__(&self) -> u64 {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        self.name.hash(&mut hasher);
        hasher.finish()
    }
}

/// The command, and its text for people.
fn command(py: Python<'_>, mut words: Vec<String>, shell: bool) -> PyResult<(Cmd, String)> {
    if words.is_empty() {
        return Err(crate::errors::unusable(py, "the command", "it has no words", None));
    }
    let cmd = match shell {
        true => Cmd::shell(words.remove(0)).args(words),
        false => {
            let program = words.remove(0);
            Cmd::new(program).args(words)
        }
    };
    let text = cmd.line();
    Ok((cmd, text))
}

/// Text or bytes.
#[derive(FromPyObject)]
pub enum Bytes {
    /// Text, sent as UTF-8.
    Text(String),
    /// Bytes as they are.
    Bytes(Vec<u8>),
}

impl Bytes {
    /// The bytes.
    pub fn into_vec(self) -> Vec<u8> {
        match self {
            Bytes::Text(text) => text.into_bytes(),
            Bytes::Bytes(bytes) => bytes,
        }
    }
}

/// A host of a cloud; checks that there is one.
pub fn host(py: Python<'_>, session: &Arc<Session>, name: &str) -> PyResult<Host> {
    let (login, asked) = (session.clone(), name.to_string());
    let found = enter(py, |ctx| async move {
        let cloud = login.cloud().await?;
        ctx.unless_stopped("nothing was changed", cloud.host(&asked)).await
    })?;
    let _ = found;
    Ok(Host::of_cloud(name, session))
}
