//! The flags that say what is wanted of hosts, shared by `check` and `prepare`.

use smog::Result;
use smog::environment::{Target, Want, Wish};

use crate::session::Session;

/// What is wanted. WHO in front of a setting is a host's name, computes, controllers or all.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "What is wanted")]
pub struct WishArgs {
    /// Use the requirements and the hosts of this suite's file: a name or a path
    /// [default: smog.yml]
    #[arg(long, value_name = "NAME")]
    pub suite: Option<String>,

    /// Scheduler filters that shall be on
    #[arg(long, value_name = "FILTER", value_delimiter = ',')]
    pub filters: Vec<String>,

    /// At least so many huge pages: 2M=256, 1G=2@0 for NUMA cell 0
    #[arg(long, value_name = "[WHO/]SIZE=COUNT[@CELL]")]
    pub huge_pages: Vec<String>,

    /// Set the huge pages aside at each boot too
    #[arg(long, requires = "huge_pages")]
    pub at_boot: bool,

    /// A kernel setting: vm.swappiness=10
    #[arg(long, value_name = "[WHO/]NAME=VALUE")]
    pub sysctl: Vec<String>,

    /// Nested KVM on the computes
    #[arg(long)]
    pub nested: bool,

    /// CPU mode of computes that are guests, on their parents: host-passthrough, host-model, maximum, exact
    #[arg(long, value_name = "[WHO/]MODE")]
    pub cpu_mode: Vec<String>,

    /// NUMA cells of computes that are guests: 2
    #[arg(long, value_name = "[WHO/]COUNT")]
    pub numa_cells: Vec<String>,

    /// A word of the computes' kernel command line: intel_iommu=on
    #[arg(long, value_name = "WORD")]
    pub kernel: Vec<String>,

    /// How a service shall be: ksm=disabled,inactive
    #[arg(long = "service", value_name = "[WHO/]UNIT=WORDS")]
    pub services: Vec<String>,

    /// Virtual functions of a network card: ens3f0=4
    #[arg(long, value_name = "[WHO/]INTERFACE=COUNT")]
    pub vfs: Vec<String>,
}

impl WishArgs {
    /// The flags' wish. Where there is none, or a suite is named, also that of the file.
    pub fn wish(&self, session: &Session) -> Result<Wish> {
        let mut wish = Wish::new();
        if self.suite.is_some() || self.words(session).is_empty() {
            let (of_file, cannot) = Wish::of_file(&session.smog_file()?);
            wish = of_file;
            cannot.iter().for_each(|text| crate::output::warning(text));
        }
        wish = wish.with_filters(self.filters.iter().cloned());
        for text in session.host_settings() {
            wish = wish.with_setting(text)?;
        }
        for text in &self.huge_pages {
            wish = wish.with_pages(text, true, self.at_boot)?;
        }
        for text in &self.sysctl {
            wish = wish.with_sysctl(text)?;
        }
        for text in &self.services {
            wish = wish.with_service(text)?;
        }
        if self.nested {
            wish = wish.with(Target::Computes, Want::NestedKvm);
        }
        for word in &self.kernel {
            wish = wish.with(Target::Computes, Want::KernelWord(word.clone()));
        }
        for text in &self.cpu_mode {
            wish = wish.with_machine_cpu(text)?;
        }
        for text in &self.numa_cells {
            wish = wish.with_machine_cells(text)?;
        }
        for text in &self.vfs {
            wish = wish.with_vfs(text)?;
        }
        Ok(wish)
    }

    /// The flags as a person would type them, values of secret options hidden.
    pub fn words(&self, session: &Session) -> String {
        let mut words: Vec<String> = Vec::new();
        let mut flag = |name: &str, value: &str| words.push(format!("--{name} {}", smog::quote(value)));
        if let Some(suite) = &self.suite {
            flag("suite", suite);
        }
        for text in session.host_settings() {
            let (name, value) = text.split_once('=').unwrap_or((text, ""));
            match smog::config::is_secret(name.rsplit('.').next().unwrap_or(name)) {
                true => flag("set", &format!("{name}=(hidden)")),
                false => flag("set", &format!("{name}={}", smog::config::without_passwords(value))),
            }
        }
        if !self.filters.is_empty() {
            flag("filters", &self.filters.join(","));
        }
        self.huge_pages.iter().for_each(|text| flag("huge-pages", text));
        self.sysctl.iter().for_each(|text| flag("sysctl", text));
        self.kernel.iter().for_each(|text| flag("kernel", text));
        self.services.iter().for_each(|text| flag("service", text));
        self.vfs.iter().for_each(|text| flag("vfs", text));
        self.cpu_mode.iter().for_each(|text| flag("cpu-mode", text));
        self.numa_cells.iter().for_each(|text| flag("numa-cells", text));
        words.extend(self.at_boot.then(|| "--at-boot".to_string()));
        words.extend(self.nested.then(|| "--nested".to_string()));
        words.join(" ")
    }
}
