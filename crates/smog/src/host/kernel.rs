//! The kernel of a host: release, command line, modules.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::host::dump::Dump;

/// The kernel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Kernel {
    /// `uname -r`: `6.12.43+deb13-amd64`.
    pub release: String,
    /// `uname -m`: `x86_64`.
    pub machine: String,
    /// `/proc/cmdline`.
    pub command_line: CommandLine,
    /// Loaded modules (`/proc/modules`), and built-in ones with parameters that
    /// virtualization knows, each with its parameters as far as smog asks for
    /// them (`kvm*`, `vfio*`, `vhost*`).
    pub modules: BTreeMap<String, BTreeMap<String, String>>,
}

/// The kernel's command line.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CommandLine {
    /// As it stands in `/proc/cmdline`.
    pub text: String,
    /// Each parameter and its value, in order; later ones overrule earlier ones
    /// for most parameters, and `hugepagesz=`/`hugepages=` belong together by order.
    pub parameters: Vec<(String, Option<String>)>,
}

/// Whether guests may run guests of their own with KVM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NestedKvm {
    /// `kvm_intel` or `kvm_amd` is loaded with `nested` on.
    On,
    /// It is loaded with `nested` off.
    Off,
    /// Neither is loaded.
    NoKvm,
}

impl CommandLine {
    /// Read `/proc/cmdline`. A value in double quotes may hold blanks; what
    /// comes after `--` is for init and left out.
    pub fn parse(text: &str) -> CommandLine {
        let text = text.trim().to_string();
        let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
        for letter in text.chars() {
            match letter {
                '"' => quoted = !quoted,
                letter if letter.is_whitespace() && !quoted => words.push(std::mem::take(&mut word)),
                letter => word.push(letter),
            }
        }
        words.push(word);
        let parameters = words.into_iter().filter(|word| !word.is_empty()).take_while(|word| word != "--");
        let parameters = parameters.map(|word| match word.split_once('=') {
            Some((name, value)) => (name.to_string(), Some(value.to_string())),
            None => (word, None),
        });
        CommandLine { parameters: parameters.collect(), text }
    }

    /// The value of a parameter that counts: the last one. To the kernel `-` and
    /// `_` in names are the same. A parameter without a value has an empty one.
    pub fn get(&self, name: &str) -> Option<&str> {
        let same = |other: &str| other.replace('-', "_") == name.replace('-', "_");
        let found = self.parameters.iter().rev().find(|(other, _)| same(other));
        found.map(|(_, value)| value.as_deref().unwrap_or_default())
    }
}

impl Kernel {
    /// Whether guests may run guests of their own: `/sys/module/kvm_{intel,amd}/parameters/nested`.
    pub fn nested_kvm(&self) -> NestedKvm {
        let module = ["kvm_intel", "kvm_amd"].iter().find_map(|name| self.modules.get(*name));
        match module.map(|parameters| parameters.get("nested").map(String::as_str)) {
            Some(Some("Y" | "y" | "1")) => NestedKvm::On,
            Some(_) => NestedKvm::Off,
            None => NestedKvm::NoKvm,
        }
    }
}

/// The files [`kernel`] reads, for a shell.
pub(super) const FILES: &str = "/proc/sys/kernel/osrelease /proc/cmdline /proc/modules \
    /sys/module/kvm*/parameters/* /sys/module/vfio*/parameters/* /sys/module/vhost*/parameters/*";

pub(super) fn kernel(dump: &Dump, machine: &str) -> Kernel {
    let mut modules: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for line in dump.get("/proc/modules").unwrap_or_default().lines() {
        if let Some(name) = line.split(' ').next() {
            modules.insert(name.to_string(), BTreeMap::new());
        }
    }
    for module in dump.names("/sys/module", "") {
        let folder = format!("/sys/module/{module}/parameters");
        let parameters = modules.entry(module.to_string()).or_default();
        for name in dump.names(&folder, "") {
            let value = dump.get(&format!("{folder}/{name}")).unwrap_or_default();
            parameters.insert(name.to_string(), value.to_string());
        }
    }
    Kernel {
        release: dump.get("/proc/sys/kernel/osrelease").unwrap_or_default().to_string(),
        machine: machine.trim().to_string(),
        command_line: CommandLine::parse(dump.get("/proc/cmdline").unwrap_or_default()),
        modules,
    }
}
