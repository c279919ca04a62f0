//! A record as far as a trace needs it, and which service wrote it.

use jiff::Timestamp;

use crate::watch::{Level, Record};

/// So many characters of a message are kept.
const MOST: usize = 300;

/// A record on the way of the request.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    /// When, by the reader's clock.
    pub at: Timestamp,
    pub host: String,
    pub service: String,
    pub logger: String,
    pub level: Option<Level>,
    /// It bears the request's id; else it is about its guest.
    pub own: bool,
    pub message: String,
}

impl Mark {
    pub fn of(record: &Record, at: Timestamp, own: bool) -> Mark {
        Mark {
            at,
            host: record.host.clone(),
            service: service(record),
            logger: record.logger.clone().unwrap_or_default(),
            level: record.level,
            own,
            message: cut(record.message.trim(), MOST),
        }
    }
}

/// At most so many characters.
pub(super) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_string(),
    }
}

/// A message without the function, file and line that oslo.log puts behind it at DEBUG.
pub(super) fn without_place(message: &str) -> &str {
    let Some(at) = message.rfind(".py:") else { return message };
    if !message[at + 4..].chars().all(|c| c.is_ascii_digit()) {
        return message;
    }
    let head = &message[..at];
    let Some(path) = head.rfind(" /") else { return message };
    let head = &head[..path];
    head.rfind(' ').map_or(head, |function| &head[..function])
}

/// What devstack calls its services.
const DEVSTACK: &[(&str, &str)] = &[
    ("n-cpu", "nova-compute"),
    ("n-api", "nova-api"),
    ("n-super-cond", "nova-conductor"),
    ("n-cond-cell1", "nova-conductor"),
    ("n-sch", "nova-scheduler"),
    ("q-svc", "neutron-api"),
    ("g-api", "glance-api"),
    ("c-api", "cinder-api"),
];

/// The first words of loggers, and whose they are.
const LOGGERS: &[(&str, &str)] = &[
    ("nova.api.", "nova-api"),
    ("nova.conductor.", "nova-conductor"),
    ("nova.scheduler.manager", "nova-scheduler"),
    ("nova.filters", "nova-scheduler"),
    ("nova.compute.", "nova-compute"),
    ("nova.virt.", "nova-compute"),
    ("placement.", "placement-api"),
    ("neutron.", "neutron"),
    ("glance.", "glance-api"),
    ("cinder.", "cinder"),
];

/// The service that wrote a record, by its log's name, else by its logger.
pub(super) fn service(record: &Record) -> String {
    if record.source.contains("/libvirt/qemu/") {
        return "qemu".into();
    }
    let name = record.short_source();
    let name = name.strip_prefix("journal:").unwrap_or(name);
    let name = [".service", ".log", ".txt"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    let name = name.strip_prefix("devstack@").or_else(|| name.strip_prefix("screen-")).unwrap_or(name);
    let name = name.strip_prefix("openstack-").unwrap_or(name);
    let name = ["-wsgi", "-uwsgi"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    if let Some((_, known)) = DEVSTACK.iter().find(|(short, _)| *short == name) {
        return (*known).to_string();
    }
    // kolla and containers write `nova_compute`.
    let name = name.replace('_', "-");
    if ["nova-", "neutron", "placement", "glance", "cinder", "libvirt"]
        .iter()
        .any(|own| name.starts_with(own))
    {
        return name;
    }
    let logger = record.logger.as_deref().unwrap_or_default();
    match LOGGERS.iter().find(|(begin, _)| logger.starts_with(begin)) {
        Some((_, service)) => (*service).to_string(),
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(source: &str, logger: &str) -> String {
        service(&Record { source: source.into(), logger: Some(logger.into()), ..Record::default() })
    }

    #[test]
    fn services_by_their_logs_and_loggers() {
        assert_eq!(of("/var/log/nova/nova-api-wsgi.log", ""), "nova-api");
        assert_eq!(of("journal:devstack@n-cpu.service", ""), "nova-compute");
        assert_eq!(of("controller/logs/screen-n-super-cond.txt", ""), "nova-conductor");
        assert_eq!(of("/var/log/libvirt/qemu/instance-0000000b.log", ""), "qemu");
        assert_eq!(of("/var/log/messages", "nova.virt.libvirt.driver"), "nova-compute");
        assert_eq!(of("journal:nova_compute", ""), "nova-compute");
    }

    #[test]
    fn a_message_without_its_place() {
        let debug = "Starting instance... _do_build_and_run_instance /usr/lib/python3/dist-packages/nova/compute/manager.py:2439";
        assert_eq!(without_place(debug), "Starting instance...");
        assert_eq!(without_place("Claim successful on node cmp2"), "Claim successful on node cmp2");
    }
}
