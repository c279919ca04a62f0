//! Changes of the hosts' configuration that cases run under (`smog test --prepare`).

use crate::environment::{OptionWish, Target, Want, Wish};
use crate::testing::{Change, Inventory};

/// An option of nova.conf on every compute; none of its values removes it.
fn option(wish: Wish, section: &str, key: &str, values: &[&str]) -> Wish {
    let option = OptionWish {
        file: "nova.conf".into(),
        section: section.into(),
        key: key.into(),
        values: values.iter().map(|value| value.to_string()).collect(),
    };
    wish.with(Target::Computes, Want::Option(option))
}

fn two_dedicated_cpus(_: &Inventory) -> Wish {
    let wish = option(Wish::new(), "compute", "cpu_dedicated_set", &["0-1"]);
    option(wish, "compute", "cpu_shared_set", &[])
}

/// CPUs 0 and 1 of every compute are for pinned guests, none for others.
pub(super) static TWO_DEDICATED_CPUS: Change = Change {
    name: "CPUs 0 and 1 of every compute for pinned guests",
    wish: two_dedicated_cpus,
    only_where_needed: true,
    takes_cpus: true,
    beside: false,
};

fn two_shared_cpus(_: &Inventory) -> Wish {
    let wish = option(Wish::new(), "compute", "cpu_shared_set", &["0-1"]);
    option(wish, "compute", "cpu_dedicated_set", &[])
}

/// CPUs 0 and 1 of every compute are for unpinned guests, none for others.
pub(super) static TWO_SHARED_CPUS: Change = Change {
    name: "CPUs 0 and 1 of every compute for unpinned guests",
    wish: two_shared_cpus,
    only_where_needed: true,
    takes_cpus: true,
    beside: true,
};

fn slow_migration(_: &Inventory) -> Wish {
    option(Wish::new(), "libvirt", "live_migration_bandwidth", &["1"])
}

/// Live migrations move 1 MiB a second, so that there is time to act on them.
pub(super) static SLOW_MIGRATION: Change = Change {
    name: "live migration at 1 MiB/s",
    wish: slow_migration,
    only_where_needed: false,
    takes_cpus: false,
    beside: true,
};

fn vfat_config_drive(_: &Inventory) -> Wish {
    option(Wish::new(), "DEFAULT", "config_drive_format", &["vfat"])
}

/// Config drives are vfat instead of iso9660.
pub(super) static VFAT_CONFIG_DRIVE: Change = Change {
    name: "config drives as vfat",
    wish: vfat_config_drive,
    only_where_needed: false,
    takes_cpus: false,
    beside: false,
};

fn file_backed_memory(_: &Inventory) -> Wish {
    // Nova starts with it only where memory is neither overcommitted nor reserved.
    let wish = option(Wish::new(), "libvirt", "file_backed_memory", &["8192"]);
    let wish = option(wish, "DEFAULT", "ram_allocation_ratio", &["1.0"]);
    option(wish, "DEFAULT", "reserved_host_memory_mb", &["0"])
}

/// The memory of guests is in files (`[libvirt]file_backed_memory`).
pub(super) static FILE_BACKED_MEMORY: Change = Change {
    name: "memory of guests in files",
    wish: file_backed_memory,
    only_where_needed: false,
    takes_cpus: false,
    beside: false,
};

fn file_backed_memory_on_last(inventory: &Inventory) -> Wish {
    let last = inventory.hosts.last().map(|host| host.name.clone()).unwrap_or_default();
    let items = file_backed_memory(inventory).items.into_iter();
    items.fold(Wish::new(), |wish, item| wish.with(Target::Host(last.clone()), item.want))
}

/// The same on the last compute host alone.
pub(super) static FILE_BACKED_MEMORY_ON_LAST: Change = Change {
    name: "memory of guests in files on one host",
    wish: file_backed_memory_on_last,
    only_where_needed: false,
    takes_cpus: false,
    beside: false,
};

fn cpu_power(_: &Inventory) -> Wish {
    let wish = option(Wish::new(), "libvirt", "cpu_power_management", &["true"]);
    option(wish, "libvirt", "cpu_power_management_strategy", &["cpu_state"])
}

/// Dedicated CPUs are turned off while no guest has them.
pub(super) static CPU_POWER: Change = Change {
    name: "dedicated CPUs off when unused",
    wish: cpu_power,
    only_where_needed: false,
    takes_cpus: false,
    beside: false,
};

fn nothing(_: &Inventory) -> Wish {
    Wish::new()
}

/// The case itself changes a host, with a name that only it knows; naming it here makes
/// `--prepare` allow it.
pub(super) static PROVIDER_YAML: Change = Change {
    name: "a provider.yaml on one host",
    wish: nothing,
    only_where_needed: false,
    takes_cpus: false,
    beside: false,
};

fn serial_consoles(_: &Inventory) -> Wish {
    option(Wish::new(), "serial_console", "enabled", &["true"])
}

/// The serial consoles of guests are ports on their hosts (`[serial_console]`). Not together with slow
/// migrations: a guest that works on its console would never have moved.
pub(super) static SERIAL_CONSOLES: Change = Change {
    name: "serial consoles on TCP ports",
    wish: serial_consoles,
    only_where_needed: false,
    takes_cpus: false,
    beside: false,
};

fn custom_cpu_model(_: &Inventory) -> Wish {
    let wish = option(Wish::new(), "libvirt", "cpu_mode", &["custom"]);
    let wish = option(wish, "libvirt", "cpu_models", &["Nehalem"]);
    option(wish, "libvirt", "cpu_model_extra_flags", &["+aes,-popcnt"])
}

/// A CPU model with flags added and taken away, one that emulation can do.
pub(super) static CUSTOM_CPU_MODEL: Change = Change {
    name: "CPU model Nehalem with aes and without popcnt",
    wish: custom_cpu_model,
    only_where_needed: false,
    takes_cpus: false,
    beside: true,
};

fn screens(_: &Inventory) -> Wish {
    option(Wish::new(), "vnc", "enabled", &["true"])
}

/// Guests have a screen.
pub(super) static SCREENS: Change = Change {
    name: "screens of guests over VNC",
    wish: screens,
    only_where_needed: true,
    takes_cpus: false,
    beside: true,
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn changes_that_can_be_beside_each_other_set_different_options() {
        let inventory = Inventory {
            hosts: Vec::new(),
            unusable: Vec::new(),
            compute: crate::cloud::Microversion(2, 100),
            services: BTreeSet::new(),
            filters: None,
            shared_storage: false,
        };
        let beside = [&TWO_SHARED_CPUS, &SLOW_MIGRATION, &CUSTOM_CPU_MODEL, &SCREENS];
        let mut seen = BTreeSet::new();
        for change in beside {
            assert!(change.beside, "{}", change.name);
            for item in (change.wish)(&inventory).items {
                let Want::Option(option) = item.want else {
                    panic!("{} wants more than options", change.name)
                };
                assert!(seen.insert((option.section, option.key)), "{} sets what another does", change.name);
            }
        }
        for change in [&TWO_DEDICATED_CPUS, &FILE_BACKED_MEMORY, &SERIAL_CONSOLES, &PROVIDER_YAML, &CPU_POWER]
        {
            assert!(!change.beside, "{}", change.name);
        }
    }
}
