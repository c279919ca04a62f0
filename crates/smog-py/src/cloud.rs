//! An authenticated session to one OpenStack.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use smog::cloud::{BootMade, BootRequest, Call, FlavorChoice, NetworkChoice, Nic, Service};
use smog::findings::{AuditRequest, Baseline, KnownBugs};
use smog::watch::LogQuery;
use smog::why_not::WhyNotRequest;
use smog::{Error, Result};

use crate::data::{plain, to_json, to_python};
use crate::enter::{Ctx, enter, enter_or_undo};
use crate::environment::Environment;
use crate::errors::unusable;
use crate::flavor_spec::FlavorSpec;
use crate::guest::{Guest, NameOf};
use crate::guests::{Guests, discover, guest};
use crate::host::{Bytes, Host, host};
use crate::hosts::Hosts;
use crate::noun::{Noun, listed};
use crate::nouns::{Flavor, Trace, Triage, WhyNot};
use crate::saved::Places;
use crate::session::Session;
use crate::topology::{self, Topology};
use crate::watch::{Watch, Watcher};

/// An authenticated session to one OpenStack: what `smog.connect()` gives.
///
/// `cloud.guests` and `cloud.hosts` complete at the prompt; everything with parentheses asks.
/// It may be used from several threads, and in a forked child, where it logs in anew.
///
/// >>> cloud = smog.connect()
/// >>> for guest in cloud.discover():
/// ...     print(guest.name, guest.host.name)
#[pyclass(frozen, module = "smog")]
pub struct Cloud {
    pub(crate) session: Arc<Session>,
}

/// One API call as it was made.
#[pyclass(frozen, get_all, module = "smog")]
pub struct ApiCall {
    /// "compute", "image", "network", "placement", "identity".
    service: String,
    /// HTTP method.
    method: String,
    /// Path below the service's root.
    path: String,
    /// HTTP status; none when no answer came.
    status: Option<u16>,
    /// The request id to look for in logs.
    request_id: Option<String>,
    /// How long it took, in seconds.
    elapsed_s: f64,
}

#[pymethods]
impl ApiCall {
    fn __repr__(&self) -> String {
        let status = self.status.map_or("no answer".to_string(), |status| status.to_string());
        format!(
            "<ApiCall {} {} {}: {status}, {:.0} ms>",
            self.service,
            self.method,
            self.path,
            self.elapsed_s * 1e3
        )
    }

    fn _row(&self) -> Vec<(&'static str, String)> {
        vec![
            ("service", self.service.clone()),
            ("method", self.method.clone()),
            ("path", self.path.clone()),
            ("status", self.status.map_or(String::new(), |status| status.to_string())),
            ("ms", format!("{:.0}", self.elapsed_s * 1e3)),
            ("request", self.request_id.clone().unwrap_or_default()),
        ]
    }
}

/// A flavor: named, made for the guest, or the thing itself.
#[derive(FromPyObject)]
pub(crate) enum FlavorAsked {
    Name(String),
    Spec(Py<FlavorSpec>),
    Thing(Py<Flavor>),
}

impl Cloud {
    pub fn new(session: Arc<Session>) -> Cloud {
        Cloud { session }
    }

    /// The login behind it.
    pub fn session(&self) -> Arc<Session> {
        self.session.clone()
    }

    /// Ask the cloud something that leaves nothing behind when it is not waited for.
    pub fn ask<T, F>(
        &self,
        py: Python<'_>,
        question: impl FnOnce(smog::Cloud, Ctx) -> F + Send + 'static,
    ) -> PyResult<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let session = self.session.clone();
        enter(py, |ctx| async move {
            let inner = ctx.clone();
            let asked = async { question(session.cloud().await?, inner).await };
            ctx.unless_stopped("the last call may have been made", asked).await
        })
    }

    pub fn listed<'py, N, F>(
        &self,
        py: Python<'py>,
        question: impl FnOnce(smog::Cloud) -> F + Send + 'static,
    ) -> PyResult<Bound<'py, PyAny>>
    where
        N: Noun + IntoPyObject<'py>,
        N::Inner: smog::show::Show + Send + 'static,
        F: Future<Output = Result<Vec<N::Inner>>> + Send + 'static,
    {
        let items = self.ask(py, |cloud, _| question(cloud))?;
        listed::<N>(py, items, &self.session)
    }
}

#[pymethods]
impl Cloud {
    /// Its name in clouds.yaml, or "envvars".
    #[getter]
    fn name(&self) -> String {
        self.session.settings().credentials.name.clone()
    }

    /// Keystone's URL.
    #[getter]
    fn auth_url(&self) -> String {
        self.session.settings().credentials.auth_url.clone()
    }

    /// Whether the user has the admin role. Nothing is asked.
    #[getter]
    fn is_admin(&self) -> bool {
        self.session.cloud_in_hand().is_some_and(|cloud| cloud.is_admin())
    }

    /// The project the user is in.
    #[getter]
    fn project_id(&self) -> Option<String> {
        self.session.cloud_in_hand().and_then(|cloud| cloud.own_project_id())
    }

    /// The settings in use: one line each, with where it comes from.
    #[getter]
    fn settings(&self) -> Vec<(String, String, String)> {
        let entries = self.session.settings().file.entries();
        entries.into_iter().map(|line| (line.setting, line.value, line.from.to_string())).collect()
    }

    /// Guests by name; called, all of them.
    #[getter]
    fn guests(&self) -> Guests {
        Guests::new(&self.session)
    }

    /// Hosts by name; called, all of them.
    #[getter]
    fn hosts(&self) -> Hosts {
        Hosts::new(&self.session)
    }

    /// The last 2000 API calls, the newest last. Nothing is asked.
    #[getter]
    fn calls(&self) -> Vec<ApiCall> {
        let calls =
            self.session.seen(|seen| seen.calls.iter().cloned().collect::<Vec<_>>()).unwrap_or_default();
        calls
            .into_iter()
            .map(|call| ApiCall {
                service: call.service.to_string(),
                method: call.method,
                path: call.path,
                status: call.status,
                request_id: call.request_id,
                elapsed_s: call.elapsed.as_secs_f64(),
            })
            .collect()
    }

    /// Every guest the user may see, or those given (`Guest`, `Server` or id), each joined
    /// with its host and domain. One API call and one command per host.
    ///
    /// Hosts that could not be asked are in `.problems` of the list; their guests are listed
    /// without a domain.
    ///
    /// >>> cloud.discover()
    /// NAME  STATUS  HOST  DOMAIN             LIBVIRT  VCPUS  RAM      PINNED TO  PAGES  ADDRESS
    /// web   ACTIVE  cmp2  instance-00000022  running  1      128 MiB  1          2 MiB  192.168.77.36
    #[pyo3(signature = (guests: "Sequence[Guest | Server | str] | None" = None) -> "Listing[Guest]")]
    fn discover<'py>(&self, py: Python<'py>, guests: Option<Vec<NameOf>>) -> PyResult<Bound<'py, PyAny>> {
        let ids = guests.map(|guests| guests.into_iter().map(NameOf::name).collect());
        discover(py, &self.session, ids)
    }

    /// Judge the whole cloud by the rules of `smog audit`: Nova, placement, libvirt and the kernel
    /// against each other. Nothing is changed.
    ///
    /// A dict with `findings` (rule, severity, subject, host, sentence, evidence, advice, command),
    /// `unknown` (what could not be looked at), `known` and `unused` (of `baseline`, an earlier
    /// answer). `rules` and `hosts` are names, `severity` is "error", "warning" or "note". The logs of
    /// the last `logs_back` seconds are searched for known bugs (0 reads none); `known` is the text of
    /// a file of your own, as `smog audit --known` reads it.
    ///
    /// >>> [finding["sentence"] for finding in cloud.audit()["findings"]]
    /// []
    #[pyo3(signature = (
        *, rules: "Sequence[str]" = vec![], severity: "str | None" = None, hosts: "Sequence[str]" = vec![],
        baseline: "dict[str, Any] | None" = None, stuck_after: "float" = 600.0, one_look: "bool" = false,
        logs_back: "float" = 3600.0, known: "str | None" = None
    ) -> "dict[str, Any]")]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn audit(
        &self,
        py: Python<'_>,
        rules: Vec<String>,
        severity: Option<String>,
        hosts: Vec<String>,
        baseline: Option<Bound<'_, PyAny>>,
        stuck_after: f64,
        one_look: bool,
        logs_back: f64,
        known: Option<String>,
    ) -> PyResult<Py<PyAny>> {
        let to_py = |error| crate::errors::to_py(py, &error);
        let severity = severity.map(|name| name.parse()).transpose().map_err(to_py)?;
        let baseline = match baseline {
            Some(audit) => Baseline::parse(&to_json(&audit)?.to_string(), "baseline").map_err(to_py)?,
            None => Baseline::default(),
        };
        let seconds = |name, seconds| {
            std::time::Duration::try_from_secs_f64(seconds)
                .map_err(|why| unusable(py, name, why.to_string(), None))
        };
        let bugs = match known {
            Some(text) => KnownBugs::parse(&text, "known").map_err(to_py)?,
            None => KnownBugs::default(),
        };
        let request = AuditRequest {
            rules,
            severity,
            hosts,
            baseline,
            stuck_after: Some(seconds("stuck_after", stuck_after)?),
            one_look,
            logs_back: Some(seconds("logs_back", logs_back)?),
            bugs,
        };
        let audit = self.ask(py, move |cloud, _| async move { cloud.audit(&request).await })?;
        plain(py, &audit)
    }

    /// One guest by name, id, or an unambiguous beginning of either. One API call.
    ///
    /// Raises `NotFound` with near names, `AmbiguityException` with the ids.
    fn guest(&self, py: Python<'_>, name: String) -> PyResult<Guest> {
        guest(py, &self.session, name)
    }

    /// One host by name. Asks Nova only for a host that is not in smog.yml.
    fn host(&self, py: Python<'_>, name: String) -> PyResult<Host> {
        host(py, &self.session, &name)
    }

    /// Boot a guest and wait until it is ACTIVE (`wait=False`: until Nova has taken the order).
    ///
    /// `flavor` is a name, a `Flavor`, or a `FlavorSpec`: then a flavor is made for the guest
    /// and deleted with it. `network` is a name, or `"none"`. Ctrl-C takes everything back (`keep=True`:
    /// all but the server, which Nova continues to boot).
    ///
    /// Raises `BootException` when it goes to ERROR (it is kept for a look), `NotFound`,
    /// `Timeout`.
    ///
    /// >>> cloud.boot("web", flavor=FlavorSpec(ram_mib=128).pinned().pages("large"))
    /// <Guest web ACTIVE on cmp2, 1 vCPU>
    #[pyo3(signature = (
        name: "str", *, image: "str | Image | None" = None, flavor: "str | Flavor | FlavorSpec | None" = None,
        network: "str | Network | None" = None, host: "str | Host | None" = None,
        availability_zone: "str | None" = None, key_pair: "str | KeyPair | None" = None,
        server_group: "str | ServerGroup | None" = None, hints: "dict[str, Any] | None" = None,
        security_groups: "Sequence[str]" = vec![], config_drive: "bool" = false,
        user_data: "str | bytes | None" = None, metadata: "dict[str, str] | None" = None,
        tags: "Sequence[str]" = vec![], description: "str | None" = None,
        nics: "Sequence[dict[str, str | None]]" = vec![],
        wait: "bool" = true, keep: "bool" = false, timeout: "float" = 300.0
    ) -> "Guest")]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn boot(
        &self,
        py: Python<'_>,
        name: String,
        image: Option<NameOf>,
        flavor: Option<FlavorAsked>,
        network: Option<NameOf>,
        host: Option<NameOf>,
        availability_zone: Option<String>,
        key_pair: Option<NameOf>,
        server_group: Option<NameOf>,
        hints: Option<BTreeMap<String, Bound<'_, PyAny>>>,
        security_groups: Vec<String>,
        config_drive: bool,
        user_data: Option<Bytes>,
        metadata: Option<BTreeMap<String, String>>,
        tags: Vec<String>,
        description: Option<String>,
        nics: Vec<BTreeMap<String, Option<String>>>,
        wait: bool,
        keep: bool,
        timeout: f64,
    ) -> PyResult<Guest> {
        let hints = hints.unwrap_or_default().into_iter();
        let request = BootRequest {
            name,
            image: image.map(NameOf::name),
            flavor: match flavor {
                None => FlavorChoice::Smallest,
                Some(FlavorAsked::Name(name)) => FlavorChoice::Named(name),
                Some(FlavorAsked::Thing(flavor)) => FlavorChoice::Named(flavor.get().inner.id.clone()),
                Some(FlavorAsked::Spec(spec)) => FlavorChoice::Made(Box::new(spec.get().spec.clone())),
            },
            network: match network.map(NameOf::name) {
                None => NetworkChoice::Private,
                Some(name) if name == "none" => NetworkChoice::None,
                Some(name) => NetworkChoice::Named(name),
            },
            nics: nics.into_iter().map(|nic| card(py, nic)).collect::<PyResult<_>>()?,
            host: host.map(NameOf::name),
            config_drive,
            user_data: user_data.map(Bytes::into_vec),
            key_pair: key_pair.map(NameOf::name),
            availability_zone,
            hints: hints.map(|(key, value)| Ok((key, to_json(&value)?))).collect::<PyResult<_>>()?,
            server_group: server_group.map(NameOf::name),
            tags,
            security_groups,
            description,
            metadata: metadata.unwrap_or_default(),
            ..BootRequest::default()
        };
        let (session, again) = (self.session.clone(), self.session.clone());
        let made = Arc::new([BootMade::default()]);
        let undone = made.clone();
        let work = |ctx: Ctx| async move {
            let cloud = session.cloud().await?;
            let tell = ctx.teller();
            let how = wait.then(|| crate::enter::wait(timeout, &tell));
            match ctx.unless_stopped("", cloud.boot_guest(&request, &made[0], how)).await {
                Err(Error::Interrupted { .. }) => {
                    ctx.tell("interrupted: what was begun is undone");
                    let left = cloud.take_back_boots(&*made, keep, TAKING_BACK).await;
                    Err(Error::Interrupted { left })
                }
                Err(why) => {
                    let asked = WhyNotRequest::of_boot(made[0].server().as_deref(), &request);
                    Err(cloud.with_why(why, &asked).await)
                }
                Ok(guest) => Ok(guest.server),
            }
        };
        let undo = move |_: smog::cloud::Server| async move {
            match again.cloud().await {
                Ok(cloud) => Some(Error::Interrupted {
                    left: cloud.take_back_boots(&*undone, keep, TAKING_BACK).await,
                }),
                Err(why) => Some(why),
            }
        };
        let server = enter_or_undo(py, work, undo)?;
        Ok(Guest::new(server, None, &self.session))
    }

    /// Any call smog has no word for; the answer's body as it came.
    ///
    /// `service` is "compute", "image", "network", "placement" or "identity"; the newest
    /// microversion both sides know is sent unless one is named.
    ///
    /// >>> cloud.call("compute", "GET", "/os-hypervisors/statistics", microversion="2.1")
    #[pyo3(signature = (
        service: "str", method: "str", path: "str", *, body: "Any" = None,
        query: "dict[str, str] | None" = None, microversion: "str | None" = None
    ) -> "Any")]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn call(
        &self,
        py: Python<'_>,
        service: &str,
        method: &str,
        path: String,
        body: Option<Bound<'_, PyAny>>,
        query: Option<BTreeMap<String, String>>,
        microversion: Option<String>,
    ) -> PyResult<Py<PyAny>> {
        let service = match service {
            "compute" => Service::Compute,
            "image" => Service::Image,
            "network" => Service::Network,
            "placement" => Service::Placement,
            "identity" => Service::Identity,
            other => {
                let known = "compute, image, network, placement or identity";
                return Err(unusable(
                    py,
                    &format!("service `{other}`"),
                    "smog does not know it",
                    Some(known),
                ));
            }
        };
        let mut call = Call::get(service, path);
        call.method = method
            .to_uppercase()
            .parse()
            .map_err(|_| unusable(py, &format!("method `{method}`"), "HTTP has none such", None))?;
        call.body = body.map(|body| to_json(&body)).transpose()?;
        call.query = query.unwrap_or_default().into_iter().collect();
        let version = microversion
            .map(|text| text.parse())
            .transpose()
            .map_err(|error| crate::errors::to_py(py, &error))?;
        let answer = self.ask(py, move |cloud, _| async move {
            call.microversion = match (version, service) {
                (Some(version), _) => Some(version),
                (None, Service::Compute) => Some(cloud.compute_microversion().await?),
                (None, Service::Placement) => Some(cloud.placement_microversion().await?),
                (None, _) => None,
            };
            cloud.call(call).await
        })?;
        to_python(py, &answer.body)
    }

    /// What `environment` calls, which is made from the table of what can be asked of hosts.
    #[pyo3(signature = (
        settings: "list[str]", wanted: "dict[str, Any]", hosts: "Sequence[str | Host]",
        suite: "str | os.PathLike[str] | None", journal: "str | os.PathLike[str] | None", timeout: "float"
    ) -> "Environment")]
    #[expect(clippy::too_many_arguments, reason = "one call, of what Python's keywords are")]
    fn _environment(
        &self,
        py: Python<'_>,
        settings: Vec<String>,
        wanted: BTreeMap<String, Bound<'_, PyAny>>,
        hosts: Vec<NameOf>,
        suite: Option<PathBuf>,
        journal: Option<PathBuf>,
        timeout: f64,
    ) -> PyResult<Environment> {
        let request = crate::environment::request(py, settings, wanted, suite.is_some())?;
        let suite = suite.map(|path| path.to_string_lossy().into_owned());
        let hosts = hosts.into_iter().map(NameOf::name).collect();
        Environment::new(py, &self.session, request, suite, hosts, journal, timeout)
    }

    /// Follow the logs of all hosts as one stream, in the order of time: an iterator of
    /// records, each with its whole traceback.
    ///
    /// `level`, `grep` (regular expressions), `requests`, `guest` and `exceptions` choose
    /// records; `since` begins in the past, `since_request` where that request first shows (a day back
    /// at most), `follow=False` ends at the present (and begins an hour back, or at the guest's
    /// creation, unless `since` says otherwise), `duration` ends after so many seconds. `allow` names known noise: `TYPE` or `TYPE@LOGGER`. A host or log
    /// that was wanted and not read raises `smog.Unread` at the end of a `with` block, unless
    /// `allow_unread`; `watch.unread` lists them at any time.
    ///
    /// >>> for record in cloud.watch(exceptions=True, duration=60):
    /// ...     print(record.host, record.exception)
    #[pyo3(signature = (
        *, hosts: "Sequence[str | Host]" = vec![], files: "Sequence[str]" = vec![], units: "Sequence[str]" = vec![],
        level: "str | None" = None, grep: "Sequence[str]" = vec![], requests: "Sequence[str]" = vec![],
        guest: "str | Guest | None" = None, exceptions: "bool" = false,
        since: "datetime | None" = None, since_request: "str | None" = None, until: "datetime | None" = None,
        follow: "bool" = true, duration: "float | None" = None, allow: "Sequence[str]" = vec![],
        allow_unread: "bool" = false
    ) -> "Watch")]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn watch(
        &self,
        py: Python<'_>,
        hosts: Vec<NameOf>,
        files: Vec<String>,
        units: Vec<String>,
        level: Option<String>,
        grep: Vec<String>,
        requests: Vec<String>,
        guest: Option<NameOf>,
        exceptions: bool,
        since: Option<Timestamp>,
        since_request: Option<String>,
        until: Option<Timestamp>,
        follow: bool,
        duration: Option<f64>,
        allow: Vec<String>,
        allow_unread: bool,
    ) -> PyResult<Watch> {
        let query = LogQuery {
            hosts: hosts.into_iter().map(NameOf::name).collect(),
            files,
            units,
            level: level_of(py, level)?,
            patterns: grep,
            requests,
            guest: guest.map(NameOf::name),
            exceptions,
            since,
            since_request,
            until,
            follow,
            allow,
            ..LogQuery::default()
        };
        Watch::start(py, &self.session, query, duration, allow_unread)
    }

    /// Watch the logs in the background: start it, do something, close it, read what it saw.
    ///
    /// Without a handler it keeps what tells of an exception (and stops at `stop_at` of them).
    /// A handler is called with each record, in another thread, and answers: `None` goes on,
    /// `True` keeps the record, `"stop"` keeps it and stops, any other text says why the watch
    /// failed. `command` follows a command's output instead of the logs (`tail -f FILES` is
    /// understood as these files); everything is also written to `log`, a file. A host or log that
    /// was wanted and not read raises `smog.Unread` at the end of a `with` block, unless
    /// `allow_unread`; `watcher.seen.unread` lists them.
    ///
    /// >>> with cloud.monitor() as watcher:
    /// ...     guest.live_migrate()
    /// >>> [record.exception for record in watcher.seen.kept]
    /// []
    #[pyo3(signature = (
        handler: "Callable[[Record], object] | None" = None, *, name: "str" = "watch".to_string(),
        hosts: "Sequence[str | Host]" = vec![], files: "Sequence[str]" = vec![], units: "Sequence[str]" = vec![],
        command: "str | None" = None, level: "str | None" = None, grep: "Sequence[str]" = vec![],
        requests: "Sequence[str]" = vec![], guest: "str | Guest | None" = None, exceptions: "bool" = false,
        since: "datetime | None" = None,
        stop_at: "int | None" = None, allow: "Sequence[str]" = vec![], log: "SupportsWrite | None" = None,
        allow_unread: "bool" = false
    ) -> "Watcher")]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn monitor(
        &self,
        py: Python<'_>,
        handler: Option<Py<PyAny>>,
        name: String,
        hosts: Vec<NameOf>,
        files: Vec<String>,
        units: Vec<String>,
        command: Option<String>,
        level: Option<String>,
        grep: Vec<String>,
        requests: Vec<String>,
        guest: Option<NameOf>,
        exceptions: bool,
        since: Option<Timestamp>,
        stop_at: Option<usize>,
        allow: Vec<String>,
        log: Option<Py<PyAny>>,
        allow_unread: bool,
    ) -> PyResult<Watcher> {
        let query = LogQuery {
            hosts: hosts.into_iter().map(NameOf::name).collect(),
            files,
            units,
            command,
            level: level_of(py, level)?,
            patterns: grep,
            requests,
            guest: guest.map(NameOf::name),
            exceptions,
            since,
            follow: true,
            allow,
            ..LogQuery::default()
        };
        Watcher::start(py, &self.session, name, query, handler, stop_at, log, allow_unread)
    }

    /// One request, whole, from API to compute: `of` is a request ("req-…"), or a guest (also one
    /// that was deleted) with an `action`. A request is looked for `since` a day, or since then.
    ///
    /// >>> print(cloud.trace("req-e58f9672-0e0c-4390-9811-01920e26b346"))
    #[pyo3(signature = (of: "str | Guest", action: "str | None" = None, *, since: "datetime | None" = None) -> "Trace")]
    fn trace(
        &self,
        py: Python<'_>,
        of: NameOf,
        action: Option<String>,
        since: Option<Timestamp>,
    ) -> PyResult<Trace> {
        let logs = crate::watch::logs_of_traces(&self.session);
        let wanted = smog::trace::TraceWanted { of: of.name(), action, since, logs };
        let trace = self.ask(py, move |cloud, _| async move { cloud.trace(&wanted).await })?;
        Ok(Trace::of(trace, &self.session))
    }

    /// Why no host takes a guest, or which one would: of a guest or a request ("req-…") that found no
    /// host, or of a flavor before a boot. Each compute host is judged in the order in which Nova asks.
    /// What could not be read is unknown, and never fits.
    ///
    /// >>> print(cloud.why_not(flavor="big", availability_zone="east"))
    #[pyo3(signature = (
        of: "str | Guest | None" = None, *, flavor: "str | Flavor | None" = None, image: "str | Image | None" = None,
        host: "str | Host | None" = None, group: "str | ServerGroup | None" = None,
        availability_zone: "str | None" = None, hints: "dict[str, Any] | None" = None, volume: "bool" = false
    ) -> "WhyNot")]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn why_not(
        &self,
        py: Python<'_>,
        of: Option<NameOf>,
        flavor: Option<NameOf>,
        image: Option<NameOf>,
        host: Option<NameOf>,
        group: Option<NameOf>,
        availability_zone: Option<String>,
        hints: Option<BTreeMap<String, Bound<'_, PyAny>>>,
        volume: bool,
    ) -> PyResult<WhyNot> {
        let hints = hints.unwrap_or_default();
        let request = WhyNotRequest {
            of: of.map(NameOf::name),
            flavor: flavor.map(NameOf::name),
            image: image.map(NameOf::name),
            host: host.map(NameOf::name),
            group: group.map(NameOf::name),
            zone: availability_zone,
            hints: hints
                .into_iter()
                .map(|(key, value)| Ok((key, to_json(&value)?)))
                .collect::<PyResult<_>>()?,
            boots_from_volume: volume,
            reads_log: true,
        };
        let answer = self.ask(py, move |cloud, _| async move { cloud.why_not(&request).await })?;
        Ok(WhyNot::of(answer, &self.session))
    }

    /// What the hosts threw `since` (an hour back), by type and place, and what came first. What
    /// `baseline`, the logs of a good run, has as well is noise. A host or log that was wanted and not
    /// read raises `smog.Unread`, unless `allow_unread`; `triage.unread` lists them then.
    ///
    /// >>> print(cloud.triage())
    #[pyo3(signature = (
        *, since: "datetime | None" = None, until: "datetime | None" = None, hosts: "Sequence[str | Host]" = vec![],
        baseline: "str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None" = None,
        allow_unread: "bool" = false
    ) -> "Triage")]
    fn triage(
        &self,
        py: Python<'_>,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
        hosts: Vec<NameOf>,
        baseline: Option<Places>,
        allow_unread: bool,
    ) -> PyResult<Triage> {
        let since = since.unwrap_or_else(|| Timestamp::now() - jiff::SignedDuration::from_hours(1));
        let logs = smog::watch::LogsWanted {
            hosts: hosts.into_iter().map(NameOf::name).collect(),
            from: smog::watch::From::Since(since),
            until,
            ..crate::watch::logs_of_traces(&self.session)
        };
        let filter = smog::watch::Filter { since: Some(since), until, ..Default::default() };
        let triage = self.ask(py, move |cloud, ctx| async move {
            let good = match baseline {
                Some(places) => Some(crate::saved::blocking(move || places.open(&[], None)).await?),
                None => None,
            };
            let plan = logs.plan(&cloud).await?;
            let tell = |event: &smog::watch::Event| {
                smog::watch::problem_text(event).into_iter().for_each(|text| ctx.tell(text));
            };
            smog::triage::Triage::of_hosts(plan.watch(), good, &filter, tell).await
        })?;
        if !allow_unread {
            triage.check().map_err(|error| crate::errors::to_py(py, &error))?;
        }
        Ok(Triage::of(triage, &self.session))
    }

    /// All compute hosts with their NUMA nodes and CPUs, and where the kernel lets each guest run, as
    /// `smog topology` draws it. A picture in notebooks.
    fn topology(&self, py: Python<'_>) -> PyResult<Topology> {
        self.ask(py, |cloud, _| async move { topology::look(&cloud).await })
    }

    /// Close the connections to hosts. They are opened again when needed.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let session = self.session.clone();
        enter(py, |_| async move {
            session.close().await;
            Ok(())
        })
    }

    fn __enter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    #[pyo3(signature = (*exception: "object") -> "None")]
    fn __exit__(&self, py: Python<'_>, exception: Bound<'_, PyTuple>) -> PyResult<()> {
        let _ = exception;
        self.close(py)
    }

    fn __repr__(&self) -> String {
        format!("<Cloud {} at {}>", self.name(), self.auth_url())
    }
}

/// A level by its name.
fn level_of(py: Python<'_>, word: Option<String>) -> PyResult<Option<smog::watch::Level>> {
    word.map(|word| word.parse()).transpose().map_err(|error| crate::errors::to_py(py, &error))
}

/// A card as the original's `NIC.to_dict()` gives it: `net-id`, `v4-fixed-ip`, `port-id`.
fn card(py: Python<'_>, nic: BTreeMap<String, Option<String>>) -> PyResult<Nic> {
    let of = |key: &str| nic.get(key).cloned().flatten();
    let card = match (of("port-id"), of("net-id")) {
        (Some(port), _) => Nic::port(port),
        (None, Some(network)) => Nic::network(network),
        (None, None) => {
            return Err(unusable(py, "the network card", "it names neither `net-id` nor `port-id`", None));
        }
    };
    Ok(match of("v4-fixed-ip").or_else(|| of("v6-fixed-ip")) {
        Some(address) => card.with_address(address),
        None => card,
    })
}

/// For so long an interrupted boot waits until its server is deleted.
const TAKING_BACK: smog::wait::Wait<'static> = smog::wait::Wait {
    timeout: std::time::Duration::from_secs(60),
    every: std::time::Duration::from_millis(500),
    tell: smog::wait::SILENT,
};
