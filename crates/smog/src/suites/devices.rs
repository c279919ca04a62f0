//! `devices`: what a flavor or an image adds to a guest's machine.

use super::changes::{CUSTOM_CPU_MODEL, FILE_BACKED_MEMORY, FILE_BACKED_MEMORY_ON_LAST, SCREENS};
use super::{boot_with, check_gone, on, small};
use crate::cloud::server_actions as actions;
use crate::cloud::{LiveMigration, Microversion};
use crate::error::Result;
use crate::findings::expected::{
    NO_WATCHDOG, RUNS, has_rng, has_watchdog, mapped_in_file, runs, video_models, watchdog,
};
use crate::flavor::WatchdogAction;
use crate::guest::Guest;
use crate::testing::{Case, Check, Claims, Control, Need, Seen, Test, minutes};

async fn check_watchdog(t: &Test, guest: &mut Guest, action: &str) -> Result<()> {
    let seen = t.look(guest).await?;
    t.assert(&seen, |seen| has_watchdog(seen, action), NO_WATCHDOG);
    Ok(())
}

async fn watchdog_by_flavor(t: &mut Test) -> Result<()> {
    let actions = [
        (WatchdogAction::Reset, "reset"),
        (WatchdogAction::Poweroff, "poweroff"),
        (WatchdogAction::Pause, "pause"),
    ];
    for (action, name) in actions {
        let mut guest = boot_with(t, small(1, 96).watchdog(action), &[]).await?;
        check_watchdog(t, &mut guest, name).await?;
        t.delete(&guest).await?;
    }
    Ok(())
}

async fn watchdog_by_image(t: &mut Test) -> Result<()> {
    let mut guest = boot_with(t, small(1, 96), &[("hw_watchdog_action", "reset")]).await?;
    check_watchdog(t, &mut guest, "reset").await?;
    // The image's word is above the flavor's.
    let spec = small(1, 96).watchdog(WatchdogAction::Reset);
    let mut guest = boot_with(t, spec, &[("hw_watchdog_action", "disabled")]).await?;
    let seen = t.look(&mut guest).await?;
    let none = |seen: &Seen| {
        let line = seen.process().command_line.join(" ");
        vec![
            Check::eq("watchdog", &watchdog(seen), &None).from("domain XML, <watchdog>"),
            Check::eq("an i6300esb of the process", &line.contains("i6300esb"), &false)
                .from("/proc/PID/cmdline"),
        ]
    };
    let one = Control::new("a watchdog", |seen: Seen| {
        seen.with_xml(|xml| {
            xml.replacen("</devices>", "<watchdog model='i6300esb' action='reset'/></devices>", 1)
        })
    });
    t.assert(&seen, none, &[one]);
    Ok(())
}

async fn rng(t: &mut Test) -> Result<()> {
    let mut guest = boot_with(t, small(1, 96), &[("hw_rng_model", "virtio")]).await?;
    let seen = t.look(&mut guest).await?;
    let controls = [
        Control::new("none", |seen: Seen| {
            seen.with_xml(|xml| xml.replace("<rng ", "<other ").replace("</rng>", "</other>"))
        }),
        Control::new("none in QEMU", Seen::without_command_line),
    ];
    t.assert(&seen, |seen| has_rng(seen, true), &controls);
    Ok(())
}

async fn rng_not_allowed(t: &mut Test) -> Result<()> {
    let spec = small(1, 96).extra("hw_rng:allowed", "False");
    let mut guest = boot_with(t, spec, &[("hw_rng_model", "virtio")]).await?;
    let seen = t.look(&mut guest).await?;
    let one = Control::new("one all the same", |seen: Seen| {
        seen.with_xml(|xml| xml.replacen("</devices>", "<rng model='virtio'/></devices>", 1))
    });
    t.assert(&seen, |seen| has_rng(seen, false), &[one]);
    Ok(())
}

/// The video devices must be these; a control has another.
fn check_video(t: &Test, seen: &Seen, wanted: &str) {
    let wanted = vec![wanted.to_string()];
    let same = |seen: &Seen| {
        vec![Check::eq("video devices", &video_models(seen), &wanted).from("domain XML, <video>")]
    };
    let other = Control::new("another model", |seen: Seen| {
        seen.with_xml(|xml| xml.replace("<model type='", "<model type='x"))
    });
    t.assert(seen, same, &[other]);
}

async fn video(t: &mut Test) -> Result<()> {
    for model in ["virtio", "vga", "bochs", "none"] {
        let mut guest = boot_with(t, small(1, 96), &[("hw_video_model", model)]).await?;
        let seen = t.look(&mut guest).await?;
        check_video(t, &seen, model);
        t.delete(&guest).await?;
    }
    Ok(())
}

async fn video_by_rebuild(t: &mut Test) -> Result<()> {
    let mut guest = boot_with(t, small(1, 96), &[("hw_video_model", "virtio")]).await?;
    check_video(t, &t.look(&mut guest).await?, "virtio");
    for model in ["none", "virtio"] {
        let other = t.image_with(&[("hw_video_model", model)]).await?;
        t.order_to(&mut guest, actions::REBUILD.with("image", other.id)).await?;
        check_video(t, &t.look(&mut guest).await?, model);
    }
    Ok(())
}

/// The performance counters are declared on or off; a control declares nothing.
fn check_pmu(t: &Test, seen: &Seen, on: bool) {
    let declared = |seen: &Seen| {
        vec![Check::eq("PMU", &seen.domain().features.pmu, &Some(on)).from("domain XML, <features><pmu>")]
    };
    t.assert(seen, declared, &[Control::new("not told", |seen: Seen| seen.without_xml_lines("<pmu "))]);
}

async fn pmu(t: &mut Test) -> Result<()> {
    let mut guest = boot_with(t, small(1, 96).extra("hw:pmu", "False"), &[]).await?;
    check_pmu(t, &t.look(&mut guest).await?, false);
    for (on, ram_mib) in [(true, 112), (false, 96)] {
        let word = if on { "True" } else { "False" };
        t.resize(&mut guest, small(1, ram_mib).extra("hw:pmu", word)).await?;
        check_pmu(t, &t.look(&mut guest).await?, on);
    }
    Ok(())
}

async fn pmu_by_rebuild(t: &mut Test) -> Result<()> {
    let mut guest = boot_with(t, small(1, 96), &[("hw_pmu", "true")]).await?;
    check_pmu(t, &t.look(&mut guest).await?, true);
    for on in [false, true] {
        let image = t.image_with(&[("hw_pmu", if on { "true" } else { "false" })]).await?;
        t.order_to(&mut guest, actions::REBUILD.with("image", image.id)).await?;
        check_pmu(t, &t.look(&mut guest).await?, on);
    }
    Ok(())
}

async fn pointer(t: &mut Test) -> Result<()> {
    let mut guest = boot_with(t, small(1, 96), &[("hw_pointer_model", "usbtablet")]).await?;
    let seen = t.look(&mut guest).await?;
    let tablet = |seen: &Seen| {
        let has = seen
            .domain()
            .xml()
            .lines()
            .any(|line| line.contains("<input type='tablet'") && line.contains("bus='usb'"));
        vec![Check::eq("a tablet on USB", &has, &true).from("domain XML, <input>")]
    };
    t.assert(
        &seen,
        tablet,
        &[Control::new("no tablet", |seen: Seen| {
            seen.with_xml(|xml| xml.replace("<input type='tablet'", "<input type='mouse'"))
        })],
    );
    Ok(())
}

async fn multiqueue(t: &mut Test) -> Result<()> {
    let properties = [("hw_vif_model", "virtio"), ("hw_vif_multiqueue_enabled", "true")];
    let mut guest = boot_with(t, small(2, 96), &properties).await?;
    let seen = t.look(&mut guest).await?;
    let two = |seen: &Seen| {
        let queues: Vec<Option<u32>> =
            seen.domain().devices.interfaces.iter().map(|card| card.queues).collect();
        vec![
            Check::eq("queues of the network card", &queues, &vec![Some(2)])
                .from("domain XML, <interface><driver queues>"),
        ]
    };
    let one = Control::new("one queue", |seen: Seen| seen.with_xml(|xml| xml.replace("queues='2'", "")));
    t.assert(&seen, two, &[one]);
    Ok(())
}

async fn flavor_metadata(t: &mut Test) -> Result<()> {
    let flavor = t.flavor(small(1, 96)).await?;
    let mut guest = t.boot_flavor(&flavor).await?;
    let seen = t.look(&mut guest).await?;
    let told = |seen: &Seen| {
        let told = seen.domain().nova.as_ref().and_then(|nova| nova.flavor.as_ref());
        let found = told.map(|told| (told.name.clone().unwrap_or_default(), told.ram_mib, told.vcpus));
        let wanted = Some((flavor.name.clone(), Some(96), Some(1)));
        vec![Check::eq("flavor in the metadata", &found, &wanted).from("domain XML, <metadata><nova:flavor>")]
    };
    t.assert(
        &seen,
        told,
        &[Control::new("another flavor", |seen: Seen| {
            seen.with_xml(|xml| xml.replace("<nova:flavor name=\"", "<nova:flavor name=\"x"))
        })],
    );
    Ok(())
}

async fn cpu_flags(t: &mut Test) -> Result<()> {
    let mut guest = t.boot(small(1, 96)).await?;
    let seen = t.look(&mut guest).await?;
    t.assert(&seen, runs, RUNS);
    let flags = |seen: &Seen| {
        let cpu = seen.domain().cpu.clone();
        let policy = |name: &str| {
            let feature = cpu.as_ref()?.features.iter().find(|feature| feature.name == name)?;
            feature.policy.clone()
        };
        let model = cpu.as_ref().and_then(|cpu| cpu.model.clone());
        vec![
            Check::eq("CPU model", &model, &Some("Nehalem".to_string())).from("domain XML, <cpu><model>"),
            Check::eq("policy of aes", &policy("aes"), &Some("require".to_string()))
                .from("domain XML, <cpu><feature>"),
            Check::eq("policy of popcnt", &policy("popcnt"), &Some("disable".to_string()))
                .from("domain XML, <cpu><feature>"),
        ]
    };
    t.assert(
        &seen,
        flags,
        &[Control::new("flags not told", |seen: Seen| seen.without_xml_lines("<feature "))],
    );
    let started_so = |seen: &Seen| {
        let line = seen.process().command_line.join(" ");
        let cpu = line.split(" -cpu ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or("none");
        let has = cpu.contains("aes=on") && cpu.contains("popcnt=off");
        vec![Check::that("CPU of the process", has, cpu, "aes=on and popcnt=off").from("/proc/PID/cmdline")]
    };
    t.assert(&seen, started_so, &[Control::new("another CPU in QEMU", Seen::without_command_line)]);
    Ok(())
}

async fn file_backed(t: &mut Test) -> Result<()> {
    let flavor = t.flavor(small(1, 96)).await?;
    let host = t.host(0)?.name.clone();
    let mut guest = t.boot_request(on(&flavor, &host)).await?;
    let in_files = |seen: &Seen| {
        let backing = &seen.domain().memory_backing;
        let line = seen.process().command_line.join(" ");
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
            Check::that(
                "KiB of it in use",
                mapped_in_file(seen) > 0,
                mapped_in_file(seen).to_string(),
                "some",
            )
            .from("/proc/PID/numa_maps, mappings of the file named by mem-path"),
        ]
    };
    let controls = [
        Control::new("anonymous memory declared", |seen: Seen| seen.without_xml_lines("<source type='file'")),
        Control::new("anonymous memory used", Seen::without_command_line),
        Control::new("no mapping of the file", Seen::in_small_pages),
    ];
    let seen = t.look(&mut guest).await?;
    t.assert(&seen, in_files, &controls);
    let Some(there) = t.stage.hosts.get(1).cloned() else { return Ok(()) };
    t.live_migrate(&mut guest, Some(&there)).await?;
    let seen = t.look(&mut guest).await?;
    t.check_eq("host after the migration", &seen.host().to_string(), &there);
    t.assert(&seen, in_files, &controls);
    Ok(())
}

async fn to_file_backed(t: &mut Test) -> Result<()> {
    let hosts: Vec<String> = t.inventory.hosts.iter().map(|host| host.name.clone()).collect();
    let (Some(here), Some(there)) = (hosts.first().cloned(), hosts.last().cloned()) else { return Ok(()) };
    let flavor = t.flavor(small(1, 96)).await?;
    let mut guest = t.boot_request(on(&flavor, &here)).await?;
    let before = t.look(&mut guest).await?;
    let how = LiveMigration { host: Some(there.clone()), ..LiveMigration::default() };
    // Nova's own checks may let it through; libvirt then refuses the other memory, and
    // nova-compute logs that with its traceback.
    t.allow("libvirtError");
    let reason = t.migration_refused("a move to a host with other memory", &mut guest, &how).await?;
    t.check_reason(&reason, &["failed", "error", "No valid host"], "it is refused, or fails");
    let after = t.look(&mut guest).await?;
    let stayed = |after: &Seen| {
        vec![
            Check::eq("host afterwards", &after.host().to_string(), &here).from("Nova, GET /servers/ID"),
            Check::eq("status afterwards", &after.server.status, &"ACTIVE".to_string())
                .from("Nova, GET /servers/ID"),
            Check::eq("its process", &after.process().pid, &before.process().pid).from("/proc/PID"),
            Check::eq("MiB booked on its host", &after.booked("MEMORY_MB"), &96).from("placement"),
        ]
    };
    let another = Control::new("another process", |mut seen: Seen| {
        seen.process_mut().pid += 1;
        seen
    });
    t.assert(&after, stayed, &[another, Control::new("nothing is booked in placement", Seen::unbooked)]);
    check_gone(t, &there, &after.domain().name).await
}

async fn stable_compute_id(t: &mut Test) -> Result<()> {
    let hypervisors = t.cloud.hypervisors_without_uptime().await?;
    for host in t.inventory.hosts.clone() {
        let path = format!("{}/compute_id", host.state_path);
        let text = host.host.read_text(&path).await?.trim().to_string();
        let known = hypervisors.iter().find(|hypervisor| hypervisor.service.host == host.name);
        let known = known.map(|hypervisor| hypervisor.id.clone()).unwrap_or_default();
        let same = |text: &String| {
            vec![
                Check::eq(format!("compute id of {}", host.name), text, &known)
                    .from(format!("{path}, and Nova's GET /os-hypervisors")),
            ]
        };
        t.assert(&text, same, &[Control::new("another id", |_: String| "another".to_string())]);
    }
    Ok(())
}

pub(super) const CASES: &[Case] = &[
    Case::new(
        "devices.WatchdogTest.test_action_with_flavor",
        "A flavor's watchdog is there, with its action.\n\
         Steps: boot with each hw:watchdog_action; look at the domain and the process.\n\
         Proves: the action reaches libvirt, and QEMU has the device.",
        |t| Box::pin(watchdog_by_flavor(t)),
    )
    .without_network()
    .tags(&["devices"]),
    Case::new(
        "devices.WatchdogTest.test_action_with_image",
        "An image's watchdog is there, with its action.\n\
         Steps: boot an image with hw_watchdog_action=reset; look; boot one with `disabled` and a flavor\n\
         with `reset`; look.\n\
         Proves: the property of the image counts as the flavor's does, and above it.",
        |t| Box::pin(watchdog_by_image(t)),
    )
    .without_network()
    .tags(&["devices", "image"]),
    Case::new(
        "devices.RngTest.test_virtio_rng",
        "A random number generator is there when the image asks for one.\n\
         Steps: hw_rng_model=virtio; look at the domain.\n\
         Proves: one virtio device.",
        |t| Box::pin(rng(t)),
    )
    .without_network()
    .tags(&["devices", "image"]),
    Case::new(
        "devices.RngTest.test_not_allowed",
        "A flavor can forbid the generator.\n\
         Steps: hw_rng:allowed=False with an image that asks for one.\n\
         Proves: none is there.",
        |t| Box::pin(rng_not_allowed(t)),
    )
    .without_network()
    .tags(&["devices", "image"]),
    Case::new(
        "devices.VideoTest.test_models",
        "The video device is the image's.\n\
         Steps: hw_video_model of virtio, vga, bochs and none; look at the domain.\n\
         Proves: each is what libvirt was told.",
        |t| Box::pin(video(t)),
    )
    .without_network()
    .needs(&[Need::Screen])
    .under(&SCREENS)
    .tags(&["devices", "image"]),
    Case::new(
        "devices.VideoTest.test_rebuild_to_none_and_back",
        "A rebuild takes the new image's video device.\n\
         Steps: from an image with virtio to one with none, and to virtio again; look at each.\n\
         Proves: the domain is made for the new image.",
        |t| Box::pin(video_by_rebuild(t)),
    )
    .without_network()
    .needs(&[Need::Screen])
    .under(&SCREENS)
    .timeout(minutes(6))
    .tags(&["devices", "rebuild"]),
    Case::new(
        "devices.PmuTest.test_resize",
        "The performance counters are on or off as the flavor says.\n\
         Steps: hw:pmu=False; look; resize to True, and back to False; look at each.\n\
         Proves: libvirt is told each.",
        |t| Box::pin(pmu(t)),
    )
    .without_network()
    .claims(Claims::TWO_HOSTS)
    .timeout(minutes(8))
    .tags(&["devices", "resize"]),
    Case::new(
        "devices.PmuTest.test_rebuild",
        "A rebuild takes the new image's word for the performance counters.\n\
         Steps: from an image with hw_pmu=true to one with false, and to one with true; look at each.\n\
         Proves: libvirt is told each.",
        |t| Box::pin(pmu_by_rebuild(t)),
    )
    .without_network()
    .timeout(minutes(6))
    .tags(&["devices", "image", "rebuild"]),
    Case::new(
        "devices.PointerTest.test_usb_tablet",
        "A tablet is there when the image asks for one.\n\
         Steps: hw_pointer_model=usbtablet; look at the domain.\n\
         Proves: an input device of type tablet on USB.",
        |t| Box::pin(pointer(t)),
    )
    .without_network()
    .needs(&[Need::Screen])
    .under(&SCREENS)
    .tags(&["devices", "image"]),
    Case::new(
        "devices.MultiqueueTest.test_two_queues",
        "A network card has as many queues as the guest has vCPUs.\n\
         Steps: an image with hw_vif_multiqueue_enabled=true, 2 vCPUs; look at the domain.\n\
         Proves: the card has 2 queues. Nova gives queues under KVM only.",
        |t| Box::pin(multiqueue(t)),
    )
    .needs(&[Need::Kvm])
    .tags(&["devices", "image"]),
    Case::new(
        "devices.MetadataTest.test_flavor",
        "The domain tells which flavor it is of.\n\
         Steps: boot; read Nova's metadata in the domain XML.\n\
         Proves: name, memory and vCPUs are those of the flavor.",
        |t| Box::pin(flavor_metadata(t)),
    )
    .tags(&["devices"]),
    Case::new(
        "devices.CpuModelTest.test_extra_flags",
        "A CPU model with flags added and taken away.\n\
         Steps: cpu_mode=custom with a model and cpu_model_extra_flags; look at domain and process.\n\
         Proves: model and flags reach libvirt and QEMU.",
        |t| Box::pin(cpu_flags(t)),
    )
    .without_network()
    .under(&CUSTOM_CPU_MODEL)
    .tags(&["devices", "cpu"]),
    Case::new(
        "devices.FileBackedMemoryTest.test_live_migrate",
        "Guests whose memory is in files, and move.\n\
         Steps: file_backed_memory on all computes; boot; look; live-migrate; look.\n\
         Proves: shared file memory in the domain and in QEMU, on both hosts.",
        |t| Box::pin(file_backed(t)),
    )
    .without_network()
    .needs(&[Need::ComputeHosts(2)])
    .claims(Claims::TWO_HOSTS)
    .under(&FILE_BACKED_MEMORY)
    .tags(&["memory", "migration"]),
    Case::new(
        "devices.FileBackedMemoryTest.test_to_other_memory",
        "A guest does not move to a host that has its guests' memory in files when its own has not.\n\
         Steps: file_backed_memory on one host; boot on another; live-migrate to the first.\n\
         Proves: it is refused or fails, the guest runs on as it was, and nothing of it is left there.",
        |t| Box::pin(to_file_backed(t)),
    )
    .without_network()
    .needs(&[Need::ComputeHosts(2)])
    .claims(Claims::TWO_HOSTS)
    .under(&FILE_BACKED_MEMORY_ON_LAST)
    .tags(&["memory", "migration"]),
    Case::new(
        "devices.StableComputeIdTest.test_file_matches_nova",
        "The file with a compute's id is Nova's id of it.\n\
         Why: a host that was renamed must not become another compute in silence.\n\
         Steps: compare compute_id in nova-compute's state_path on each host with Nova's hypervisors.\n\
         Proves: they are the same.",
        |t| Box::pin(stable_compute_id(t)),
    )
    .needs(&[Need::Compute(Microversion(2, 95))])
    .tags(&["services"]),
];
