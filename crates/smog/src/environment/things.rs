//! Everything that can be prepared on hosts, one file each: what a person writes for it, what has to
//! be read of a host, and the changes that are missing. A new one is such a file, and here its module,
//! its variant of [`Want`] with a line in `with`, and its row in [`PREPARABLE`].

mod file;
mod filters;
mod huge_pages;
mod kernel_word;
mod key;
mod machine;
mod nested_kvm;
mod option;
mod service;
mod shared_instances;
mod sysctl;
mod virtual_functions;

use std::collections::BTreeSet;

pub use huge_pages::PagesWish;
pub use option::OptionWish;
pub(super) use shared_instances::EXPORTS;
pub use shared_instances::SharedWish;

use super::machine_wish::MachineWish;
use super::plan::Draft;
use super::request::WishRequest;
use super::state::HostState;
use super::wish::{Target, Wish};
use crate::error::{Error, Result};
use crate::host::{Cmd, Output};
use crate::near::near;

/// One thing that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Want {
    /// An option of an oslo.config file.
    Option(OptionWish),
    /// These scheduler filters, in addition to those that are on.
    Filters(Vec<String>),
    /// At least so many huge pages.
    Pages(PagesWish),
    /// A value of `/proc/sys`: `vm.swappiness`.
    Sysctl {
        /// The name with dots or slashes.
        name: String,
        /// The value.
        value: String,
    },
    /// A file of /sys or /proc that takes a value.
    Value {
        /// Its path.
        path: String,
        /// The value.
        value: String,
    },
    /// Nested virtualization: parameter `nested` of kvm_intel or kvm_amd.
    NestedKvm,
    /// A word of the kernel's command line: `intel_iommu=on`.
    KernelWord(String),
    /// So many virtual functions of a network card.
    VirtualFunctions {
        /// The physical function's interface: `ens3f0`.
        interface: String,
        /// How many.
        count: u32,
    },
    /// A key of a file without sections: `libvirtd.conf`, `qemu.conf`.
    Key {
        /// The file's name or path.
        file: String,
        /// The key.
        key: String,
        /// The value as written, quotes included where the file needs them.
        value: String,
    },
    /// A whole file, in a folder that is there.
    File {
        /// Its path.
        path: String,
        /// What shall stand in it.
        text: String,
    },
    /// Whether a unit is enabled and active.
    Unit {
        /// The unit: `nova-compute.service`.
        unit: String,
        /// Enabled at boot; `None` leaves it.
        enabled: Option<bool>,
        /// Running now; `None` leaves it.
        active: Option<bool>,
    },
    /// CPU and cells of a host that is a guest of its parent (an L1). The change is made
    /// on the parent, and the host is restarted.
    Machine(MachineWish),
    /// The folder of servers' disks, shared by one host and mounted by the computes (NFS).
    SharedInstances(SharedWish),
}

impl Want {
    /// The same as what each of them is.
    pub(super) fn with<R>(&self, ask: impl FnOnce(&dyn Thing) -> R) -> R {
        match self {
            Want::Option(option) => ask(option),
            Want::Filters(names) => ask(&filters::Filters(names)),
            Want::Pages(pages) => ask(pages),
            Want::Sysctl { name, value } => ask(&sysctl::Sysctl { name, value }),
            Want::Value { path, value } => ask(&sysctl::Value { path, value }),
            Want::NestedKvm => ask(&nested_kvm::NestedKvm),
            Want::KernelWord(word) => ask(&kernel_word::KernelWord(word)),
            Want::VirtualFunctions { interface, count } => {
                ask(&virtual_functions::VirtualFunctions { interface, count: *count })
            }
            Want::Key { file, key, value } => ask(&key::Key { file, key, value }),
            Want::File { path, text } => ask(&file::File { path, text }),
            Want::Unit { unit, enabled, active } => {
                ask(&service::Unit { unit, enabled: *enabled, active: *active })
            }
            Want::Machine(machine) => ask(machine),
            Want::SharedInstances(shared) => ask(shared),
        }
    }
}

/// What the planner has to know of a thing.
pub(super) trait Thing {
    /// What it is called in a message: "nested KVM".
    fn name(&self) -> String;

    /// What has to be read of a host for it.
    fn look(&self, host: &HostState, target: &Target, look: &mut Look);

    /// The changes that are missing on the host of the draft.
    ///
    /// # Errors
    /// As [`plan`](super::plan()).
    fn plan(&self, target: &Target, host: &mut Draft<'_>) -> Result<()>;

    /// Whether it concerns the kernel, which hosts may share.
    fn is_of_kernel(&self) -> bool {
        false
    }

    /// Whether it is about a host's machines that are hosts themselves.
    fn is_of_machines(&self) -> bool {
        false
    }
}

/// What takes a command's answer into what is known of a host.
type Read = fn(&mut HostState, &Output);

/// What has to be read of a host.
#[derive(Default)]
pub(super) struct Look {
    /// Files, whole.
    pub(super) paths: BTreeSet<String>,
    /// Files of /proc and /sys, as words of a shell.
    pub(super) values: BTreeSet<String>,
    /// Units, by their whole names.
    pub(super) units: BTreeSet<String>,
    /// Commands, and who reads their answers.
    pub(super) commands: Vec<(Cmd, Read)>,
}

impl Look {
    /// Files, by their paths.
    fn files(&mut self, paths: impl IntoIterator<Item = String>) {
        self.paths.extend(paths);
    }

    /// A file of /proc or /sys.
    fn value(&mut self, path: &str) {
        self.values.insert(crate::quote(path));
    }

    /// Files of /proc and /sys, as a shell's patterns.
    fn values(&mut self, patterns: &str) {
        self.values.insert(patterns.to_string());
    }

    /// A unit, by its whole name.
    pub(super) fn unit(&mut self, unit: String) {
        self.units.insert(unit);
    }

    /// A command that changes nothing. Several things may ask the same.
    fn ask(&mut self, cmd: Cmd, read: Read) {
        if !self.commands.iter().any(|(asked, _)| *asked == cmd) {
            self.commands.push((cmd, read));
        }
    }
}

/// Everything that can be requested, other than options of files (`[WHO/]FILE:[SECTION.]KEY=VALUE`). The
/// command's flags, Python's keywords and the reference page are made from it.
pub static PREPARABLE: &[Preparable] = &[
    filters::ROW,
    huge_pages::ROW,
    huge_pages::AT_BOOT,
    sysctl::ROW,
    nested_kvm::ROW,
    machine::CPU_MODE,
    machine::NUMA_CELLS,
    kernel_word::ROW,
    service::ROW,
    virtual_functions::ROW,
];

/// Something that can be asked of hosts.
pub struct Preparable {
    /// What it is called: "huge-pages" is the command's `--huge-pages`.
    pub name: &'static str,
    /// Python's keyword; empty when it is `name` with underscores.
    pub keyword: &'static str,
    /// The form of what is given, where WHO is a host, computes, controllers or all; empty for
    /// something that is only switched on.
    pub form: &'static str,
    /// Several of it may stand in one text, with commas between.
    pub is_list: bool,
    /// It says more of this one, and is nothing without it.
    pub needs: &'static str,
    /// What a person could give, as in "2M=256"; empty for what is only switched on.
    pub example: &'static str,
    /// What it is, in one sentence for a person.
    pub help: &'static str,
    /// Adds it to a wish.
    pub add: fn(Wish, &str, &WishRequest) -> Result<Wish>,
}

impl Preparable {
    /// What most of them are like.
    const PLAIN: Preparable = Preparable {
        name: "",
        keyword: "",
        form: "",
        is_list: false,
        needs: "",
        example: "",
        help: "",
        add: |wish, _, _| Ok(wish),
    };

    /// Python's keyword: "huge_pages".
    pub fn keyword(&self) -> String {
        if self.keyword.is_empty() { self.name.replace('-', "_") } else { self.keyword.into() }
    }

    /// Whether it is only switched on.
    pub fn is_switch(&self) -> bool {
        self.form.is_empty()
    }

    /// What is called so, by its name or Python's keyword.
    ///
    /// # Errors
    /// [`Error::Invalid`] with what there is.
    pub fn named(name: &str) -> Result<&'static Preparable> {
        let found = PREPARABLE.iter().find(|one| one.name == name || one.keyword() == name);
        found.ok_or_else(|| {
            let keywords: Vec<String> = PREPARABLE.iter().map(Preparable::keyword).collect();
            let near = near(name, keywords.iter().map(String::as_str)).first().cloned();
            Error::Invalid {
                what: format!("`{name}`"),
                why: "hosts cannot be asked for it".into(),
                hint: Some(match near {
                    Some(near) => format!("did you mean `{near}`?").into(),
                    None => format!("there are: {}", keywords.join(", ")).into(),
                }),
            }
        })
    }
}
