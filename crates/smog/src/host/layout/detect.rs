//! From what is seen on a host to where its services are.

use std::collections::{BTreeMap, BTreeSet};

use super::table::{Evidence, Known, LIBVIRT, PACKAGES, ROWS, Row};
use super::{Layout, LayoutKind, ServicePlace};
use crate::host::{Container, Engine};

/// Where kolla's start script, which TripleO and EDPM use as well, finds the files to copy.
const CONFIG_FILES: &str = "/var/lib/kolla/config_files";

/// What was looked at on a host.
#[derive(Default)]
pub(super) struct Sight {
    /// Units that are in use, with `.service`.
    pub(super) units: BTreeSet<String>,
    /// By name.
    pub(super) containers: BTreeMap<String, SeenContainer>,
    /// Configuration and log files, and folders that are evidence.
    pub(super) paths: BTreeSet<String>,
}

/// A container, running or not.
pub(super) struct SeenContainer {
    pub(super) engine: Engine,
    pub(super) runs: bool,
    pub(super) labels: BTreeMap<String, String>,
    /// What is mounted where: the machine's path, the container's.
    pub(super) mounts: Vec<(String, String)>,
}

/// The layout of a host on which this is seen.
pub(super) fn detect(sight: &Sight) -> Layout {
    let row = ROWS.iter().find(|row| {
        let is_there = |list: &[Evidence]| list.iter().any(|evidence| sight.has(evidence));
        is_there(row.evidence) && (row.and.is_empty() || is_there(row.and)) && row.has_service(sight)
    });
    let mut places = BTreeMap::new();
    let own = row.map_or(&[][..], |row| row.services);
    // What a layout leaves to the host, such as EDPM its libvirt, is found there.
    for known in own.iter().chain(&LIBVIRT).chain(&PACKAGES) {
        if !places.contains_key(&known.role)
            && let Some(place) = sight.place(row, known)
        {
            places.insert(known.role, place);
        }
    }
    let taken: BTreeSet<&String> = places.values().filter_map(|place| place.unit.as_ref()).collect();
    let of_row = |unit: &&String| row.and_then(|row| row.journal).is_some_and(|own| unit.starts_with(own));
    let other_units =
        sight.units.iter().filter(of_row).filter(|unit| !taken.contains(unit)).cloned().collect();
    Layout { kind: row.map_or(LayoutKind::Unknown, |row| row.kind), places, other_units }
}

/// The program that asks libvirt on a host that is laid out so.
pub(super) fn virsh(kind: LayoutKind) -> &'static str {
    ROWS.iter().find(|row| row.kind == kind).map_or("virsh", |row| row.virsh)
}

impl Row {
    /// Evidence without any service is from something else: a tool's container, a library.
    fn has_service(&self, sight: &Sight) -> bool {
        self.services.iter().any(|known| sight.place(Some(self), known).is_some())
    }
}

impl Sight {
    fn has(&self, evidence: &Evidence) -> bool {
        match evidence {
            Evidence::Unit(prefix) => self.units.iter().any(|unit| unit.starts_with(prefix)),
            Evidence::Path(prefix) => self.paths.iter().any(|path| path.starts_with(prefix)),
            Evidence::Label(..) | Evidence::Mount(_) => {
                self.containers.values().any(|container| container.carries(evidence))
            }
        }
    }

    fn place(&self, row: Option<&Row>, known: &Known) -> Option<ServicePlace> {
        let unit = known.units.iter().map(|unit| format!("{unit}.service"));
        let unit = unit.into_iter().find(|unit| self.units.contains(unit));
        let container = known.containers.iter().find_map(|name| {
            let seen = self.containers.get(*name)?;
            // One that does not run, and that nobody starts, is left over.
            let is_used = seen.runs || unit.is_some();
            let is_of_row = row.is_some_and(|row| row.evidence.iter().any(|one| seen.carries(one)));
            (is_used && is_of_row).then_some((*name, seen))
        });
        if known.containers.is_empty() && unit.is_none()
            || !known.containers.is_empty() && container.is_none()
        {
            return None;
        }
        let folder = container.and_then(|(_, seen)| seen.config_folder()).unwrap_or_default();
        let patterns = known.config.iter().map(|pattern| match pattern.starts_with('/') {
            true => pattern.to_string(),
            false => format!("{folder}/{pattern}"),
        });
        let config = patterns.flat_map(|pattern| self.matching(&pattern)).collect();
        Some(ServicePlace {
            unit,
            container: container
                .map(|(name, seen)| Container { engine: seen.engine, name: name.to_string() }),
            config,
            log: known.logs.iter().find(|log| self.paths.contains(**log)).map(|log| log.to_string()),
        })
    }

    /// The paths of a pattern, in the order of their names: one `*` stands for anything in a
    /// name, `[0-9]` before it for a digit.
    fn matching(&self, pattern: &str) -> Vec<String> {
        let Some((before, after)) = pattern.split_once('*') else {
            return self.paths.get(pattern).cloned().into_iter().collect();
        };
        let (before, is_digit) = match before.strip_suffix("[0-9]") {
            Some(before) => (before, true),
            None => (before, false),
        };
        let fits = |path: &&String| {
            let middle = path.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
            middle.is_some_and(|name| {
                !name.contains('/') && (!is_digit || name.starts_with(|first: char| first.is_ascii_digit()))
            })
        };
        self.paths.iter().filter(fits).cloned().collect()
    }
}

impl SeenContainer {
    fn carries(&self, evidence: &Evidence) -> bool {
        match evidence {
            Evidence::Label(key, value) => self.labels.get(*key).is_some_and(|seen| seen.starts_with(value)),
            Evidence::Mount(folder) => self.mounts.iter().any(|(source, _)| {
                source.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }),
            Evidence::Unit(_) | Evidence::Path(_) => false,
        }
    }

    /// The machine's folder whose files kolla's start script copies into the container.
    fn config_folder(&self) -> Option<&str> {
        let at = |place: &str| self.mounts.iter().find(|(_, to)| to.trim_end_matches('/') == place);
        at(CONFIG_FILES).map(|(from, _)| from.trim_end_matches('/'))
    }
}

/// The containers an engine says it has: a line each of name, whether it runs, labels and mounts;
/// the lines of [`super::LOOK`].
pub(super) fn containers(engine: Engine, text: &str) -> BTreeMap<String, SeenContainer> {
    let read = |line: &str| {
        let mut fields = line.strip_prefix("container ")?.split('|');
        let name = fields.next()?.trim_start_matches('/').to_string();
        let runs = fields.next()? == "true";
        let labels = fields.next()?.split(';').filter_map(|pair| pair.split_once('='));
        let labels = labels.filter(|(_, value)| !value.is_empty() && *value != "<no value>");
        let labels = labels.map(|(key, value)| (key.to_string(), value.to_string())).collect();
        let mounts = fields.next()?.split(';').filter_map(|pair| pair.split_once('>'));
        let mounts = mounts.map(|(from, to)| (from.to_string(), to.to_string())).collect();
        Some((name, SeenContainer { engine, runs, labels, mounts }))
    };
    text.lines().filter_map(read).collect()
}
