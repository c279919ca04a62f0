//! What kind of machine a guest is: its firmware, its IOMMU, what it boots from.

use crate::findings::{Check, Control, Seen};

/// Whether QEMU was started with the firmware the domain names.
fn has_firmware(seen: &Seen) -> bool {
    let line = seen.process().command_line.join(" ");
    seen.domain().os.loader.as_ref().is_some_and(|loader| line.contains(loader.as_str()))
}

/// It is a machine with UEFI, with secure boot or without.
pub fn uefi(seen: &Seen, secure: bool) -> Vec<Check> {
    let os = &seen.domain().os;
    let firmware = os.loader.clone().unwrap_or_default();
    vec![
        Check::that("firmware", os.loader.is_some(), firmware, "UEFI's").from("domain XML, <os><loader>"),
        Check::that("its variables", os.nvram.is_some(), os.nvram.clone().unwrap_or_default(), "a file")
            .from("domain XML, <os><nvram>"),
        Check::eq("secure boot", &os.secure_boot, &secure).from("domain XML, <loader secure>"),
        Check::that("firmware of the process", has_firmware(seen), "see its command line", "the same")
            .from("/proc/PID/cmdline"),
    ]
}

/// Controls of [`uefi`].
pub const NO_UEFI: &[Control<Seen>] = &[
    Control::new("no firmware declared", |seen: Seen| seen.without_xml_lines("<loader ")),
    Control::new("no variables", |seen: Seen| seen.without_xml_lines("<nvram")),
    Control::new("QEMU without it", Seen::without_command_line),
];

/// It is a machine with a BIOS.
pub fn bios(seen: &Seen) -> Vec<Check> {
    let os = &seen.domain().os;
    let firmware = os.loader.clone().or(os.nvram.clone()).unwrap_or_default();
    vec![Check::that("firmware", firmware.is_empty(), firmware, "none of UEFI").from("domain XML, <os>")]
}

/// Controls of [`bios`].
pub const NO_BIOS: &[Control<Seen>] = &[Control::new("UEFI", |seen: Seen| {
    seen.with_xml(|xml| xml.replacen("</os>", "<loader type='pflash'>/x.fd</loader></os>", 1))
})];

/// The guest has an IOMMU of this model, in the domain and in QEMU.
pub fn iommu(seen: &Seen, model: &str, device: &str) -> Vec<Check> {
    let found = seen.domain().devices.iommu.as_ref().map(|iommu| iommu.model.clone());
    let line = seen.process().command_line.join(" ");
    vec![
        Check::eq("IOMMU", &found, &Some(model.to_string())).from("domain XML, <iommu>"),
        Check::that("device of the process", line.contains(device), "see its command line", device)
            .from("/proc/PID/cmdline"),
    ]
}

/// Controls of [`iommu`].
pub const NO_IOMMU: &[Control<Seen>] = &[
    Control::new("another model", |seen: Seen| {
        seen.with_xml(|xml| xml.replace("<iommu model='", "<iommu model='x"))
    }),
    Control::new("none in QEMU", Seen::without_command_line),
];

/// Its IOMMU remaps interrupts.
pub fn remaps(seen: &Seen) -> Vec<Check> {
    let remaps = seen.domain().devices.iommu.as_ref().and_then(|iommu| iommu.intremap);
    vec![
        Check::eq("remapping of interrupts", &remaps, &Some(true))
            .from("domain XML, <iommu><driver intremap>"),
    ]
}

/// What the guest boots from is a CD.
pub fn boots_cd(seen: &Seen) -> Vec<Check> {
    let found = seen.domain().devices.disks.first().map(|disk| disk.device.clone());
    let line = seen.process().command_line.join(" ");
    vec![
        Check::eq("device of the first disk", &found, &Some("cdrom".to_string())).from("domain XML, <disk>"),
        Check::that("device of the process", line.contains("-cd\""), "see its command line", "a CD drive")
            .from("/proc/PID/cmdline"),
    ]
}
