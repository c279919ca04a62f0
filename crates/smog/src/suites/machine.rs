//! `machine`: what kind of machine a guest is: its firmware, its own IOMMU.

use super::{boot_with, small};
use crate::cloud::server_actions as actions;
use crate::cloud::{BootRequest, FlavorChoice, Microversion};
use crate::error::Result;
use crate::findings::expected::{
    A_DISK, AN_IOMMU, NO_BIOS, NO_IOMMU, NO_REMAPPING, NO_SYSTEM_MANAGEMENT, NO_UEFI, bios, boots_cd, iommu,
    no_iommu, remaps, system_management, uefi,
};
use crate::flavor::FlavorSpec;
use crate::testing::{Case, Claims, Need, Seen, Test, minutes};

const UEFI: (&str, &str) = ("hw_firmware_type", "uefi");
const Q35: (&str, &str) = ("hw_machine_type", "q35");

/// Firmware wants more memory than a BIOS does.
fn roomy() -> FlavorSpec {
    small(1, 256)
}

/// The file of the firmware's variables is on the host.
async fn check_variables(t: &Test, seen: &Seen) -> Result<()> {
    let path = seen.domain().os.nvram.clone().unwrap_or_else(|| "/nonexistent".into());
    let exists = t.cloud.host(seen.host()).await?.exists(&path).await?;
    t.check_eq(format!("{path} on {}", seen.host()), &exists, &true);
    Ok(())
}

async fn uefi_and_rebuild(t: &mut Test) -> Result<()> {
    let mut guest = boot_with(t, roomy(), &[UEFI]).await?;
    let seen = t.look(&mut guest).await?;
    t.assert(&seen, |seen| uefi(seen, false), NO_UEFI);
    check_variables(t, &seen).await?;
    // The firmware prints on the serial port what it boots, or that there is nothing to boot.
    t.step("wait for the firmware's own words on the console");
    let said = t.console_until(&guest, "a line of UEFI's boot manager", |text| {
        text.lines().find(|line| line.contains("BdsDxe")).map(|line| line.trim().to_string())
    });
    let said = said.await?;
    t.check("the firmware", said.contains("BdsDxe"), said, "it runs");

    let plain = t.image().await?;
    t.order_to(&mut guest, actions::REBUILD.with("image", plain.id)).await?;
    let seen = t.look(&mut guest).await?;
    t.assert(&seen, bios, NO_BIOS);
    let again = t.image_with(&[UEFI]).await?;
    t.order_to(&mut guest, actions::REBUILD.with("image", again.id)).await?;
    let seen = t.look(&mut guest).await?;
    t.assert(&seen, |seen| uefi(seen, false), NO_UEFI);
    check_variables(t, &seen).await
}

async fn secure_boot(t: &mut Test) -> Result<()> {
    let mut guest = boot_with(t, roomy(), &[UEFI, Q35, ("os_secure_boot", "required")]).await?;
    let seen = t.look(&mut guest).await?;
    t.assert(&seen, |seen| uefi(seen, true), NO_UEFI);
    t.assert(&seen, system_management, NO_SYSTEM_MANAGEMENT);
    Ok(())
}

async fn viommu_intel(t: &mut Test) -> Result<()> {
    let spec = small(1, 96).extra("hw:viommu_model", "intel");
    let mut guest = boot_with(t, spec, &[Q35]).await?;
    let seen = t.look(&mut guest).await?;
    t.assert(&seen, |seen| iommu(seen, "intel", "intel-iommu"), NO_IOMMU);
    t.assert(&seen, remaps, NO_REMAPPING);
    t.resize(&mut guest, small(1, 112)).await?;
    let seen = t.look(&mut guest).await?;
    t.assert(&seen, no_iommu, AN_IOMMU);
    Ok(())
}

/// An image that is a CD (ISO 9660) as far as anybody looks: its volume descriptor.
fn empty_iso() -> Vec<u8> {
    let mut bytes = vec![0; 64 * 1024];
    bytes[0x8000..0x8007].copy_from_slice(b"\x01CD001\x01");
    bytes
}

async fn iso(t: &mut Test) -> Result<()> {
    let image = t.image_of("iso", &empty_iso()).await?;
    let request = BootRequest {
        image: Some(image.id),
        flavor: FlavorChoice::Made(Box::new(small(1, 96))),
        ..BootRequest::default()
    };
    let mut guest = t.boot_request(request).await?;
    let seen = t.look(&mut guest).await?;
    t.assert(&seen, boots_cd, A_DISK);
    t.order_to(&mut guest, actions::REBOOT.with("hard", true)).await?;
    let seen = t.look(&mut guest).await?;
    t.assert(&seen, boots_cd, A_DISK);
    Ok(())
}

/// Nova of 2023.1 has vIOMMUs; 2.95 is its newest microversion.
const ANTELOPE: Need = Need::Compute(Microversion(2, 95));

pub(super) const CASES: &[Case] = &[
    Case::new(
        "machine.UefiTest.test_uefi_boot_and_rebuild",
        "A guest has UEFI when its image asks for it, also after rebuilds.\n\
         Steps: boot an image with hw_firmware_type=uefi; look at domain, process, the file of variables\n\
         and the console; rebuild to an image without, and to one with it.\n\
         Proves: the firmware is there and runs; each rebuild makes the machine of its image.",
        |t| Box::pin(uefi_and_rebuild(t)),
    )
    .without_network()
    .needs(&[Need::Uefi])
    .claims(Claims::ONE_GUEST.memory_mib(384))
    .timeout(minutes(6))
    .tags(&["firmware", "image", "rebuild"]),
    Case::new(
        "machine.UefiTest.test_uefi_secure_boot",
        "A guest has secure boot when its image requires it.\n\
         Steps: boot an image with os_secure_boot=required on q35; look at domain and process.\n\
         Proves: the firmware is the secure one, and runs in system management mode.",
        |t| Box::pin(secure_boot(t)),
    )
    .without_network()
    .needs(&[Need::Uefi])
    .claims(Claims::ONE_GUEST.memory_mib(384))
    .tags(&["firmware", "image"]),
    Case::new(
        "machine.ViommuTest.test_intel_and_resize",
        "A guest has an Intel IOMMU when its flavor asks for it, and none after a resize to another flavor.\n\
         Steps: hw:viommu_model=intel on q35; look at domain and process; resize; look.\n\
         Proves: the device is there, remaps interrupts, and goes with the flavor.",
        |t| Box::pin(viommu_intel(t)),
    )
    .without_network()
    .needs(&[ANTELOPE])
    .claims(Claims::TWO_HOSTS)
    .timeout(minutes(6))
    .tags(&["devices", "resize"]),
    Case::new(
        "machine.IsoImageTest.test_boot_server_from_iso_image",
        "A guest of an ISO image boots from a CD, also after a hard reboot.\n\
         Steps: boot an image with disk_format=iso; look at domain and process; reboot hard; look.\n\
         Proves: its first disk is a CD drive, in libvirt and in QEMU.",
        |t| Box::pin(iso(t)),
    )
    .without_network()
    .tags(&["image", "reboot"]),
];
