//! The options that describe a flavor, for `smog boot` and `smog flavor create`.

use smog::flavor::{EmulatorThreads, FlavorSpec, PageSize, ThreadPolicy, Topology};
use smog::{Cpuset, Error};

use crate::args::key_value::key_and_value;

/// Flavor options
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Flavor")]
pub struct SpecArgs {
    /// Virtual CPUs [default: 1]
    #[arg(long, value_name = "COUNT")]
    vcpus: Option<u32>,
    /// Memory in MiB [default: 256]
    #[arg(long, value_name = "MIB")]
    ram: Option<u64>,
    /// Root disk in GiB; 0 is the image's own size [default: 0]
    #[arg(long, value_name = "GIB")]
    disk: Option<u64>,
    /// Pin each vCPU to a host CPU of its own (hw:cpu_policy=dedicated)
    #[arg(long)]
    pin: bool,
    /// Pin these vCPUs only, such as 0 or 1-3 (hw:cpu_policy=mixed)
    #[arg(long, value_name = "VCPUS", conflicts_with = "pin")]
    mixed: Option<Cpuset>,
    /// How pinned vCPUs use SMT siblings: prefer, isolate, require
    #[arg(long, value_name = "POLICY")]
    thread_policy: Option<ThreadPolicy>,
    /// Where QEMU's own threads run: share, isolate
    #[arg(long, value_name = "POLICY")]
    emulator_threads: Option<EmulatorThreads>,
    /// Memory pages: small, large, any, or a size such as 2MB (hw:mem_page_size)
    #[arg(long, value_name = "SIZE")]
    pages: Option<PageSize>,
    /// NUMA nodes of the guest (hw:numa_nodes)
    #[arg(long, value_name = "COUNT")]
    numa: Option<u32>,
    /// Guest sockets
    #[arg(long, value_name = "COUNT")]
    sockets: Option<u32>,
    /// Cores per guest socket
    #[arg(long, value_name = "COUNT")]
    cores: Option<u32>,
    /// Threads per guest core
    #[arg(long, value_name = "COUNT")]
    threads: Option<u32>,
    /// Any other extra spec; may be given several times
    #[arg(long = "extra", value_name = "KEY=VALUE", value_parser = key_and_value)]
    extra: Vec<(String, String)>,
}

impl SpecArgs {
    /// Whether any of them was given.
    pub fn is_given(&self) -> bool {
        let SpecArgs { vcpus, ram, disk, pin, mixed, thread_policy, emulator_threads, pages, numa, .. } =
            self;
        let numbers =
            [vcpus, numa, &self.sockets, &self.cores, &self.threads].into_iter().any(Option::is_some);
        numbers
            || ram.is_some()
            || disk.is_some()
            || *pin
            || mixed.is_some()
            || thread_policy.is_some()
            || emulator_threads.is_some()
            || pages.is_some()
            || !self.extra.is_empty()
    }

    /// The flavor they describe; contradictions are refused here, not by Nova.
    pub fn spec(&self, name: &str) -> Result<FlavorSpec, Error> {
        let mut spec = FlavorSpec::new(name)
            .vcpus(self.vcpus.unwrap_or(1))
            .ram_mib(self.ram.unwrap_or(256))
            .disk_gib(self.disk.unwrap_or(0));
        if self.pin {
            spec = spec.pinned();
        }
        if let Some(vcpus) = &self.mixed {
            spec = spec.mixed(vcpus.clone());
        }
        spec.thread_policy = self.thread_policy;
        spec.emulator_threads = self.emulator_threads;
        spec.pages = self.pages;
        spec.numa_nodes = self.numa;
        spec.topology = Topology {
            sockets: self.sockets,
            cores: self.cores,
            threads: self.threads,
            ..Topology::default()
        };
        for (key, value) in &self.extra {
            spec = spec.extra(key, value);
        }
        spec.extra_specs()?;
        Ok(spec)
    }
}
