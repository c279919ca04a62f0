//! Disks of images and flavors that do not fit each other.

use crate::cloud::{Call, Service};
use crate::error::{Error, Result};
use crate::suites::small;
use crate::testing::Test;
use serde_json::json;

/// An empty qcow2 image of so many GiB, as small a file as the format allows: a header, one
/// cluster of references, an empty table (docs/interop/qcow2.rst of QEMU).
pub(super) fn empty_qcow2(gib: u64) -> Vec<u8> {
    const CLUSTER: u64 = 64 * 1024;
    let size = gib << 30;
    let entries = size.div_ceil(CLUSTER * CLUSTER / 8);
    let mut file = Vec::new();
    let words: [&[u8]; 12] = [
        b"QFI\xfb",
        &2u32.to_be_bytes(),
        &0u64.to_be_bytes(),
        &0u32.to_be_bytes(),
        &16u32.to_be_bytes(),
        &size.to_be_bytes(),
        &0u32.to_be_bytes(),
        &(entries as u32).to_be_bytes(),
        &(3 * CLUSTER).to_be_bytes(),
        &CLUSTER.to_be_bytes(),
        &1u32.to_be_bytes(),
        &0u32.to_be_bytes(),
    ];
    words.iter().for_each(|word| file.extend_from_slice(word));
    file.extend_from_slice(&0u64.to_be_bytes());
    // The table of references names one block of counts, in which four clusters are in use.
    file.resize(CLUSTER as usize, 0);
    file.extend_from_slice(&(2 * CLUSTER).to_be_bytes());
    file.resize(2 * CLUSTER as usize, 0);
    (0..4).for_each(|_| file.extend_from_slice(&1u16.to_be_bytes()));
    file.resize(4 * CLUSTER as usize, 0);
    file
}

/// Order what smog itself would refuse, and which Nova must: its reason.
pub(super) async fn refused_unchecked(t: &mut Test, what: &str, image: &str, flavor: &str) -> Result<String> {
    let name = t.fresh_name("guest");
    t.step(format!("boot `{name}`, without smog's own check"));
    t.allow("NoValidHost");
    let body = json!({"server": {"name": name, "imageRef": image, "flavorRef": flavor, "networks": "none"}});
    let version = t.cloud.compute_microversion().await?;
    let reason = match t.cloud.call(Call::post(Service::Compute, "/servers", body).at(version)).await {
        Err(Error::Api { status, message, .. }) if status < 500 => return Ok(message),
        Err(why) => return Err(why),
        Ok(_) => {
            let server = t.cloud.server(&name).await?;
            match t.cloud.wait_for_status(&server.id, "ACTIVE", t.wait()).await {
                Err(Error::Fault { fault, .. }) => fault,
                Err(why) => return Err(why),
                Ok(_) => {
                    t.check(what, false, "it boots", "Nova refuses it");
                    String::new()
                }
            }
        }
    };
    Ok(reason)
}

pub(super) async fn disk_too_big(t: &mut Test) -> Result<()> {
    let image = t.image_of("qcow2", &empty_qcow2(2)).await?;
    let flavor = t.flavor(small(1, 96).disk_gib(1)).await?;
    t.expect_exception("FlavorDiskSmallerThanImage");
    t.allow("BuildAbortException");
    t.allow("RescheduledException");
    t.allow("MaxRetriesExceeded");
    let reason = refused_unchecked(t, "an image of 2 GiB on a disk of 1 GiB", &image.id, &flavor.id).await?;
    t.check_reason(&reason, &["too small"], "the disk of the flavor is too small for the image");
    Ok(())
}

pub(super) async fn min_disk(t: &mut Test) -> Result<()> {
    let image = t.image_with(&[]).await?;
    let call = Call::patch(
        Service::Image,
        format!("/images/{}", image.id),
        json!([{"op": "replace", "path": "/min_disk", "value": 2}]),
    );
    t.cloud.call(call.content_type("application/openstack-images-v2.1-json-patch")).await?;
    let flavor = t.flavor(small(1, 96).disk_gib(1)).await?;
    let what = "an image that needs 2 GiB, with a disk of 1 GiB";
    let reason = refused_unchecked(t, what, &image.id, &flavor.id).await?;
    t.check_reason(&reason, &["smaller", "too small"], "the disk of the flavor is too small");
    Ok(())
}
