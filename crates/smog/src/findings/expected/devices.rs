//! What a flavor, an image or a request adds to a guest's machine.

use crate::findings::{Check, Control, Seen};
use crate::libvirt::DiskSource;

/// The model and the action of its watchdog.
pub fn watchdog(seen: &Seen) -> Option<(String, String)> {
    let watchdog = seen.domain().devices.watchdog.as_ref()?;
    Some((watchdog.model.clone(), watchdog.action.clone().unwrap_or_default()))
}

/// The guest has a watchdog of this action, in the domain and in QEMU.
pub fn has_watchdog(seen: &Seen, action: &str) -> Vec<Check> {
    let wanted = Some(("i6300esb".to_string(), action.to_string()));
    let line = seen.process().command_line.join(" ");
    // Older versions of libvirt use QEMU's older word.
    let acts = ["-action watchdog=", "-watchdog-action "]
        .iter()
        .any(|word| line.contains(&format!("{word}{action}")));
    vec![
        Check::eq("watchdog", &watchdog(seen), &wanted).from("domain XML, <watchdog>"),
        Check::that(
            "device of the process",
            line.contains("i6300esb"),
            "see its command line",
            "an i6300esb",
        )
        .from("/proc/PID/cmdline"),
        Check::that("action of the process", acts, "see its command line", action).from("/proc/PID/cmdline"),
    ]
}

/// Controls of [`has_watchdog`].
pub const NO_WATCHDOG: &[Control<Seen>] = &[
    Control::new("no watchdog", |seen| {
        seen.with_xml(|xml| xml.replace("<watchdog ", "<other ").replace("</watchdog>", "</other>"))
    }),
    Control::new("none in QEMU", Seen::without_command_line),
    Control::new("another action in QEMU", |mut seen| {
        for word in &mut seen.process_mut().command_line {
            *word = word.replace("reset", "none").replace("poweroff", "none").replace("pause", "none");
        }
        seen
    }),
];

/// The guest has one random number generator, in the domain and in QEMU; or none.
pub fn has_rng(seen: &Seen, has: bool) -> Vec<Check> {
    let models = if has { vec!["virtio".to_string()] } else { Vec::new() };
    let line = seen.process().command_line.join(" ");
    vec![
        Check::eq("random number generators", &rng_models(seen), &models).from("domain XML, <rng>"),
        Check::eq("a virtio-rng of the process", &line.contains("virtio-rng"), &has)
            .from("/proc/PID/cmdline"),
    ]
}

fn rng_models(seen: &Seen) -> Vec<String> {
    seen.domain().devices.rngs.iter().map(|rng| rng.model.clone()).collect()
}

/// The models of its video devices.
pub fn video_models(seen: &Seen) -> Vec<String> {
    seen.domain().devices.videos.iter().map(|video| video.model.clone()).collect()
}

/// How much of the guest's memory is in the file that QEMU was told to have it in, in KiB.
pub fn mapped_in_file(seen: &Seen) -> u64 {
    let words = seen.process().command_line.iter();
    // `"mem-path":"/var/lib/libvirt/qemu/ram/1-instance-0000002a/pc.ram"` in a word of JSON.
    let path = words.flat_map(|word| word.split("\"mem-path\":\"").nth(1)).next();
    let Some(path) = path.and_then(|rest| rest.split('"').next()) else { return 0 };
    let maps = seen.process().memory.iter().flat_map(|memory| &memory.numa_maps);
    let of_file = maps.filter(|map| map.file.as_ref().is_some_and(|file| file.starts_with(path)));
    of_file.map(|map| map.pages.values().sum::<u64>() * map.page_kib).sum()
}

/// The config drives of a guest: what device each is, and its file.
pub fn config_drives(seen: &Seen) -> impl Iterator<Item = (&str, &str)> {
    seen.domain().devices.disks.iter().filter_map(|disk| match &disk.source {
        Some(DiskSource::File(path)) if path.ends_with("disk.config") => {
            Some((disk.device.as_str(), path.as_str()))
        }
        _ => None,
    })
}

/// The config drive of a guest in the domain XML.
pub fn config_drive(seen: &Seen, vfat: bool) -> Vec<Check> {
    let found: Vec<String> = config_drives(seen).map(|(device, _)| device.to_string()).collect();
    let wanted = vec![if vfat { "disk" } else { "cdrom" }.to_string()];
    vec![Check::eq("device of the config drive", &found, &wanted).from("domain XML, <disk> of disk.config")]
}

/// Controls of [`config_drive`].
pub const CONFIG_DRIVE: &[Control<Seen>] =
    &[Control::new("no config drive", |seen| seen.with_xml(|xml| xml.replace("disk.config", "disk.other")))];
