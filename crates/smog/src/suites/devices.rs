//! `devices`: what a flavor or an image adds to a guest's machine.

use super::changes::{CUSTOM_CPU_MODEL, FILE_BACKED_MEMORY, FILE_BACKED_MEMORY_ON_LAST, SCREENS};
use super::{boot_with, check_gone, on, small};
use crate::cloud::server_actions as actions;
use crate::cloud::{LiveMigration, Microversion};
use crate::error::Result;
use crate::findings::expected::{
    self, A_WATCHDOG, AN_RNG, ANONYMOUS_MEMORY, NO_PMU, NO_RNG, NO_TABLET, NO_WATCHDOG, ONE_QUEUE, OTHER_CPU,
    OTHER_FLAVOR, OTHER_VIDEO, RUNS, cpu_model, has_queues, has_rng, has_tablet, has_video, has_watchdog,
    memory_in_file, names_flavor, no_watchdog, runs,
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
    t.assert(&seen, no_watchdog, A_WATCHDOG);
    Ok(())
}

async fn rng(t: &mut Test) -> Result<()> {
    let mut guest = boot_with(t, small(1, 96), &[("hw_rng_model", "virtio")]).await?;
    let seen = t.look(&mut guest).await?;
    t.assert(&seen, |seen| has_rng(seen, true), NO_RNG);
    Ok(())
}

async fn rng_not_allowed(t: &mut Test) -> Result<()> {
    let spec = small(1, 96).extra("hw_rng:allowed", "False");
    let mut guest = boot_with(t, spec, &[("hw_rng_model", "virtio")]).await?;
    let seen = t.look(&mut guest).await?;
    t.assert(&seen, |seen| has_rng(seen, false), AN_RNG);
    Ok(())
}

/// The guest has one video device, of this model.
fn check_video(t: &Test, seen: &Seen, model: &str) {
    t.assert(seen, |seen| has_video(seen, model), OTHER_VIDEO);
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

/// The performance counters are declared on or off.
fn check_pmu(t: &Test, seen: &Seen, on: bool) {
    t.assert(seen, |seen| expected::pmu(seen, on), NO_PMU);
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
    t.assert(&seen, has_tablet, NO_TABLET);
    Ok(())
}

async fn multiqueue(t: &mut Test) -> Result<()> {
    let properties = [("hw_vif_model", "virtio"), ("hw_vif_multiqueue_enabled", "true")];
    let mut guest = boot_with(t, small(2, 96), &properties).await?;
    let seen = t.look(&mut guest).await?;
    t.assert(&seen, |seen| has_queues(seen, 2), ONE_QUEUE);
    Ok(())
}

async fn flavor_metadata(t: &mut Test) -> Result<()> {
    let flavor = t.flavor(small(1, 96)).await?;
    let mut guest = t.boot_flavor(&flavor).await?;
    let seen = t.look(&mut guest).await?;
    t.assert(&seen, |seen| names_flavor(seen, &flavor.name, 96, 1), OTHER_FLAVOR);
    Ok(())
}

async fn cpu_flags(t: &mut Test) -> Result<()> {
    let mut guest = t.boot(small(1, 96)).await?;
    let seen = t.look(&mut guest).await?;
    t.assert(&seen, runs, RUNS);
    t.assert(&seen, |seen| cpu_model(seen, "Nehalem", "aes", "popcnt"), OTHER_CPU);
    Ok(())
}

async fn file_backed(t: &mut Test) -> Result<()> {
    let flavor = t.flavor(small(1, 96)).await?;
    let host = t.host(0)?.name.clone();
    let mut guest = t.boot_request(on(&flavor, &host)).await?;
    let seen = t.look(&mut guest).await?;
    t.assert(&seen, memory_in_file, ANONYMOUS_MEMORY);
    let Some(there) = t.stage.hosts.get(1).cloned() else { return Ok(()) };
    t.live_migrate(&mut guest, Some(&there)).await?;
    let seen = t.look(&mut guest).await?;
    t.check_eq("host after the migration", &seen.host().to_string(), &there);
    t.assert(&seen, memory_in_file, ANONYMOUS_MEMORY);
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
         Proves: the property of the image counts as the flavor's does, and overrides it.",
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
         Proves: libvirt has each of them.",
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
         Proves: the domain is defined for the new image.",
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
         Proves: libvirt gets each of them.",
        |t| Box::pin(pmu(t)),
    )
    .without_network()
    .claims(Claims::TWO_HOSTS)
    .timeout(minutes(8))
    .tags(&["devices", "resize"]),
    Case::new(
        "devices.PmuTest.test_rebuild",
        "A rebuild applies the new image's property for the performance counters.\n\
         Steps: from an image with hw_pmu=true to one with false, and to one with true; look at each.\n\
         Proves: libvirt gets each of them.",
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
        "A network interface has as many queues as the guest has vCPUs.\n\
         Steps: an image with hw_vif_multiqueue_enabled=true, 2 vCPUs; look at the domain.\n\
         Proves: the interface has 2 queues. Nova gives queues under KVM only.",
        |t| Box::pin(multiqueue(t)),
    )
    .needs(&[Need::Kvm])
    .tags(&["devices", "image"]),
    Case::new(
        "devices.MetadataTest.test_flavor",
        "The domain's metadata names its flavor.\n\
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
        "A guest does not move from a host without file-backed memory to a host with it.\n\
         Steps: file_backed_memory on one host; boot on another; live-migrate to the first.\n\
         Proves: it is refused or fails, the guest continues to run, and nothing of it is left there.",
        |t| Box::pin(to_file_backed(t)),
    )
    .without_network()
    .needs(&[Need::ComputeHosts(2)])
    .claims(Claims::TWO_HOSTS)
    .under(&FILE_BACKED_MEMORY_ON_LAST)
    .tags(&["memory", "migration"]),
    Case::new(
        "devices.StableComputeIdTest.test_file_matches_nova",
        "The file with a compute's id has the id that Nova knows.\n\
         Why: a host that was renamed must not become another compute in silence.\n\
         Steps: compare compute_id in nova-compute's state_path on each host with Nova's hypervisors.\n\
         Proves: they are the same.",
        |t| Box::pin(stable_compute_id(t)),
    )
    .needs(&[Need::Compute(Microversion(2, 95))])
    .tags(&["services"]),
];
