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

/// The guest has no watchdog, in the domain and in QEMU.
pub fn no_watchdog(seen: &Seen) -> Vec<Check> {
    let line = seen.process().command_line.join(" ");
    vec![
        Check::eq("watchdog", &watchdog(seen), &None).from("domain XML, <watchdog>"),
        Check::eq("an i6300esb of the process", &line.contains("i6300esb"), &false).from("/proc/PID/cmdline"),
    ]
}

/// Controls of [`no_watchdog`].
pub const A_WATCHDOG: &[Control<Seen>] = &[Control::new("a watchdog", |seen| {
    seen.with_xml(|xml| {
        xml.replacen("</devices>", "<watchdog model='i6300esb' action='reset'/></devices>", 1)
    })
})];

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

/// Controls of [`has_rng`], for a guest that has one.
pub const NO_RNG: &[Control<Seen>] = &[
    Control::new("none", |seen| {
        seen.with_xml(|xml| xml.replace("<rng ", "<other ").replace("</rng>", "</other>"))
    }),
    Control::new("none in QEMU", Seen::without_command_line),
];

/// Controls of [`has_rng`], for a guest that has none.
pub const AN_RNG: &[Control<Seen>] = &[Control::new("one nevertheless", |seen| {
    seen.with_xml(|xml| xml.replacen("</devices>", "<rng model='virtio'/></devices>", 1))
})];

fn rng_models(seen: &Seen) -> Vec<String> {
    seen.domain().devices.rngs.iter().map(|rng| rng.model.clone()).collect()
}

/// The models of its video devices.
pub fn video_models(seen: &Seen) -> Vec<String> {
    seen.domain().devices.videos.iter().map(|video| video.model.clone()).collect()
}

/// The guest has one video device, of this model.
pub fn has_video(seen: &Seen, model: &str) -> Vec<Check> {
    let wanted = vec![model.to_string()];
    vec![Check::eq("video devices", &video_models(seen), &wanted).from("domain XML, <video>")]
}

/// Controls of [`has_video`].
pub const OTHER_VIDEO: &[Control<Seen>] = &[Control::new("another model", |seen| {
    seen.with_xml(|xml| xml.replace("<model type='", "<model type='x"))
})];

/// The performance counters are declared on or off.
pub fn pmu(seen: &Seen, on: bool) -> Vec<Check> {
    vec![Check::eq("PMU", &seen.domain().features.pmu, &Some(on)).from("domain XML, <features><pmu>")]
}

/// Controls of [`pmu`].
pub const NO_PMU: &[Control<Seen>] = &[Control::new("not set", |seen| seen.without_xml_lines("<pmu "))];

/// The guest has a tablet on USB.
pub fn has_tablet(seen: &Seen) -> Vec<Check> {
    let is_tablet = |line: &str| line.contains("<input type='tablet'") && line.contains("bus='usb'");
    let has = seen.domain().xml().lines().any(is_tablet);
    vec![Check::eq("a tablet on USB", &has, &true).from("domain XML, <input>")]
}

/// Controls of [`has_tablet`].
pub const NO_TABLET: &[Control<Seen>] = &[Control::new("no tablet", |seen| {
    seen.with_xml(|xml| xml.replace("<input type='tablet'", "<input type='mouse'"))
})];

/// The guest has one network interface, with so many queues.
pub fn has_queues(seen: &Seen, count: u32) -> Vec<Check> {
    let interfaces = seen.domain().devices.interfaces.iter();
    let queues: Vec<Option<u32>> = interfaces.map(|interface| interface.queues).collect();
    vec![
        Check::eq("queues of the network interface", &queues, &vec![Some(count)])
            .from("domain XML, <interface><driver queues>"),
    ]
}

/// Controls of [`has_queues`].
pub const ONE_QUEUE: &[Control<Seen>] = &[Control::new("one queue", |seen| {
    let queues = regex::Regex::new("queues='[0-9]+'");
    match queues {
        Ok(queues) => seen.with_xml(|xml| queues.replace_all(xml, "").into_owned()),
        Err(_) => seen,
    }
})];

/// Nova's metadata in the domain names this flavor: its name, MiB and vCPUs.
pub fn names_flavor(seen: &Seen, name: &str, ram_mib: u64, vcpus: u32) -> Vec<Check> {
    let named = seen.domain().nova.as_ref().and_then(|nova| nova.flavor.as_ref());
    let found = named.map(|named| (named.name.clone().unwrap_or_default(), named.ram_mib, named.vcpus));
    let wanted = Some((name.to_string(), Some(ram_mib), Some(vcpus)));
    vec![Check::eq("flavor in the metadata", &found, &wanted).from("domain XML, <metadata><nova:flavor>")]
}

/// Controls of [`names_flavor`].
pub const OTHER_FLAVOR: &[Control<Seen>] = &[Control::new("another flavor", |seen| {
    seen.with_xml(|xml| xml.replace("<nova:flavor name=\"", "<nova:flavor name=\"x"))
})];

/// The guest's memory is in a shared file, in the domain and in QEMU.
pub fn memory_in_file(seen: &Seen) -> Vec<Check> {
    let backing = &seen.domain().memory_backing;
    let line = seen.process().command_line.join(" ");
    let mapped = mapped_in_file(seen);
    vec![
        Check::eq("source of memory", &backing.source, &Some("file".to_string()))
            .from("domain XML, <memoryBacking><source>"),
        Check::eq("access to memory", &backing.access, &Some("shared".to_string()))
            .from("domain XML, <memoryBacking><access>"),
        Check::that(
            "memory of the process",
            line.contains("memory-backend-file"),
            "see its command line",
            "memory-backend-file",
        )
        .from("/proc/PID/cmdline"),
        Check::that("KiB of it in use", mapped > 0, mapped.to_string(), "some")
            .from("/proc/PID/numa_maps, mappings of the file named by mem-path"),
    ]
}

/// Controls of [`memory_in_file`].
pub const ANONYMOUS_MEMORY: &[Control<Seen>] = &[
    Control::new("anonymous memory declared", |seen| seen.without_xml_lines("<source type='file'")),
    Control::new("anonymous memory used", Seen::without_command_line),
    Control::new("no mapping of the file", Seen::in_small_pages),
];

/// How much of the guest's memory is in the file that QEMU was given for it, in KiB.
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

/// The guest has no config drive.
pub fn no_config_drive(seen: &Seen) -> Vec<Check> {
    let drive = seen.domain().xml().contains("disk.config");
    vec![Check::eq("config drive", &drive, &false).from("domain XML, <disk>")]
}

/// Controls of [`no_config_drive`].
pub const A_CONFIG_DRIVE: &[Control<Seen>] = &[Control::new("a config drive", |seen| {
    const DRIVE: &str = "<disk type='file' device='cdrom'><source file='/x/disk.config'/><target dev='hdd'/></disk></devices>";
    seen.with_xml(|xml| xml.replacen("</devices>", DRIVE, 1))
})];

/// The disks of a domain, as files on its host.
pub fn disk_files(seen: &Seen) -> Vec<String> {
    let files = seen.domain().devices.disks.iter().filter_map(|disk| match &disk.source {
        Some(DiskSource::File(path)) => Some(path.clone()),
        _ => None,
    });
    files.collect()
}

/// The guest is rescued: it boots from the rescue disk, and has its own disks (files) as well.
pub fn rescued(seen: &Seen, own: &[String]) -> Vec<Check> {
    let disks = disk_files(seen);
    let first = disks.first().cloned().unwrap_or_default();
    vec![
        Check::that("first disk", first.ends_with("disk.rescue"), &first, "that of the rescue")
            .from("domain XML, <disk>"),
        Check::that(
            "its own disks",
            own.iter().all(|disk| disks.contains(disk)),
            disks.join(", "),
            own.join(", "),
        )
        .from("domain XML, <disk>"),
    ]
}

/// Controls of [`rescued`].
pub const NO_RESCUE: &[Control<Seen>] =
    &[Control::new("no rescue", |seen| seen.with_xml(|xml| xml.replace("disk.rescue", "disk.other")))];

/// The guest's first serial port is a TCP port of its host.
pub fn serial_on_port(seen: &Seen) -> Vec<Check> {
    let serial = seen.domain().devices.serials.first();
    let kind = serial.map(|serial| serial.kind.clone()).unwrap_or_default();
    let port = serial.and_then(|serial| serial.address.clone());
    let shown = port.clone().map_or("none".to_string(), |(host, port)| format!("{host}:{port}"));
    vec![
        Check::eq("kind of the serial port", &kind, &"tcp".to_string()).from("domain XML, <serial>"),
        Check::that("its address", port.is_some(), shown, "one").from("domain XML, <serial>"),
    ]
}

/// Controls of [`serial_on_port`].
pub const SERIAL_IN_FILE: &[Control<Seen>] = &[Control::new("a file", |seen| {
    seen.with_xml(|xml| xml.replace("<serial type='tcp'>", "<serial type='file'>"))
})];
