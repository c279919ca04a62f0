//! Hosts, NUMA nodes and CPUs with the guests on them: as text, as a picture and as plain values.

use pyo3::prelude::*;
use smog::topology::{self, Drawing, Seen};
use smog::{Cloud, Result};

use crate::data::plain;

/// Hosts with their NUMA nodes, cores, CPUs, pages and devices, and where the kernel lets the vCPUs of
/// guests run.
///
/// `print(cloud.topology())` shows it as text; a notebook shows it as a picture.
///
/// >>> print(cloud.host("cmp1").topology())
#[pyclass(frozen, module = "smog")]
pub struct Topology {
    found: topology::Topology,
}

impl Topology {
    /// Of one host that was asked.
    pub fn of_host(host: topology::HostPicture) -> Topology {
        Topology {
            found: topology::Topology { guest: None, state: None, hosts: vec![host], unreached: vec![] },
        }
    }
}

/// Ask each host that has a hypervisor.
pub async fn look(cloud: &Cloud) -> Result<Topology> {
    Ok(Topology { found: cloud.topology_of(&Seen::All).await? })
}

#[pymethods]
impl Topology {
    /// The names of the hosts that answered.
    #[getter]
    fn hosts(&self) -> Vec<String> {
        self.found.hosts.iter().map(|host| host.host.clone()).collect()
    }

    /// What could not be read, a sentence each.
    #[getter]
    fn unknown(&self) -> Vec<String> {
        let of_hosts = self
            .found
            .hosts
            .iter()
            .flat_map(|host| host.unknown.iter().map(move |why| format!("host `{}`: {why}", host.host)));
        self.found.unreached.iter().cloned().chain(of_hosts).collect()
    }

    /// All of it as plain values, as `smog topology -o json` prints it.
    #[pyo3(signature = () -> "dict[str, Any]")]
    fn to_dict(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        plain(py, &self.found)
    }

    /// One page of HTML with everything in it.
    fn html(&self) -> String {
        topology::html(&self.found)
    }

    fn __str__(&self) -> String {
        let how = Drawing { width: 100, ascii: false, of: None };
        let mut lines = vec![];
        for host in &self.found.hosts {
            lines.extend(topology::lines(host, &how).iter().map(topology::TextLine::text));
        }
        lines.extend(self.found.unreached.iter().map(|why| format!("not reached: {why}")));
        lines.join("\n")
    }

    fn __repr__(&self) -> String {
        format!("<Topology of {}>", self.hosts().join(", "))
    }

    fn _repr_html_(&self) -> String {
        topology::fragment(&self.found)
    }
}
