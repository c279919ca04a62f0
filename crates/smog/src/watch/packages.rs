//! The Python packages of OpenStack: which words are names of loggers, and whose code an exception
//! was thrown in.

/// What a package is to smog.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// A service, or a library in which a service's own work is done: a place in it says more than
    /// one in any other library.
    Own,
    /// A library that logs.
    Library,
}

const PACKAGES: &[(&str, Part)] = &[
    ("aodh", Part::Own),
    ("barbican", Part::Own),
    ("ceilometer", Part::Own),
    ("cinder", Part::Own),
    ("cyborg", Part::Own),
    ("designate", Part::Own),
    ("glance", Part::Own),
    ("gnocchi", Part::Own),
    ("heat", Part::Own),
    ("ironic", Part::Own),
    ("keystone", Part::Own),
    ("magnum", Part::Own),
    ("manila", Part::Own),
    ("masakari", Part::Own),
    ("mistral", Part::Own),
    ("neutron", Part::Own),
    ("nova", Part::Own),
    ("octavia", Part::Own),
    ("os_brick", Part::Own),
    ("os_vif", Part::Own),
    ("placement", Part::Own),
    ("swift", Part::Own),
    ("tempest", Part::Own),
    ("trove", Part::Own),
    ("watcher", Part::Own),
    ("whitebox_tempest_plugin", Part::Own),
    ("zun", Part::Own),
    ("oslo", Part::Library),
    ("ovsdbapp", Part::Library),
    ("py", Part::Library),
    ("root", Part::Library),
    ("stevedore", Part::Library),
    ("sushy", Part::Library),
    ("tooz", Part::Library),
];

/// Whether a file, named from its package on (`nova/compute/manager.py`), is a service's own.
pub(crate) fn is_own_file(file: &str) -> bool {
    let package = file.split_once('/').map(|(package, _)| package);
    PACKAGES.iter().any(|(name, part)| *part == Part::Own && package == Some(*name))
}

/// Whether a word is the name of a Python module that logs.
pub(super) fn is_module(word: &str) -> bool {
    let is_part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    PACKAGES.iter().any(|(name, _)| *name == word) || (word.contains('.') && word.split('.').all(is_part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_logs_and_is_no_place_of_one_s_own() {
        assert!(is_module("tooz") && is_module("oslo_messaging.rpc.server") && !is_module("Error"));
        assert!(is_own_file("nova/compute/manager.py") && is_own_file("os_vif/plugin.py"));
        assert!(
            !is_own_file("tooz/coordination.py")
                && !is_own_file("nova.py")
                && !is_own_file("novaclient/a.py")
        );
    }
}
