//! Booting a guest, and what becomes of a boot that is interrupted.

use std::collections::BTreeMap;
use std::sync::Arc;

use pyo3::prelude::*;
use smog::Error;
use smog::cloud::{BootMade, BootRequest, FlavorChoice, NetworkChoice, Nic};
use smog::why_not::WhyNotRequest;

use super::Cloud;
use crate::data::to_json;
use crate::enter::{Ctx, enter_or_undo};
use crate::errors::unusable;
use crate::flavor_spec::FlavorSpec;
use crate::guest::Guest;
use crate::host::Bytes;
use crate::name_of::NameOf;
use crate::nouns::Flavor;

/// A flavor: named, made for the guest, or the thing itself.
#[derive(FromPyObject)]
pub(crate) enum FlavorAsked {
    Name(String),
    Spec(Py<FlavorSpec>),
    Thing(Py<Flavor>),
}

/// A volume by name or id, or the size in GiB of a new one.
#[derive(FromPyObject)]
pub(crate) enum VolumeAsked {
    Size(u64),
    Name(String),
}

impl VolumeAsked {
    fn text(self) -> String {
        match self {
            VolumeAsked::Size(size) => size.to_string(),
            VolumeAsked::Name(name) => name,
        }
    }
}

#[pymethods]
impl Cloud {
    /// Boot a guest and wait until it is ACTIVE (`wait=False`: until Nova has taken the order).
    ///
    /// `flavor` is a name, a `Flavor`, or a `FlavorSpec`: then a flavor is made for the guest
    /// and deleted with it. `network` is a name, or `"none"`. Ctrl-C takes everything back (`keep=True`:
    /// all but the server, which Nova continues to boot).
    ///
    /// `volumes` are attached, by name or id, or new ones by their size in GiB; `boot_from_volume` is the
    /// size of a new volume that it boots from. New ones are deleted with the guest.
    ///
    /// Raises `BootException` when it goes to ERROR (it is kept for a look), `NotFound`,
    /// `Timeout`.
    ///
    /// >>> cloud.boot("web", flavor=FlavorSpec(ram_mib=128).pinned().pages("large"))
    /// <Guest web ACTIVE on cmp2, 1 vCPU>
    #[pyo3(signature = (
        name: "str", *, image: "str | Image | None" = None, flavor: "str | Flavor | FlavorSpec | None" = None,
        network: "str | Network | None" = None, host: "str | Host | None" = None,
        availability_zone: "str | None" = None, key_pair: "str | KeyPair | None" = None,
        server_group: "str | ServerGroup | None" = None, hints: "dict[str, Any] | None" = None,
        security_groups: "Sequence[str]" = vec![], config_drive: "bool" = false,
        user_data: "str | bytes | None" = None, metadata: "dict[str, str] | None" = None,
        tags: "Sequence[str]" = vec![], description: "str | None" = None,
        nics: "Sequence[dict[str, str | None]]" = vec![], volumes: "Sequence[str | int]" = vec![],
        boot_from_volume: "int | None" = None,
        wait: "bool" = true, keep: "bool" = false, timeout: "float" = 300.0
    ) -> "Guest")]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn boot(
        &self,
        py: Python<'_>,
        name: String,
        image: Option<NameOf>,
        flavor: Option<FlavorAsked>,
        network: Option<NameOf>,
        host: Option<NameOf>,
        availability_zone: Option<String>,
        key_pair: Option<NameOf>,
        server_group: Option<NameOf>,
        hints: Option<BTreeMap<String, Bound<'_, PyAny>>>,
        security_groups: Vec<String>,
        config_drive: bool,
        user_data: Option<Bytes>,
        metadata: Option<BTreeMap<String, String>>,
        tags: Vec<String>,
        description: Option<String>,
        nics: Vec<BTreeMap<String, Option<String>>>,
        volumes: Vec<VolumeAsked>,
        boot_from_volume: Option<u64>,
        wait: bool,
        keep: bool,
        timeout: f64,
    ) -> PyResult<Guest> {
        let hints = hints.unwrap_or_default().into_iter();
        let request = BootRequest {
            name,
            image: image.map(NameOf::name),
            flavor: match flavor {
                None => FlavorChoice::Smallest,
                Some(FlavorAsked::Name(name)) => FlavorChoice::Named(name),
                Some(FlavorAsked::Thing(flavor)) => FlavorChoice::Named(flavor.get().inner.id.clone()),
                Some(FlavorAsked::Spec(spec)) => FlavorChoice::Made(Box::new(spec.get().spec.clone())),
            },
            network: match network.map(NameOf::name) {
                None => NetworkChoice::Private,
                Some(name) if name == "none" => NetworkChoice::None,
                Some(name) => NetworkChoice::Named(name),
            },
            nics: nics.into_iter().map(|nic| card(py, nic)).collect::<PyResult<_>>()?,
            volumes: volumes.into_iter().map(VolumeAsked::text).collect(),
            boot_from_volume,
            host: host.map(NameOf::name),
            config_drive,
            user_data: user_data.map(Bytes::into_vec),
            key_pair: key_pair.map(NameOf::name),
            availability_zone,
            hints: hints.map(|(key, value)| Ok((key, to_json(&value)?))).collect::<PyResult<_>>()?,
            server_group: server_group.map(NameOf::name),
            tags,
            security_groups,
            description,
            metadata: metadata.unwrap_or_default(),
            ..BootRequest::default()
        };
        let (session, again) = (self.session.clone(), self.session.clone());
        let made = Arc::new([BootMade::default()]);
        let undone = made.clone();
        let work = |ctx: Ctx| async move {
            let cloud = session.cloud().await?;
            let tell = ctx.teller();
            let how = wait.then(|| crate::enter::wait(timeout, &tell));
            match ctx.unless_stopped("", cloud.boot_guest(&request, &made[0], how)).await {
                Err(Error::Interrupted { .. }) => {
                    ctx.tell("interrupted: what was begun is undone");
                    let left = cloud.take_back_boots(&*made, keep, TAKING_BACK).await;
                    Err(Error::Interrupted { left })
                }
                Err(why) => {
                    let asked = WhyNotRequest::of_boot(made[0].server().as_deref(), &request);
                    Err(cloud.with_why(why, &asked).await)
                }
                Ok(guest) => Ok(guest.server),
            }
        };
        let undo = move |_: smog::cloud::Server| async move {
            match again.cloud().await {
                Ok(cloud) => Some(Error::Interrupted {
                    left: cloud.take_back_boots(&*undone, keep, TAKING_BACK).await,
                }),
                Err(why) => Some(why),
            }
        };
        let server = enter_or_undo(py, work, undo)?;
        Ok(Guest::new(server, None, &self.session))
    }
}

/// An interface as the original's `NIC.to_dict()` gives it: `net-id`, `v4-fixed-ip`, `port-id`.
fn card(py: Python<'_>, nic: BTreeMap<String, Option<String>>) -> PyResult<Nic> {
    let of = |key: &str| nic.get(key).cloned().flatten();
    let card = match (of("port-id"), of("net-id")) {
        (Some(port), _) => Nic::port(port),
        (None, Some(network)) => Nic::network(network),
        (None, None) => {
            return Err(unusable(
                py,
                "the network interface",
                "it names neither `net-id` nor `port-id`",
                None,
            ));
        }
    };
    Ok(match of("v4-fixed-ip").or_else(|| of("v6-fixed-ip")) {
        Some(address) => card.with_address(address),
        None => card,
    })
}

/// For so long an interrupted boot waits until its server is deleted.
const TAKING_BACK: smog::wait::Wait<'static> = smog::wait::Wait {
    timeout: std::time::Duration::from_secs(60),
    every: std::time::Duration::from_millis(500),
    tell: smog::wait::SILENT,
};
