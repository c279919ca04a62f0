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

/// Controls of [`boots_cd`].
pub const A_DISK: &[Control<Seen>] = &[
    Control::new("a disk", |seen| seen.with_xml(|xml| xml.replace("device='cdrom'", "device='disk'"))),
    Control::new("none in QEMU", Seen::without_command_line),
];

/// Controls of [`remaps`].
pub const NO_REMAPPING: &[Control<Seen>] =
    &[Control::new("off", |seen| seen.with_xml(|xml| xml.replace("intremap='on'", "intremap='off'")))];

/// The guest has no IOMMU.
pub fn no_iommu(seen: &Seen) -> Vec<Check> {
    let found = seen.domain().devices.iommu.as_ref().map(|iommu| iommu.model.clone());
    vec![Check::eq("IOMMU", &found, &None).from("domain XML, <iommu>")]
}

/// Controls of [`no_iommu`].
pub const AN_IOMMU: &[Control<Seen>] = &[Control::new("one left", |seen| {
    seen.with_xml(|xml| xml.replacen("</devices>", "<iommu model='intel'/></devices>", 1))
})];

/// The machine has system management mode, in the domain and in QEMU; secure boot needs it.
pub fn system_management(seen: &Seen) -> Vec<Check> {
    let line = seen.process().command_line.join(" ");
    vec![
        Check::eq("system management mode", &seen.domain().features.smm, &true)
            .from("domain XML, <features><smm>"),
        Check::that("of the process", line.contains("smm=on"), "see its command line", "smm=on")
            .from("/proc/PID/cmdline"),
    ]
}

/// Controls of [`system_management`].
pub const NO_SYSTEM_MANAGEMENT: &[Control<Seen>] = &[
    Control::new("none declared", |seen| seen.without_xml_lines("<smm ")),
    Control::new("QEMU without it", Seen::without_command_line),
];

/// The domain has so many sockets, cores per socket and threads per core.
pub fn vcpu_topology(seen: &Seen, wanted: (u32, u32, u32)) -> Vec<Check> {
    let topology = seen.domain().cpu.as_ref().and_then(|cpu| cpu.topology);
    let found = topology.map(|found| (found.sockets, found.cores, found.threads));
    vec![Check::eq("sockets, cores, threads", &found, &Some(wanted)).from("domain XML, <cpu><topology>")]
}

/// Controls of [`vcpu_topology`].
pub const NO_TOPOLOGY: &[Control<Seen>] =
    &[Control::new("no topology", |seen| seen.without_xml_lines("<topology "))];

/// The guest's CPU is of this model, with these features required and disabled, in the domain and in QEMU.
pub fn cpu_model(seen: &Seen, model: &str, required: &str, disabled: &str) -> Vec<Check> {
    let cpu = seen.domain().cpu.clone();
    let policy = |name: &str| {
        let feature = cpu.as_ref()?.features.iter().find(|feature| feature.name == name)?;
        feature.policy.clone()
    };
    let found = cpu.as_ref().and_then(|cpu| cpu.model.clone());
    let line = seen.process().command_line.join(" ");
    let of_qemu = line.split(" -cpu ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or("none");
    let (on, off) = (format!("{required}=on"), format!("{disabled}=off"));
    let has = of_qemu.contains(&on) && of_qemu.contains(&off);
    let policy_of = |name: &str, wanted: &str| {
        Check::eq(format!("policy of {name}"), &policy(name), &Some(wanted.to_string()))
            .from("domain XML, <cpu><feature>")
    };
    vec![
        Check::eq("CPU model", &found, &Some(model.to_string())).from("domain XML, <cpu><model>"),
        policy_of(required, "require"),
        policy_of(disabled, "disable"),
        Check::that("CPU of the process", has, of_qemu, format!("{on} and {off}")).from("/proc/PID/cmdline"),
    ]
}

/// Controls of [`cpu_model`].
pub const OTHER_CPU: &[Control<Seen>] = &[
    Control::new("flags not set", |seen| seen.without_xml_lines("<feature ")),
    Control::new("another CPU in QEMU", Seen::without_command_line),
];
