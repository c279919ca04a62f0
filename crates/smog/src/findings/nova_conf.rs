//! The configuration of a Nova service, as its files say now.

use crate::cpuset::Cpuset;
use crate::error::Result;
use crate::host::Host;
use crate::oslo::OsloConfig;

/// The configuration files of a service; a later file overrules.
#[derive(Clone, Default)]
pub struct NovaConf(Vec<OsloConfig>);

impl std::fmt::Debug for NovaConf {
    /// Without its values: there are passwords among them.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NovaConf({} files)", self.0.len())
    }
}

/// `[compute]cpu_dedicated_set` and `cpu_shared_set` as configured now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CpuSets {
    /// CPUs for pinned guests; `None` when not set.
    pub dedicated: Option<Cpuset>,
    /// CPUs for others; `None` when not set.
    pub shared: Option<Cpuset>,
}

impl NovaConf {
    /// Read these files of a host, in order.
    ///
    /// # Errors
    /// As [`Host::read_text`]; [`crate::Error::Parse`].
    pub async fn read(host: &Host, files: &[String]) -> Result<NovaConf> {
        let mut all = Vec::new();
        for file in files {
            let source = format!("{} on {}", file, host.name());
            all.push(OsloConfig::parse(host.read_text(file).await?, &source)?);
        }
        Ok(NovaConf(all))
    }

    /// Files in hand, in order.
    pub fn of(files: Vec<OsloConfig>) -> NovaConf {
        NovaConf(files)
    }

    /// The value of an option; `None` when it is not set or empty.
    pub fn get(&self, section: &str, key: &str) -> Option<&str> {
        let found = self.0.iter().rev().find_map(|file| file.get(section, key));
        found.map(str::trim).filter(|text| !text.is_empty())
    }

    /// All values of a multi-valued option, of all files together.
    pub fn get_all(&self, section: &str, key: &str) -> Vec<String> {
        self.0.iter().flat_map(|file| file.get_all(section, key)).map(str::to_string).collect()
    }

    /// `[compute]cpu_dedicated_set` and `cpu_shared_set`.
    ///
    /// # Errors
    /// When one is not a CPU set.
    pub fn cpu_sets(&self) -> Result<CpuSets> {
        let read = |key| self.get("compute", key).map(str::parse).transpose();
        Ok(CpuSets { dedicated: read("cpu_dedicated_set")?, shared: read("cpu_shared_set")? })
    }
}
