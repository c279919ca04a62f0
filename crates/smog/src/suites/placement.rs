//! `placement`: what hosts say of themselves in placement, and that servers go by it.

use super::changes::PROVIDER_YAML;
use super::{boots_without, of, small};
use crate::environment::{OptionWish, Target, Want, Wish};
use crate::error::Result;
use crate::testing::{Case, Check, Claims, Control, Need, Test, minutes};
use crate::wait;

/// A folder that every Linux host has and nothing of Nova's is in (Filesystem Hierarchy Standard).
const FOLDER: &str = "/usr/local/etc";

/// The host gives itself a trait (Nova's "Managing Resource Providers Using Config Files").
fn with_trait(host: &str, name: &str) -> Wish {
    let text = format!(
        "# Made by a test of smog; restoring removes it.\n\
         meta:\n  schema_version: '1.0'\n\
         providers:\n  - identification:\n      uuid: $COMPUTE_NODE\n\
         \x20   traits:\n      additional:\n        - {name}\n"
    );
    let option = OptionWish {
        file: "nova.conf".into(),
        section: "compute".into(),
        key: "provider_config_location".into(),
        values: vec![FOLDER.into()],
    };
    let to = || Target::Host(host.to_string());
    Wish::new()
        .with(to(), Want::File { path: format!("{FOLDER}/smog-provider.yaml"), text })
        .with(to(), Want::Option(option))
}

/// The hosts whose providers have a trait.
async fn hosts_with(t: &Test, name: &str) -> Result<Vec<String>> {
    let providers = t.cloud.providers_with_trait(name).await?;
    Ok(providers.into_iter().map(|provider| provider.name).collect())
}

async fn provider_yaml(t: &mut Test) -> Result<()> {
    let hypervisors = t.cloud.hypervisors_without_uptime().await?;
    let name_of = |host: &str| {
        let found = hypervisors.iter().find(|hypervisor| hypervisor.service.host == host);
        found.map(|hypervisor| hypervisor.hypervisor_hostname.clone()).unwrap_or_default()
    };
    let host = t.host(1)?.name.clone();
    let wanted = vec![name_of(&host)];
    let name = t.fresh_trait();
    t.prepare(&with_trait(&host, &name)).await?;
    t.step(format!("wait for {name} in placement"));
    let what = format!("{host} to have trait {name}");
    let found = wait::until(&what, t.wait(), || async {
        let found = hosts_with(t, &name).await?;
        Ok(if found.is_empty() {
            wait::Seen::NotYet("no host has it".into())
        } else {
            wait::Seen::Done(found)
        })
    })
    .await?;
    let only_there = |hosts: &Vec<String>| {
        vec![
            Check::eq("hosts with the trait", hosts, &wanted)
                .from("placement, GET /resource_providers?required=TRAIT"),
        ]
    };
    let controls =
        [Control::new("none", |_| Vec::new()), Control::new("another", |_| vec!["elsewhere".to_string()])];
    t.assert(&found, only_there, &controls);

    let flavor = t.flavor(small(1, 96).extra(format!("trait:{name}"), "required")).await?;
    let mut places = Vec::new();
    for _ in 0..2 {
        let guest = t.boot_request(of(&flavor)).await?;
        places.push(guest.server.host.clone().unwrap_or_default());
    }
    let here = |places: &Vec<String>| {
        let all = !places.is_empty() && places.iter().all(|place| *place == host);
        vec![Check::that("hosts of the guests", all, places.join(", "), &host).from("Nova, GET /servers/ID")]
    };
    let elsewhere = Control::new("one elsewhere", |mut places: Vec<String>| {
        places.push("elsewhere".into());
        places
    });
    t.assert(&places, here, &[elsewhere]);
    Ok(())
}

async fn unknown_trait(t: &mut Test) -> Result<()> {
    let name = t.fresh_trait();
    boots_without(t, "the trait", small(1, 96)).await?;
    let flavor = t.flavor(small(1, 96).extra(format!("trait:{name}"), "required")).await?;
    let reason = t.refused("a trait that no host has", of(&flavor)).await?;
    t.check_reason(&reason, &["No valid host", &name], "no host has it");
    Ok(())
}

pub(super) const CASES: &[Case] = &[
    Case::new(
        "placement.ProviderYamlTest.test_valid_trait",
        "A host gets a trait from a provider.yaml file, and guests that require it go there.\n\
         Why: operators mark hosts this way; Nova never takes such a trait back.\n\
         Steps: write a provider.yaml on one host and restart its nova-compute; wait for the trait in\n\
         placement; boot two guests whose flavor requires it; the file and the trait are taken away.\n\
         Proves: that host alone has the trait, and each guest is on it.",
        |t| Box::pin(provider_yaml(t)),
    )
    .without_network()
    .needs(&[Need::ComputeHosts(2)])
    .claims(Claims::ALONE)
    .under(&PROVIDER_YAML)
    .timeout(minutes(6))
    .tags(&["placement", "services"]),
    Case::new(
        "placement.ProviderYamlTest.test_invalid_trait",
        "A guest that requires a trait no host has is refused.\n\
         Steps: boot a flavor; ask for the same with trait:CUSTOM_…=required.\n\
         Proves: Nova says why, and no guest is anywhere.",
        |t| Box::pin(unknown_trait(t)),
    )
    .without_network()
    .tags(&["placement"]),
];
