//! `devices`: what a flavor or an image adds to a guest's machine.

use super::assertions::{RUNS, runs};
use super::changes::{CUSTOM_CPU_MODEL, FILE_BACKED_MEMORY, FILE_BACKED_MEMORY_ON_LAST, SCREENS};
use super::{boot_with, of, small};
use crate::cloud::{BootRequest, FlavorChoice, LiveMigration, Microversion, Order};
use crate::error::Result;
use crate::flavor::WatchdogAction;
use crate::guest::Guest;
use crate::testing::{Case, Check, Claims, Control, Need, Seen, Test, minutes};

fn watchdog(seen: &Seen) -> Option<(String, String)> {
    let watchdog = seen.domain.devices.watchdog.as_ref()?;
    Some((watchdog.model.clone(), watchdog.action.clone().unwrap_or_default()))
}

const NO_WATCHDOG: &[Control<Seen>] = &[Control::new("no watchdog", |seen| {
    seen.with_xml(|xml| xml.replace("<watchdog ", "<other ").replace("</watchdog>", "</other>"))
})];

async fn check_watchdog(t: &Test, guest: &mut Guest, action: &str) -> Result<()> {
    let seen = t.look(guest).await?;
    let wanted = Some(("i6300esb".to_string(), action.to_string()));
    let found =
        |seen: &Seen| vec![Check::eq("watchdog", &watchdog(seen), &wanted).from("domain XML, <watchdog>")];
    t.assert(&seen, found, NO_WATCHDOG);
    // QEMU has the device and the action, too.
    let line = seen.process.command_line.join(" ");
    t.check("device of the process", line.contains("i6300esb"), "see its command line", "an i6300esb");
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
    check_watchdog(t, &mut guest, "reset").await
}

fn rng_models(seen: &Seen) -> Vec<String> {
    seen.domain.devices.rngs.iter().map(|rng| rng.model.clone()).collect()
}

async fn rng(t: &mut Test) -> Result<()> {
    let mut guest = boot_with(t, small(1, 96), &[("hw_rng_model", "virtio")]).await?;
    let seen = t.look(&mut guest).await?;
    let one = |seen: &Seen| {
        vec![
            Check::eq("random number generators", &rng_models(seen), &vec!["virtio".to_string()])
                .from("domain XML, <rng>"),
        ]
    };
    t.assert(
        &seen,
        one,
        &[Control::new("none", |seen: Seen| {
            seen.with_xml(|xml| xml.replace("<rng ", "<other ").replace("</rng>", "</other>"))
        })],
    );
    Ok(())
}

async fn rng_not_allowed(t: &mut Test) -> Result<()> {
    let spec = small(1, 96).extra("hw_rng:allowed", "False");
    let mut guest = boot_with(t, spec, &[("hw_rng_model", "virtio")]).await?;
    let seen = t.look(&mut guest).await?;
    t.check_eq("random number generators", &rng_models(&seen), &Vec::new());
    Ok(())
}

fn video_models(seen: &Seen) -> Vec<String> {
    seen.domain.devices.videos.iter().map(|video| video.model.clone()).collect()
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
        t.order_to(&mut guest, &Order::Rebuild { image: other.id }).await?;
        check_video(t, &t.look(&mut guest).await?, model);
    }
    Ok(())
}

/// The performance counters are declared on or off; a control declares nothing.
fn check_pmu(t: &Test, seen: &Seen, on: bool) {
    let declared = |seen: &Seen| {
        vec![Check::eq("PMU", &seen.domain.features.pmu, &Some(on)).from("domain XML, <features><pmu>")]
    };
    t.assert(seen, declared, &[Control::new("not told", |seen: Seen| seen.without_xml_lines("<pmu "))]);
}

async fn pmu(t: &mut Test) -> Result<()> {
    let mut guest = boot_with(t, small(1, 96).extra("hw:pmu", "False"), &[]).await?;
    check_pmu(t, &t.look(&mut guest).await?, false);
    t.resize(&mut guest, small(1, 112).extra("hw:pmu", "True")).await?;
    check_pmu(t, &t.look(&mut guest).await?, true);
    Ok(())
}

async fn pmu_by_rebuild(t: &mut Test) -> Result<()> {
    let mut guest = boot_with(t, small(1, 96), &[("hw_pmu", "true")]).await?;
    check_pmu(t, &t.look(&mut guest).await?, true);
    let without = t.image_with(&[("hw_pmu", "false")]).await?;
    t.order_to(&mut guest, &Order::Rebuild { image: without.id }).await?;
    check_pmu(t, &t.look(&mut guest).await?, false);
    Ok(())
}

async fn pointer(t: &mut Test) -> Result<()> {
    let mut guest = boot_with(t, small(1, 96), &[("hw_pointer_model", "usbtablet")]).await?;
    let seen = t.look(&mut guest).await?;
    let tablet = |seen: &Seen| {
        let has = seen
            .domain
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
            seen.domain.devices.interfaces.iter().map(|card| card.queues).collect();
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
        let told = seen.domain.nova.as_ref().and_then(|nova| nova.flavor.as_ref());
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
        let cpu = seen.domain.cpu.clone();
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
    // QEMU was started so.
    let line = seen.process.command_line.join(" ");
    let has = line.contains("aes=on") && line.contains("popcnt=off");
    t.check(
        "CPU of the process",
        has,
        line.split(" -cpu ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or("none"),
        "aes=on and popcnt=off",
    );
    Ok(())
}

async fn file_backed(t: &mut Test) -> Result<()> {
    let flavor = t.flavor(small(1, 96)).await?;
    let host = t.host(0)?.name.clone();
    let request =
        BootRequest { flavor: FlavorChoice::Named(flavor.id), host: Some(host), ..BootRequest::default() };
    let mut guest = t.boot_request(request).await?;
    let in_files = |seen: &Seen| {
        let backing = &seen.domain.memory_backing;
        let line = seen.process.command_line.join(" ");
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
        ]
    };
    let controls = [
        Control::new("anonymous memory declared", |seen: Seen| seen.without_xml_lines("<source type='file'")),
        Control::new("anonymous memory used", Seen::without_command_line),
    ];
    let seen = t.look(&mut guest).await?;
    t.assert(&seen, in_files, &controls);
    let Some(there) = t.stage.hosts.get(1).cloned() else { return Ok(()) };
    t.live_migrate(&mut guest, Some(&there)).await?;
    let seen = t.look(&mut guest).await?;
    t.check_eq("host after the migration", &seen.host, &there);
    t.assert(&seen, in_files, &controls);
    Ok(())
}

async fn to_file_backed(t: &mut Test) -> Result<()> {
    let hosts: Vec<String> = t.inventory.hosts.iter().map(|host| host.name.clone()).collect();
    let (Some(here), Some(there)) = (hosts.first().cloned(), hosts.last().cloned()) else { return Ok(()) };
    let flavor = t.flavor(small(1, 96)).await?;
    let mut guest = t.boot_request(BootRequest { host: Some(here.clone()), ..of(&flavor) }).await?;
    let before = t.look(&mut guest).await?;
    let how = LiveMigration { host: Some(there.clone()), ..LiveMigration::default() };
    // Nova's own checks may let it through; libvirt then refuses the other memory.
    let reason = t.migration_refused("a move to a host with other memory", &mut guest, &how).await?;
    t.check("the move", !reason.is_empty(), &reason, "it is refused, or fails");
    let after = t.look(&mut guest).await?;
    let stayed = |after: &Seen| {
        vec![
            Check::eq("host afterwards", &after.host, &here).from("Nova, GET /servers/ID"),
            Check::eq("status afterwards", &after.server.status, &"ACTIVE".to_string())
                .from("Nova, GET /servers/ID"),
            Check::eq("its process", &after.process.pid, &before.process.pid).from("/proc/PID"),
            Check::eq("MiB booked on its host", &after.booked("MEMORY_MB"), &96).from("placement"),
        ]
    };
    let another = Control::new("another process", |mut seen: Seen| {
        seen.process.pid += 1;
        seen
    });
    t.assert(&after, stayed, &[another, Control::new("nothing is booked in placement", Seen::unbooked)]);
    let left = t.cloud.host(&there).await?.list_domains().await?;
    let left = left.iter().any(|line| line.name == after.domain.name);
    t.check_eq(format!("domain left on {there}"), &left, &false);
    Ok(())
}

async fn stable_compute_id(t: &mut Test) -> Result<()> {
    let hypervisors = t.cloud.hypervisors().await?;
    for host in t.inventory.hosts.clone() {
        let text = host.host.read_text("/var/lib/nova/compute_id").await?;
        let known = hypervisors.iter().find(|hypervisor| hypervisor.service.host == host.name);
        let known = known.map(|hypervisor| hypervisor.id.clone()).unwrap_or_default();
        t.add(
            Check::eq(format!("compute id of {}", host.name), &text.trim().to_string(), &known)
                .from("/var/lib/nova/compute_id, and Nova's GET /os-hypervisors"),
        );
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
         Steps: boot an image with hw_watchdog_action=reset; look.\n\
         Proves: the property of the image counts as the flavor's does.",
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
        "devices.PmuTest.test_off_to_on",
        "The performance counters are on or off as the flavor says.\n\
         Steps: hw:pmu=False; look; resize to True; look.\n\
         Proves: libvirt is told each.",
        |t| Box::pin(pmu(t)),
    )
    .without_network()
    .claims(Claims::TWO_HOSTS)
    .timeout(minutes(6))
    .tags(&["devices", "resize"]),
    Case::new(
        "devices.PmuTest.test_rebuild_on_to_off",
        "A rebuild takes the new image's word for the performance counters.\n\
         Steps: from an image with hw_pmu=true to one with hw_pmu=false; look.\n\
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
         Steps: compare /var/lib/nova/compute_id on each host with Nova's hypervisors.\n\
         Proves: they are the same.",
        |t| Box::pin(stable_compute_id(t)),
    )
    .needs(&[Need::Compute(Microversion(2, 95))])
    .tags(&["services"]),
];
