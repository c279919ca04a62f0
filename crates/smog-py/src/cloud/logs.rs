//! The logs of the hosts: followed, watched in the background, traced, summarized.

use jiff::Timestamp;
use pyo3::prelude::*;
use smog::watch::LogQuery;

use super::Cloud;
use crate::name_of::NameOf;
use crate::noun::Noun;
use crate::nouns::{Trace, Triage};
use crate::saved::Places;
use crate::watch::{Watch, Watcher};

/// A method of `Cloud` with the keywords that choose records of hosts' logs, and some of its own.
/// `chosen` is what they come to.
macro_rules! of_chosen_records {
    (
        $(#[$($doc:tt)*])*
        fn $method:ident(
            $self:ident, $py:ident, $chosen:ident
            $(, $first:ident: $first_type:ty as $first_python:tt)?;
            $($own:ident: $own_type:ty as $own_python:tt = [$($default:tt)*]),*
        ) -> $result:ident as $result_python:tt $body:block
    ) => {
        #[pymethods]
        impl Cloud {
            $(#[$($doc)*])*
            #[pyo3(signature = (
                $($first: $first_python = None,)? *, hosts: "Sequence[str | Host]" = vec![],
                files: "Sequence[str]" = vec![], units: "Sequence[str]" = vec![], level: "str | None" = None,
                grep: "Sequence[str]" = vec![], requests: "Sequence[str]" = vec![],
                guest: "str | Guest | None" = None, exceptions: "bool" = false,
                since: "datetime | None" = None, allow: "Sequence[str]" = vec![],
                $($own: $own_python = $($default)*),*
            ) -> $result_python)]
            #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
            fn $method(
                &$self,
                $py: Python<'_>,
                $($first: $first_type,)?
                hosts: Vec<NameOf>,
                files: Vec<String>,
                units: Vec<String>,
                level: Option<String>,
                grep: Vec<String>,
                requests: Vec<String>,
                guest: Option<NameOf>,
                exceptions: bool,
                since: Option<Timestamp>,
                allow: Vec<String>,
                $($own: $own_type),*
            ) -> PyResult<$result> {
                let $chosen = LogQuery {
                    hosts: hosts.into_iter().map(NameOf::name).collect(),
                    files,
                    units,
                    level: level_of($py, level)?,
                    patterns: grep,
                    requests,
                    guest: guest.map(NameOf::name),
                    exceptions,
                    since,
                    allow,
                    ..LogQuery::default()
                };
                $body
            }
        }
    };
}

of_chosen_records! {
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
    fn watch(
        self, py, chosen;
        since_request: Option<String> as "str | None" = [None],
        until: Option<Timestamp> as "datetime | None" = [None],
        follow: bool as "bool" = [true],
        duration: Option<f64> as "float | None" = [None],
        allow_unread: bool as "bool" = [false]
    ) -> Watch as "Watch" {
        let query = LogQuery { since_request, until, follow, ..chosen };
        Watch::start(py, &self.session, query, duration, allow_unread)
    }
}

of_chosen_records! {
    /// Watch the logs in the background: start it, do something, close it, read what it saw.
    ///
    /// Without a handler it keeps the records with an exception (and stops after `stop_at` of them).
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
    fn monitor(
        self, py, chosen, handler: Option<Py<PyAny>> as "Callable[[Record], object] | None";
        name: String as "str" = ["watch".to_string()],
        command: Option<String> as "str | None" = [None],
        stop_at: Option<usize> as "int | None" = [None],
        log: Option<Py<PyAny>> as "SupportsWrite | None" = [None],
        allow_unread: bool as "bool" = [false]
    ) -> Watcher as "Watcher" {
        let query = LogQuery { command, follow: true, ..chosen };
        Watcher::start(py, &self.session, name, query, handler, stop_at, log, allow_unread)
    }
}

#[pymethods]
impl Cloud {
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
}

/// A level by its name.
fn level_of(py: Python<'_>, word: Option<String>) -> PyResult<Option<smog::watch::Level>> {
    word.map(|word| word.parse()).transpose().map_err(|error| crate::errors::to_py(py, &error))
}
