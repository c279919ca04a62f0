//! `sanity`: the things a cloud must do before anything else is worth testing.

mod consoles;
mod disk_sizes;

use super::changes::{SERIAL_CONSOLES, VFAT_CONFIG_DRIVE};
use super::{
    boot_with, check_gone, check_new_process, check_on_shared, console, of, on, reboot_softly,
    shelve_offloaded, small,
};
use crate::cloud::server_actions as actions;
use crate::cloud::{BootRequest, Order};
use crate::error::{Error, Result};
use crate::findings::expected::{
    A_CONFIG_DRIVE, CONFIG_DRIVE, NO_RESCUE, RUNS, config_drive, config_drives, disk_files, no_config_drive,
    rescued, runs,
};
use crate::guest::Guest;
use crate::testing::{Case, Claims, Control, Need, Test, minutes};
use consoles::{console_log, serial_console};
use disk_sizes::{disk_too_big, min_disk};

async fn bringup(t: &mut Test) -> Result<()> {
    let mut guest = t.boot(small(1, 96)).await?;
    let seen = t.look(&mut guest).await?;
    t.assert(&seen, runs, RUNS);
    check_on_shared(t, &seen);
    let address = guest.address().unwrap_or_default().to_string();
    t.check("its address", !address.is_empty(), &address, "one");
    if console::reports(t).await? {
        let report = console::report(t, &guest).await?;
        let nic = report.get("nic").unwrap_or_default().to_string();
        t.check("the address the guest has", nic.contains(&address), nic, &address);
    }
    t.delete(&guest).await?;
    check_gone(t, seen.host(), &seen.domain().name).await?;
    let booked = t.cloud.allocations(&guest.server.id).await?;
    t.check_eq("allocations left in placement", &booked.len(), &0);
    Ok(())
}

/// Carry an order out, and check the status it leads to.
async fn leads_to(t: &Test, guest: &mut Guest, order: Order, status: &str) -> Result<()> {
    let name = order.name();
    t.order_to(guest, &order).await?;
    guest.refresh().await?;
    t.check_eq(format!("status after {name}"), &guest.server.status, &status.to_string());
    Ok(())
}

/// Give an order that does not fit the state: Nova must refuse it as a conflict.
async fn conflicts(t: &Test, guest: &Guest, order: Order) -> Result<()> {
    let what = format!("{} of a server that is {}", order.name(), guest.server.status);
    match t.cloud.give(&guest.server, &order).await {
        Err(Error::Api { status: 409, message, .. }) => {
            t.check(what, true, format!("409: {message}"), "a conflict (409)");
        }
        Err(why) => {
            t.check(what, false, why.to_string(), "a conflict (409)");
        }
        Ok(_) => {
            t.check(what, false, "it is accepted", "a conflict (409)");
        }
    }
    Ok(())
}

async fn server_actions(t: &mut Test) -> Result<()> {
    let mut guest = t.boot(small(1, 96)).await?;
    conflicts(t, &guest, actions::START.order()).await?;
    conflicts(t, &guest, actions::UNPAUSE.order()).await?;
    leads_to(t, &mut guest, actions::PAUSE.order(), "PAUSED").await?;
    conflicts(t, &guest, actions::PAUSE.order()).await?;
    conflicts(t, &guest, actions::SUSPEND.order()).await?;
    leads_to(t, &mut guest, actions::UNPAUSE.order(), "ACTIVE").await?;
    leads_to(t, &mut guest, actions::SUSPEND.order(), "SUSPENDED").await?;
    conflicts(t, &guest, actions::PAUSE.order()).await?;
    leads_to(t, &mut guest, actions::RESUME.order(), "ACTIVE").await?;
    leads_to(t, &mut guest, actions::STOP.order(), "SHUTOFF").await?;
    let process = t.cloud.host(&guest.server.host.clone().unwrap_or_default()).await?;
    let gone = process.guest_process(&guest.server.id).await;
    let text = gone.as_ref().map_or_else(ToString::to_string, |process| format!("pid {}", process.pid));
    t.check("process of a stopped guest", matches!(gone, Err(Error::NotFound { .. })), text, "none");
    conflicts(t, &guest, actions::STOP.order()).await?;
    conflicts(t, &guest, actions::PAUSE.order()).await?;
    leads_to(t, &mut guest, actions::START.order(), "ACTIVE").await?;
    let seen = t.look(&mut guest).await?;
    t.assert(&seen, runs, RUNS);
    Ok(())
}

/// Something that is so or is not, the other way round.
const OTHERWISE: Control<bool> = Control::new("the other way round", |so| !so);

async fn lock(t: &mut Test) -> Result<()> {
    let mut guest = t.boot(small(1, 96)).await?;
    t.cloud.give(&guest.server, &actions::LOCK).await?;
    guest.refresh().await?;
    t.check_same("locked", &guest.server.locked, &true, OTHERWISE);
    t.cloud.give(&guest.server, &actions::UNLOCK).await?;
    guest.refresh().await?;
    t.check_same("locked, after unlock", &guest.server.locked, &false, OTHERWISE);
    Ok(())
}

async fn with_config_drive(t: &mut Test, vfat: bool) -> Result<()> {
    let flavor = t.flavor(small(1, 96)).await?;
    let from = t.host(0)?.name.clone();
    let request = BootRequest { config_drive: true, host: Some(from.clone()), ..of(&flavor) };
    let mut guest = t.boot_request(request).await?;
    let seen = t.look(&mut guest).await?;
    t.assert(&seen, |seen| config_drive(seen, vfat), CONFIG_DRIVE);
    if console::reports(t).await? {
        let report = console::report(t, &guest).await?;
        let line = report.get("config-drive").unwrap_or_default().to_string();
        let wanted = if vfat { "yes (vfat)" } else { "yes (iso9660)" };
        t.check("config drive the guest sees", line.starts_with(wanted), &line, wanted);
        let uuid = format!("uuid={}", guest.server.id);
        t.check("server id on it", line.contains(&uuid), &line, &uuid);
    }
    let Some(there) = t.stage.hosts.get(1).cloned() else { return Ok(()) };
    t.live_migrate(&mut guest, Some(&there)).await?;
    let seen = t.look(&mut guest).await?;
    t.check_eq("host after the migration", &seen.host().to_string(), &there);
    t.assert(&seen, |seen| config_drive(seen, vfat), CONFIG_DRIVE);
    let path = config_drives(&seen).next().map_or("/nonexistent", |(_, path)| path);
    let exists = t.cloud.host(&there).await?.exists(path).await?;
    t.check_eq(format!("the drive's file on {there}"), &exists, &true);
    Ok(())
}

async fn mandatory_config_drive(t: &mut Test) -> Result<()> {
    let mut guest = boot_with(t, small(1, 96), &[("img_config_drive", "mandatory")]).await?;
    let seen = t.look(&mut guest).await?;
    t.assert(&seen, |seen| config_drive(seen, false), CONFIG_DRIVE);
    Ok(())
}

async fn rescue(t: &mut Test) -> Result<()> {
    let mut guest = t.boot(small(1, 96)).await?;
    let before = t.look(&mut guest).await?;
    t.order_to(&mut guest, &actions::RESCUE).await?;
    guest.refresh().await?;
    t.check_eq("status after rescue", &guest.server.status, &"RESCUE".to_string());
    let in_rescue = t.look(&mut guest).await?;
    let (own, here) = (disk_files(&before), in_rescue.host().to_string());
    t.assert(&in_rescue, |seen| rescued(seen, &own), NO_RESCUE);
    check_new_process(t, &before, &in_rescue);
    t.order_to(&mut guest, &actions::UNRESCUE).await?;
    let after = t.look(&mut guest).await?;
    t.check_eq("disks after unrescue", &disk_files(&after), &own);
    t.assert(&after, runs, RUNS);
    let left = t.cloud.host(&here).await?;
    for disk in disk_files(&in_rescue).iter().filter(|disk| disk.ends_with(".rescue")) {
        t.check_eq(format!("{disk} left on {here}"), &left.exists(disk).await?, &false);
    }
    Ok(())
}

async fn config_drive_iso(t: &mut Test) -> Result<()> {
    with_config_drive(t, false).await
}

async fn config_drive_vfat(t: &mut Test) -> Result<()> {
    with_config_drive(t, true).await
}

async fn without_config_drive(t: &mut Test) -> Result<()> {
    let mut guest = t.boot(small(1, 96)).await?;
    let seen = t.look(&mut guest).await?;
    t.assert(&seen, no_config_drive, A_CONFIG_DRIVE);
    Ok(())
}

async fn reboot_soft(t: &mut Test) -> Result<()> {
    let mut guest = t.boot(small(1, 96)).await?;
    if console::reports(t).await? {
        // A guest that has not booted yet hears no power button.
        console::report(t, &guest).await?;
    }
    let before = t.look(&mut guest).await?;
    let after = reboot_softly(t, &mut guest, &before).await?;
    t.check_eq("host", &after.host(), &before.host());
    t.assert(&after, runs, RUNS);
    Ok(())
}

async fn reboot_hard(t: &mut Test) -> Result<()> {
    let mut guest = t.boot(small(1, 96)).await?;
    let before = t.look(&mut guest).await?;
    t.order_to(&mut guest, actions::REBOOT.with("hard", true)).await?;
    let after = t.look(&mut guest).await?;
    check_new_process(t, &before, &after);
    t.check_eq("domain", &after.domain().name, &before.domain().name);
    t.assert(&after, runs, RUNS);
    Ok(())
}

async fn cold_migration(t: &mut Test) -> Result<()> {
    let flavor = t.flavor(small(1, 96)).await?;
    let from = t.host(0)?.name.clone();
    let mut guest = t.boot_request(on(&flavor, &from)).await?;
    t.order_to(&mut guest, &actions::COLD_MIGRATE).await?;
    t.order_to(&mut guest, &actions::CONFIRM_RESIZE).await?;
    let seen = t.look(&mut guest).await?;
    t.check(
        "host after the migration",
        seen.host() != from,
        seen.host().to_string(),
        format!("any but {from}"),
    );
    t.assert(&seen, runs, RUNS);
    Ok(())
}

async fn resize_revert(t: &mut Test) -> Result<()> {
    let mut guest = t.boot(small(1, 96)).await?;
    let before = t.look(&mut guest).await?;
    let flavor = t.flavor(small(1, 128)).await?;
    t.order_to(&mut guest, actions::RESIZE.with("flavor", flavor.id)).await?;
    let between = t.look(&mut guest).await?;
    t.check_eq("MiB after the resize", &(between.domain().memory_kib / 1024), &128);
    t.order_to(&mut guest, &actions::REVERT_RESIZE).await?;
    let after = t.look(&mut guest).await?;
    t.check_eq("MiB after the revert", &(after.domain().memory_kib / 1024), &96);
    t.check_eq("host after the revert", &after.host(), &before.host());
    t.assert(&after, runs, RUNS);
    Ok(())
}

async fn rebuild(t: &mut Test) -> Result<()> {
    let mut guest = t.boot(small(1, 96)).await?;
    let before = t.look(&mut guest).await?;
    let image = t.image_with(&[("smog", "rebuilt")]).await?;
    t.order_to(&mut guest, actions::REBUILD.with("image", image.id.clone())).await?;
    let after = t.look(&mut guest).await?;
    t.check_eq("host after the rebuild", &after.host(), &before.host());
    t.check_eq("image after the rebuild", &after.server.image, &Some(image.id));
    t.assert(&after, runs, RUNS);
    Ok(())
}

async fn shelve(t: &mut Test) -> Result<()> {
    let mut guest = t.boot(small(1, 96)).await?;
    let before = t.look(&mut guest).await?;
    shelve_offloaded(t, &mut guest, &before).await?;
    t.order_to(&mut guest, &actions::UNSHELVE).await?;
    let after = t.look(&mut guest).await?;
    t.assert(&after, runs, RUNS);
    Ok(())
}

pub(super) const CASES: &[Case] = &[
    Case::new(
        "sanity.SanityTest.test_bringup_instance",
        "A guest boots, and is deleted without a trace.\n\
         Steps: boot; compare Nova, libvirt, kernel and placement; read its console; delete it.\n\
         Proves: all layers agree while it runs, and nothing is left on any of them afterwards.",
        |t| Box::pin(bringup(t)),
    )
    .tags(&["smoke"]),
    Case::new(
        "sanity.SanityTest.test_qcow_too_big",
        "An image larger than the flavor's disk is refused.\n\
         Steps: upload an empty qcow2 of 2 GiB; boot it on a disk of 1 GiB.\n\
         Proves: the real size counts, which only the image's header has.",
        |t| Box::pin(disk_too_big(t)),
    )
    .without_network()
    .tags(&["image", "negative"]),
    Case::new(
        "sanity.SanityTest.test_min_disk",
        "An image that needs a larger disk than the flavor has is refused by the API.\n\
         Steps: min_disk=2 on the image, a disk of 1 GiB in the flavor.\n\
         Proves: refused before a host is asked.",
        |t| Box::pin(min_disk(t)),
    )
    .without_network()
    .tags(&["image", "negative"]),
    Case::new(
        "sanity.SanityTest.test_server_actions",
        "Server actions lead to their states, and actions that do not fit are conflicts.\n\
         Steps: pause, suspend, stop, start; before and after each, actions that are not allowed.\n\
         Proves: every status is reached, every wrong action gets 409, a stopped guest has no process.",
        |t| Box::pin(server_actions(t)),
    )
    .timeout(minutes(6))
    .tags(&["actions"]),
    Case::new(
        "sanity.SanityTest.test_lock",
        "A server can be locked and unlocked.\n\
         Steps: lock; look; unlock; look.\n\
         Proves: the API shows it.",
        |t| Box::pin(lock(t)),
    )
    .without_network()
    .tags(&["actions"]),
    Case::new(
        "sanity.ConfigDriveTest.test_config_drive",
        "A config drive is made, seen by the guest, and survives a migration.\n\
         Steps: boot with one; look in the domain XML and on the console; live-migrate; look again.\n\
         Proves: iso9660 as a CD, with the server's id on it, on both hosts.",
        |t| Box::pin(config_drive_iso(t)),
    )
    .needs(&[Need::ComputeHosts(2)])
    .claims(Claims::TWO_HOSTS)
    .tags(&["config-drive", "migration"]),
    Case::new(
        "sanity.ConfigDriveTest.test_vfat_migration",
        "A config drive in vfat is a disk, and survives a migration.\n\
         Steps: with config_drive_format=vfat, as test_config_drive.\n\
         Proves: the option is followed, and the drive moves along.",
        |t| Box::pin(config_drive_vfat(t)),
    )
    .needs(&[Need::ComputeHosts(2), Need::LoopDevices])
    .claims(Claims::TWO_HOSTS)
    .under(&VFAT_CONFIG_DRIVE)
    .tags(&["config-drive", "migration"]),
    Case::new(
        "sanity.ConfigDriveTest.test_mandatory_no_config",
        "An image that requires a config drive gets one.\n\
         Steps: boot an image with img_config_drive=mandatory, without asking for a drive; look.\n\
         Proves: the property of the image is enough.",
        |t| Box::pin(mandatory_config_drive(t)),
    )
    .without_network()
    .tags(&["config-drive", "image"]),
    Case::new(
        "sanity.ConfigDriveTest.test_no_config_drive",
        "There is no config drive unless it is asked for.\n\
         Steps: boot; look in the domain XML.\n\
         Proves: none is attached.",
        |t| Box::pin(without_config_drive(t)),
    )
    .without_network()
    .needs(&[Need::NoForcedConfigDrive])
    .tags(&["config-drive"]),
    Case::new(
        "sanity.SerialConsoleTest.test_talk",
        "A guest answers on its serial console.\n\
         Steps: [serial_console]enabled on the computes; boot; ask Nova for the console's address and\n\
         what its token stands for; type into the port on the host, and read the answer.\n\
         Proves: the port of the domain is the one Nova leads to, and the guest is behind it. The\n\
         web socket of nova-serialproxy is not used.",
        |t| Box::pin(serial_console(t)),
    )
    .without_network()
    .under(&SERIAL_CONSOLES)
    .tags(&["console"]),
    Case::new(
        "sanity.SanityTest.test_console_log",
        "Nova's console log is the guest's.\n\
         Steps: wait for the guest's report; compare Nova's answer with the file on the host.\n\
         Proves: both have the same boot; the number of lines is respected.",
        |t| Box::pin(console_log(t)),
    )
    .without_network()
    .tags(&["console"]),
    Case::new(
        "sanity.SanityTest.test_reboot_soft",
        "A soft reboot restarts the guest on its host.\n\
         Steps: boot until the guest hears the power button; reboot; compare processes.\n\
         Proves: a new process, the same host, all layers agree.",
        |t| Box::pin(reboot_soft(t)),
    )
    .timeout(minutes(6))
    .tags(&["actions", "reboot"]),
    Case::new(
        "sanity.SanityTest.test_reboot_hard",
        "A hard reboot recreates the domain.\n\
         Steps: reboot hard; compare processes.\n\
         Proves: a new process under the same name, all layers agree.",
        |t| Box::pin(reboot_hard(t)),
    )
    .tags(&["actions", "reboot"]),
    Case::new(
        "sanity.SanityTest.test_rescue",
        "A guest is rescued and unrescued.\n\
         Steps: rescue; look at its disks; unrescue; look.\n\
         Proves: it boots from a rescue disk with its own disk as the second one, and the rescue disk is\n\
         gone from the host afterwards.",
        |t| Box::pin(rescue(t)),
    )
    .without_network()
    .needs(&[Need::LocalStorage])
    .tags(&["actions", "rescue"]),
    Case::new(
        "sanity.SanityTest.test_cold_migration",
        "A cold migration moves a guest.\n\
         Steps: migrate; confirm; look at the new host.\n\
         Proves: it runs there, and all layers agree.",
        |t| Box::pin(cold_migration(t)),
    )
    .needs(&[Need::ComputeHosts(2)])
    .claims(Claims::TWO_HOSTS)
    .tags(&["actions", "migration"]),
    Case::new(
        "sanity.SanityTest.test_resize_revert",
        "A resize can be reverted.\n\
         Steps: resize to more memory; look; revert; look.\n\
         Proves: memory and host are as before.",
        |t| Box::pin(resize_revert(t)),
    )
    .needs(&[Need::ComputeHosts(2)])
    .claims(Claims::TWO_HOSTS)
    .timeout(minutes(6))
    .tags(&["actions", "resize"]),
    Case::new(
        "sanity.SanityTest.test_rebuild",
        "A rebuild takes another image on the same host.\n\
         Steps: rebuild from another image; look.\n\
         Proves: the image is the new one, host and server are not.",
        |t| Box::pin(rebuild(t)),
    )
    .tags(&["actions", "rebuild"]),
    Case::new(
        "sanity.SanityTest.test_shelve",
        "A shelved server takes no resources, and comes back.\n\
         Steps: shelve and offload; look at host and placement; unshelve; look.\n\
         Proves: nothing is booked or defined meanwhile, and it runs again.",
        |t| Box::pin(shelve(t)),
    )
    .timeout(minutes(6))
    .tags(&["actions"]),
];

#[cfg(test)]
mod tests {
    #[test]
    fn an_empty_qcow2_is_four_clusters_long() {
        let file = super::disk_sizes::empty_qcow2(2);
        assert_eq!(file.len(), 4 * 65536);
        assert_eq!(&file[24..32], &(2u64 << 30).to_be_bytes(), "its size");
        assert_eq!(&file[36..40], &4u32.to_be_bytes(), "entries of its table");
    }
}
