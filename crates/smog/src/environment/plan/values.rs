//! Values of /proc and /sys.

use super::super::change::ValueChange;
use super::draft::Draft;

impl Draft<'_> {
    pub(in crate::environment) fn value(&mut self, path: &str, wanted: &str, what: &str, by_zero: bool) {
        let now = self.values.iter().find(|change| change.path == path).map(|change| change.after.clone());
        match now.or_else(|| self.state.values.get(path).cloned()) {
            None => self.plan.cannot(format!("set {what}"), format!("there is no {path}")),
            Some(now) if same_value(&now, wanted) => {}
            Some(now) => {
                self.values.retain(|change| change.path != path);
                let before = self.state.values.get(path).cloned().unwrap_or(now);
                let (path, after, what) = (path.to_string(), wanted.to_string(), what.to_string());
                self.values.push(ValueChange { path, before, after, what, by_zero });
            }
        }
    }
}

/// The kernel gives `1\t2` for `1 2`.
pub(in crate::environment) fn same_value(one: &str, other: &str) -> bool {
    one.split_ascii_whitespace().eq(other.split_ascii_whitespace())
}
