//! What is followed on a host, and from where on.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::formats::FormatsOfHost;
use crate::host::{Cmd, Host};

/// Where reading begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum From {
    /// With what is written from now on.
    #[default]
    End,
    /// With the first byte of each file.
    Start,
    /// With the first record at or after this time; rotated parts (also gzip'd) that reach
    /// back so far are read as well.
    Since(Timestamp),
}

/// Files, units' journals and commands to follow on one host.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// Paths and globs that are wanted by name: one that is not there counts as unread until
    /// it comes. A glob's new files are taken up as they appear.
    pub files: Vec<String>,
    /// Paths and globs of the usual places: followed where they are there.
    pub places: Vec<String>,
    /// Each of `files` and `units` must be on this very host. Otherwise it is enough that it
    /// is on one of the hosts of the watch.
    pub on_each_host: bool,
    /// systemd units whose journal is followed.
    pub units: Vec<String>,
    /// Commands whose output is followed; after a lost connection they are started again.
    pub commands: Vec<Cmd>,
    /// Where to begin.
    pub from: From,
    /// Records after this time are not wanted.
    pub until: Option<Timestamp>,
    /// Go on at the end; otherwise stop there.
    pub follow: bool,
    /// The services' own format strings, where they are not the usual ones.
    pub formats: FormatsOfHost,
}

/// Where the services around Nova write their logs, in any packaging.
const PLACES: &[&str] = &[
    "/var/log/nova/*.log",
    "/var/log/neutron/*.log",
    "/var/log/placement/*.log",
    "/var/log/glance/*.log",
    "/var/log/keystone/*.log",
    "/var/log/cinder/*.log",
    "/var/log/libvirt/*.log",
    "/var/log/libvirt/qemu/*.log",
    "/var/log/apache2/*.log",
    "/var/log/httpd/*log",
    "/var/log/rabbitmq/*.log",
    "/var/log/openvswitch/*.log",
    "/var/log/kolla/*/*.log",
    "/var/log/containers/*/*.log",
    "/var/snap/openstack-hypervisor/common/log/*.log",
];

impl Sources {
    /// These files, followed.
    pub fn files<F: Into<String>>(files: impl IntoIterator<Item = F>) -> Sources {
        Sources { files: files.into_iter().map(Into::into).collect(), follow: true, ..Sources::default() }
    }

    /// The output of a shell command. `tail -f PATHS` is understood as these files, which
    /// survives rotation and lost connections as `tail` does not.
    pub fn command(text: &str) -> Sources {
        if let Some(files) = tailed(text) {
            return Sources::files(files);
        }
        Sources { commands: vec![Cmd::shell(text)], follow: true, ..Sources::default() }
    }

    /// The usual log folders of the services around Nova.
    pub fn usual() -> Sources {
        let places = PLACES.iter().map(|place| place.to_string()).collect();
        Sources { places, follow: true, ..Sources::default() }
    }

    /// Everything that is logged around Nova on a host: the usual log folders, and the journal of
    /// the services' units. What is in both is reported once; a service that ends before its log is
    /// set up, and what the interpreter itself says, are in the journal only. The format strings of
    /// the services' own configuration are read as well. Two commands at once.
    ///
    /// # Errors
    /// As [`Host::layout`].
    pub async fn detect(host: &Host) -> crate::Result<Sources> {
        let (layout, formats) = futures_util::future::join(host.layout(), formats_of(host)).await;
        let layout = layout?;
        let mut sources = Sources { formats, ..Sources::usual() };
        for place in layout.places.values() {
            if let Some(log) = &place.log
                && !PLACES.iter().any(|known| same_folder(known, log))
            {
                sources.places.push(log.clone());
            }
            sources.units.extend(place.unit.clone());
        }
        sources.units.extend(layout.other_units);
        sources.units.sort();
        sources.units.dedup();
        Ok(sources)
    }
}

/// The options that decide the form of a log's lines, in the services' configuration files. Where
/// they cannot be read, lines are read in the forms that are known.
async fn formats_of(host: &Host) -> FormatsOfHost {
    const OPTIONS: &str = "logging_context_format_string|logging_default_format_string|logging_exception_prefix|\
                           log_date_format|instance_format";
    let script = format!(
        "grep -HsE '^({OPTIONS})[[:space:]]*[=:]' /etc/nova/*.conf /etc/nova/nova.conf.d/*.conf /etc/neutron/*.conf \
         /etc/cinder/*.conf /etc/glance/*.conf /etc/keystone/*.conf /etc/placement/*.conf /etc/kolla/*/*.conf \
         /var/lib/openstack/config/*/*.conf /var/lib/config-data/puppet-generated/*/etc/*/*.conf \
         /var/snap/openstack-hypervisor/common/etc/*/*.conf; exit 0"
    );
    let mut formats = FormatsOfHost::default();
    let Ok(output) = host.outside().run(Cmd::shell(script).look("forms of logs").repeatable()).await else {
        return formats;
    };
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for line in output.text().lines() {
        if let Some((path, option)) = line.split_once(':') {
            // Only options of `[DEFAULT]` are called so.
            let text = files.entry(path.into()).or_insert_with(|| "[DEFAULT]\n".into());
            text.push_str(option);
            text.push('\n');
        }
    }
    files.iter().for_each(|(path, text)| formats.learn(path, text));
    formats
}

fn same_folder(pattern: &str, path: &str) -> bool {
    let folder = |path: &str| path.rsplit_once('/').map(|(folder, _)| folder.to_string());
    folder(pattern) == folder(path)
}

/// The files of `tail -f`, when the command is nothing else.
fn tailed(text: &str) -> Option<Vec<String>> {
    let mut words = text.split_ascii_whitespace();
    if words.next()? != "tail" || text.contains(['|', ';', '&', '>', '<', '$', '`', '\'', '"', '\\']) {
        return None;
    }
    let mut follows = false;
    let mut files = vec![];
    for word in words {
        match word {
            "-f" | "-F" | "--follow" | "--follow=name" => follows = true,
            word if word.starts_with('-') || !word.starts_with('/') => return None,
            word => files.push(word.to_string()),
        }
    }
    (follows && !files.is_empty()).then_some(files)
}

/// The words the far end runs.
pub(super) fn words(cmd: &Cmd) -> Vec<String> {
    Cmd { env: Vec::new(), ..cmd.clone() }.argv()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tail_means_its_files() {
        assert_eq!(tailed("tail -f /var/log/nova/nova-*"), Some(vec!["/var/log/nova/nova-*".into()]));
        assert_eq!(tailed("tail -F /a /b"), Some(vec!["/a".into(), "/b".into()]));
        for other in ["tail /a", "tail -f -n 5 /a", "tail -f /a | grep x", "tail -f a", "cat /a", ""] {
            assert_eq!(tailed(other), None, "{other}");
        }
    }
}
