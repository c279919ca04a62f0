//! Placeholder until the flavor builder lands (its owner replaces this file).

/// A flavor to be made.
#[derive(Debug, Clone, Default)]
pub struct FlavorSpec {
    /// Virtual CPUs.
    pub vcpus: u32,
    /// Memory in MiB.
    pub ram_mib: u64,
    /// Root disk in GiB.
    pub disk_gib: u64,
}

impl FlavorSpec {
    /// The extra specs.
    ///
    /// # Errors
    /// Contradictions.
    pub fn extra_specs(&self) -> crate::Result<std::collections::BTreeMap<String, String>> {
        Ok(std::collections::BTreeMap::new())
    }
}
