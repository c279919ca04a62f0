//! Whether units are enabled and active.

use super::super::change::{UnitChange, UnitState};
use super::super::state::unit_name;
use super::draft::Draft;

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
