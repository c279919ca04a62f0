//! What a run is written down as: each form is a pure function of a [`RunReport`].
//!
//! [`summary_text`] for a terminal, [`html`] for people, [`junit`], [`subunit`] and
//! [`json_lines`] for programs, [`annotations`] for the page of a CI job. [`store`] keeps a
//! run, [`last`] and [`load`] bring it back.
//!
//! [`RunReport`]: super::RunReport

mod annotate;
#[cfg(test)]
mod fixture;
mod html;
mod json;
mod junit;
mod store;
mod subunit;
mod summary;
#[cfg(test)]
mod tests;
mod words;

pub use annotate::{Flavor, annotations};
pub use html::html;
pub use json::json_lines;
pub use junit::junit;
pub use store::{last, load, store};
pub use subunit::subunit;
pub use summary::summary_text;
