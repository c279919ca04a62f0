//! The flags that say what is wanted of hosts, shared by `check` and `prepare`.

use smog::Result;
use smog::environment::{Target, Want, Wish};

/// What is wanted. WHO in front of a setting is a host's name, computes, controllers or all.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "What is wanted")]
pub struct WishArgs {
    /// An option: nova.conf:libvirt.virt_type=kvm, libvirtd.conf:listen_tls=0; again for a further
    /// value of a multi-valued option; without a value it is removed
    #[arg(long = "set", value_name = "[WHO/]FILE:SECTION.KEY=VALUE")]
    pub settings: Vec<String>,

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
    pub fn wish(&self) -> Result<Wish> {
        let mut wish = Wish::new().with_filters(self.filters.iter().cloned());
        for text in &self.settings {
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
        for text in &self.vfs {
            wish = wish.with_vfs(text)?;
        }
        Ok(wish)
    }

    /// The flags as a person would type them, values of secret options hidden.
    pub fn words(&self) -> String {
        let mut words: Vec<String> = Vec::new();
        let mut flag = |name: &str, value: &str| words.push(format!("--{name} {}", smog::quote(value)));
        for text in &self.settings {
            let (name, value) = text.split_once('=').unwrap_or((text, ""));
            match smog::environment::is_secret(name.rsplit('.').next().unwrap_or(name)) {
                true => flag("set", &format!("{name}=(hidden)")),
                false => flag("set", &format!("{name}={value}")),
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
        words.extend(self.at_boot.then(|| "--at-boot".to_string()));
        words.extend(self.nested.then(|| "--nested".to_string()));
        words.join(" ")
    }
}
