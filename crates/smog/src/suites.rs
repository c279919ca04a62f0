//! The bundled suites.

use crate::testing::Case;

/// Every bundled case, in the order of the suites.
pub fn all() -> Vec<Case> {
    Vec::new()
}
