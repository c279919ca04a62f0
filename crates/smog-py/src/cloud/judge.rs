//! What smog judges of a cloud: the audit, why no host takes a guest, the topology of the hosts.

use std::collections::BTreeMap;

use pyo3::prelude::*;
use smog::findings::{AuditRequest, Baseline, KnownBugs};
use smog::why_not::WhyNotRequest;

use super::Cloud;
use crate::data::{plain, to_json};
use crate::errors::unusable;
use crate::name_of::NameOf;
use crate::noun::Noun;
use crate::nouns::WhyNot;
use crate::topology::{self, Topology};

#[pymethods]
impl Cloud {
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

    /// Why no host takes a guest, or which one would: of a guest or a request ("req-…") that found no
    /// host, or of a flavor before a boot. Each compute host is judged in the order in which Nova asks.
    /// What could not be read is unknown, and never fits.
    ///
    /// >>> print(cloud.why_not(flavor="big", availability_zone="east"))
    #[pyo3(signature = (
        of: "str | Guest | None" = None, *, flavor: "str | Flavor | None" = None, image: "str | Image | None" = None,
        host: "str | Host | None" = None, group: "str | ServerGroup | None" = None,
        availability_zone: "str | None" = None, network: "str | Network | None" = None,
        hints: "dict[str, Any] | None" = None, volume: "bool" = false
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
        network: Option<NameOf>,
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
            networks: network.map(NameOf::name).into_iter().collect(),
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

    /// All compute hosts with their NUMA nodes and CPUs, and where the kernel lets each guest run, as
    /// `smog topology` draws it. A picture in notebooks.
    fn topology(&self, py: Python<'_>) -> PyResult<Topology> {
        self.ask(py, |cloud, _| async move { topology::look(&cloud).await })
    }
}
