//! Whether units are enabled and active: `--service`.

use super::super::change::{UnitChange, UnitState};
use super::super::plan::Draft;
use super::super::state::HostState;
use super::super::wish::{Target, Wish, targeted};
use super::{Look, Preparable, Thing, Want};
use crate::error::{Error, Result};

pub(super) const ROW: Preparable = Preparable {
    name: "service",
    keyword: "services",
    form: "[WHO/]UNIT=WORDS",
    example: "ksm=disabled,inactive",
    help: "Desired state of a service: ksm=disabled,inactive",
    add: |wish, text, _| wish.with_service(text),
    ..Preparable::PLAIN
};

/// How a unit shall be; `None` leaves it.
pub(super) struct Unit<'a> {
    pub(super) unit: &'a str,
    pub(super) enabled: Option<bool>,
    pub(super) active: Option<bool>,
}

impl Thing for Unit<'_> {
    fn name(&self) -> String {
        self.unit.into()
    }

    fn look(&self, _: &HostState, _: &Target, look: &mut Look) {
        look.unit(unit_name(self.unit));
    }

    fn plan(&self, _: &Target, host: &mut Draft<'_>) -> Result<()> {
        host.unit(self.unit, self.enabled, self.active);
        Ok(())
    }
}

/// A unit's whole name.
fn unit_name(unit: &str) -> String {
    if unit.contains('.') { unit.to_string() } else { format!("{unit}.service") }
}

impl Wish {
    /// Read what a person wrote after `--service`: `[WHO/]UNIT=WORDS`, where the words are
    /// `enabled` or `disabled`, and `active` or `inactive`, with a comma between.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the form.
    pub fn with_service(self, text: &str) -> Result<Wish> {
        let (target, rest) = targeted(text);
        let parsed = rest.split_once('=').and_then(|(unit, words)| {
            let (mut enabled, mut active) = (None, None);
            for word in words.split(',') {
                match word.trim() {
                    "enabled" => enabled = Some(true),
                    "disabled" => enabled = Some(false),
                    "active" => active = Some(true),
                    "inactive" => active = Some(false),
                    _ => return None,
                }
            }
            (!unit.is_empty()).then(|| Want::Unit { unit: unit.to_string(), enabled, active })
        });
        let want = parsed.ok_or_else(|| Error::Invalid {
            what: format!("service `{text}`"),
            why: "not of the form UNIT=enabled,active".into(),
            hint: Some("as in cmp1/neutron-openvswitch-agent=inactive, or ksm=disabled,inactive".into()),
        })?;
        Ok(self.with(target.unwrap_or(Target::Computes), want))
    }
}

impl Draft<'_> {
    pub(super) fn unit(&mut self, unit: &str, enabled: Option<bool>, active: Option<bool>) {
        let full = unit_name(unit);
        let Some(service) = self.state.units.get(&full) else {
            self.plan.cannot(format!("change {full}"), "this unit does not exist");
            return;
        };
        let before =
            UnitState { enabled: service.enabled.starts_with("enabled"), active: service.is_active() };
        if enabled.is_some_and(|wanted| wanted != before.enabled)
            && !matches!(service.enabled.as_str(), "enabled" | "disabled")
        {
            let why = format!("it is {}, which `systemctl enable` does not change", service.enabled);
            self.plan.cannot(format!("enable or disable {full}"), why);
            return;
        }
        let after =
            UnitState { enabled: enabled.unwrap_or(before.enabled), active: active.unwrap_or(before.active) };
        if before != after {
            self.units.push(UnitChange { unit: full, before, after });
        }
    }
}
