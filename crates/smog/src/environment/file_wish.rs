//! What smog.yml or a suite's file asks of hosts, as a wish.

use super::machine_wish::{MachineCpu, MachineWish};
use super::things::{OptionWish, PagesWish, SharedWish, Want};
use super::wish::{Target, Wish};
use crate::config::{HostEntry, SmogFile};

/// Where Nova keeps servers' disks, as all packages have it.
const INSTANCES: &str = "/var/lib/nova/instances";

impl Wish {
    /// The wish of `nova:`, `libvirt_conf:`, `live_migration:` and of `--set FILE:…`; and what of
    /// them smog cannot prepare, a sentence each.
    ///
    /// `large_page_num` counts pages of each host's default size (`Hugepagesize` of
    /// /proc/meminfo) and needs `large_page: true`. They are for the computes and, as in the
    /// introduction of 2015, for the machines the computes run on (`parent:`).
    pub fn of_file(file: &SmogFile) -> (Wish, Vec<String>) {
        let nova = &file.nova;
        let mut cannot = vec![];
        let option = |section: &str, key: &str, values: Vec<String>| OptionWish {
            file: "nova.conf".into(),
            section: section.into(),
            key: key.into(),
            values,
        };
        let mut wish = Wish::new().with_filters(nova.filters.iter().cloned());
        let has_parents = file.hosts.iter().any(|host| host.domain().is_some());
        let is_nested = nova.nested_vm == Some(true);
        if let Some(value) = &nova.virt_type {
            wish = wish.with_option(option("libvirt", "virt_type", vec![value.clone()]));
        }
        // In 2015 it was the CPU mode of the computes' own domains; nova.conf knows two of its names.
        let machine_cpu = nova.cpu_mode.as_ref().and_then(|mode| mode.parse::<MachineCpu>().ok());
        match (&nova.cpu_mode, machine_cpu) {
            (Some(_), Some(cpu)) if cpu.is_only_of_machines() || (is_nested && has_parents) => {
                wish = wish.with(Target::Computes, machine(cpu));
            }
            (Some(mode), _) => wish = wish.with_option(option("libvirt", "cpu_mode", vec![mode.clone()])),
            (None, _) => {}
        }
        for (name, values) in &nova.options {
            let (section, key) = name.rsplit_once('.').unwrap_or(("DEFAULT", name));
            wish = wish.with_option(option(section, key, values.clone()));
        }
        match (nova.large_page, nova.large_page_num) {
            (Some(true), Some(count)) => {
                let at_boot = nova.large_page_persist == Some(true);
                let pages = PagesWish { size_kib: None, cell: None, count, now: true, at_boot };
                wish = wish.with(Target::Computes, Want::Pages(pages.clone()));
                if has_parents {
                    wish = wish.with(Target::Parents, Want::Pages(pages));
                }
            }
            (Some(true), None) => {
                cannot.push("`nova.large_page` is on, but `nova.large_page_num` has no number".into())
            }
            (_, _) => {}
        }
        if is_nested {
            let target = if has_parents { Target::Parents } else { Target::Computes };
            wish = wish.with(target, Want::NestedKvm);
        }
        match (nova.host_passthrough, has_parents) {
            (Some(true), true) => {
                wish = wish.with(Target::Computes, machine(MachineCpu::HostPassthrough));
            }
            (Some(true), false) => cannot.push(
                "`nova.host_passthrough` is on, but no host has a `parent:`: there is no machine to give the CPU to"
                    .into(),
            ),
            (_, _) => {}
        }
        let migration = &file.live_migration;
        if migration.enabled == Some(true) {
            let keys = file.libvirt_conf.iter().chain(&migration.conf);
            for (key, value) in keys {
                let key =
                    Want::Key { file: "libvirtd.conf".into(), key: key.clone(), value: value.to_string() };
                wish = wish.with(Target::Computes, key);
            }
            if migration.storage.as_deref().is_some_and(|kind| !kind.eq_ignore_ascii_case("none")) {
                let of_controller = |host: &&HostEntry| host.role.starts_with("controller");
                match file.hosts.iter().find(of_controller) {
                    Some(server) => {
                        let shared = SharedWish {
                            server: server.name.clone().unwrap_or_else(|| server.host.clone()),
                            address: server.host.clone(),
                            folder: INSTANCES.into(),
                        };
                        wish = wish.with(Target::All, Want::SharedInstances(shared));
                    }
                    None => cannot.push(
                        "`live_migration.type`: no controller is listed under `hosts:`, which could share the disks"
                            .into(),
                    ),
                }
            }
        }
        (wish, cannot)
    }
}

fn machine(cpu: MachineCpu) -> Want {
    Want::Machine(MachineWish { cpu: Some(cpu), cells: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_introduction_s_file_is_a_wish() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/introduction-2015/named_hosts.yml");
        let file = SmogFile::read(std::path::Path::new(path)).expect("the introduction's file");
        let (wish, cannot) = Wish::of_file(&file);
        let is_wanted = |wanted: &dyn Fn(&Want) -> bool| wish.items.iter().any(|item| wanted(&item.want));
        let pages: Vec<&Target> = (wish.items.iter())
            .filter(|item| matches!(&item.want, Want::Pages(pages) if pages.count == 256 && !pages.at_boot && pages.size_kib.is_none()))
            .map(|item| &item.target)
            .collect();
        assert_eq!(pages, [&Target::Computes, &Target::Parents]);
        assert!(is_wanted(&|want| matches!(want, Want::NestedKvm)));
        assert!(is_wanted(&|want| matches!(want, Want::Option(option) if option.key == "virt_type")));
        assert!(is_wanted(
            &|want| matches!(want, Want::Key { key, value, .. } if key == "listen_tcp" && value == "1")
        ));
        // The parents allow it, and the computes get their CPU.
        let passthrough = MachineWish { cpu: Some(MachineCpu::HostPassthrough), cells: None };
        assert!(is_wanted(&|want| *want == Want::Machine(passthrough)));
        let nested = wish.items.iter().find(|item| item.want == Want::NestedKvm).expect("nested KVM");
        assert_eq!(nested.target, Target::Parents);
        let is_shared = |want: &Want| matches!(want, Want::SharedInstances(one) if one.address == "10.8.29.30" && one.server == "rhel7-beta-1");
        assert!(is_wanted(&is_shared));
        assert!(cannot.is_empty(), "{cannot:?}");
    }

    #[test]
    fn a_cpu_mode_is_nova_conf_s_or_the_machine_s() {
        let wish = |text: &str| Wish::of_file(&SmogFile::of_text(text)).0;
        const L1: &str = "hosts: {computes: [{name: l1, host: 192.0.2.2, parent: 192.0.2.1}]}\n";
        let is_machine = |wish: &Wish| wish.items.iter().any(|item| matches!(item.want, Want::Machine(_)));
        assert!(!is_machine(&wish(&format!("{L1}nova: {{cpu_mode: host-model}}\n"))));
        assert!(is_machine(&wish(&format!("{L1}nova: {{cpu_mode: host-model, nested_vm: true}}\n"))));
        assert!(is_machine(&wish(&format!("{L1}nova: {{cpu_mode: exact}}\n"))));
        assert!(!is_machine(&wish("nova: {cpu_mode: host-model, nested_vm: true}\n")));
    }
}
