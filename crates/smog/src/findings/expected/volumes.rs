//! A guest's volumes, as Nova, Cinder and the domain have them.

use crate::cloud::VolumeAttachment;
use crate::findings::{Check, Control, Seen};
use crate::guest::GuestVolume;
use crate::libvirt::{Disk, DiskSource};

/// The guest has these volumes and no other, and Nova, Cinder and the domain agree on each.
pub fn volumes_agree(found: &[GuestVolume], wanted: &[String]) -> Vec<Check> {
    let mut ids: Vec<&str> = found.iter().map(|one| one.id.as_str()).collect();
    let mut wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
    ids.sort_unstable();
    wanted.sort_unstable();
    let wrong = found
        .iter()
        .flat_map(|one| one.disagreements().into_iter().map(|wrong| format!("{}: {wrong}", one.id)));
    let wrong: Vec<String> = wrong.collect();
    vec![
        Check::eq("volumes of the guest", &ids, &wanted)
            .from("GET /servers/ID/os-volume_attachments, GET /volumes/ID, domain XML"),
        Check::eq("where the three do not agree", &wrong.join("; "), &String::new())
            .from("Nova's block device mapping, Cinder's attachment, <disk><serial>"),
    ]
}

/// Controls of [`volumes_agree`], for a guest that has a volume and runs.
pub const DISAGREE: &[Control<Vec<GuestVolume>>] = &[
    Control::new("the domain has lost the disk", |all| each(all, |one| one.disk = None)),
    Control::new("Nova does not have it", |all| each(all, |one| one.nova = None)),
    Control::new("Cinder has it free", |all| each(all, |one| one.is_attached_in_cinder = false)),
    Control::new("Cinder has no such volume", |all| each(all, |one| one.cinder = None)),
    Control::new("Cinder has another attachment", |all| {
        each(all, |one| {
            let attachments: Option<&mut Vec<VolumeAttachment>> =
                one.cinder.as_mut().map(|it| &mut it.attachments);
            attachments.into_iter().flatten().for_each(|it| it.attachment_id = Some("another".into()));
        })
    }),
    Control::new("one volume is missing", |mut all| {
        all.pop();
        all
    }),
];

/// Controls of [`volumes_agree`], for a guest that has none.
pub const A_VOLUME: &[Control<Vec<GuestVolume>>] = &[Control::new("the domain still has one", |mut all| {
    all.push(GuestVolume::left_in_domain("7a2e4c1b-6b1e-4a53-9b62-0b1d7c6e5f40"));
    all
})];

fn each(mut all: Vec<GuestVolume>, change: fn(&mut GuestVolume)) -> Vec<GuestVolume> {
    all.iter_mut().for_each(change);
    all
}

/// The disk of a volume in a guest's domain.
pub fn disk_of<'a>(seen: &'a Seen, volume: &str) -> Option<&'a Disk> {
    seen.domain().devices.disks.iter().find(|disk| disk.serial.as_deref() == Some(volume))
}

/// The domain's disk of a volume: no file of the host, with this cache mode and bus.
pub fn on_network(seen: &Seen, volume: &str) -> Vec<Check> {
    let disk = disk_of(seen, volume);
    let source = disk.and_then(|disk| disk.source.clone());
    let is_network = matches!(source, Some(DiskSource::Network(..) | DiskSource::Block(_)));
    vec![
        Check::that(
            "source of the volume's disk",
            is_network,
            format!("{source:?}"),
            "the network or a block device, no file of the host",
        )
        .from("domain XML, <disk><source>"),
    ]
}

/// Controls of [`on_network`].
pub const IN_A_FILE: &[Control<Seen>] = &[
    Control::new("a copy in a file", |seen| {
        seen.with_xml(|xml| {
            xml.replace("<disk type='network'", "<disk type='file'")
                .replace("<source protocol='rbd' name=", "<source file=")
        })
    }),
    Control::new("no such disk", |seen| seen.without_xml_lines("<serial>")),
];

/// The guest has one SCSI controller of virtio, and this many disks on it.
pub fn on_virtio_scsi(seen: &Seen, count: usize) -> Vec<Check> {
    let xml = seen.domain().xml();
    let controllers = xml
        .lines()
        .filter(|line| line.contains("<controller type='scsi'") && line.contains("model='virtio-scsi'"));
    let on_scsi = seen.domain().devices.disks.iter().filter(|disk| disk.bus.as_deref() == Some("scsi"));
    vec![
        Check::eq("virtio-scsi controllers", &controllers.count(), &1).from("domain XML, <controller>"),
        Check::eq("disks on SCSI", &on_scsi.count(), &count).from("domain XML, <disk><target bus>"),
    ]
}

/// Controls of [`on_virtio_scsi`].
pub const OTHER_BUS: &[Control<Seen>] = &[
    Control::new("disks on virtio", |seen| seen.with_xml(|xml| xml.replace("bus='scsi'", "bus='virtio'"))),
    Control::new("another controller", |seen| {
        seen.with_xml(|xml| xml.replace("model='virtio-scsi'", "model='lsilogic'"))
    }),
];

/// The volume's disk is encrypted in the domain, with LUKS and a secret of libvirt.
pub fn encrypted_with_luks(seen: &Seen, volume: &str) -> Vec<Check> {
    let xml = seen.domain().xml();
    let disks = xml.split("<disk ").skip(1).map(|part| part.split("</disk>").next().unwrap_or_default());
    let disk = disks.into_iter().find(|disk| disk.contains(&format!("<serial>{volume}</serial>")));
    let says = |text: &str| disk.is_some_and(|disk| disk.contains(text));
    vec![
        Check::eq("LUKS of the volume's disk", &says("<encryption format='luks'"), &true)
            .from("domain XML, <disk><encryption>"),
        Check::eq("a secret of its passphrase", &says("<secret type='passphrase'"), &true)
            .from("domain XML, <encryption><secret>"),
    ]
}

/// Controls of [`encrypted_with_luks`].
pub const PLAIN_DISK: &[Control<Seen>] = &[
    Control::new("no encryption", |seen| seen.without_xml_lines("<encryption ")),
    Control::new("no passphrase", |seen| seen.without_xml_lines("<secret type='passphrase'")),
];
