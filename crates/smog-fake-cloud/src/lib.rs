//! A scripted cloud with scripted hosts, for tests of smog without a lab.
//!
//! [`FakeCloud`] answers HTTP on loopback from a script. It can do what HTTP mocking libraries
//! cannot: hang up in mid-request. [`FakeHosts`] puts an `ssh` in front of `PATH`, behind which
//! each host answers commands. Both answer from a [`Recording`] of a real cloud what the script
//! does not name; [`Fake`] is the two together, with the variables that point `smog` at them.
//!
//! This crate knows nothing of smog's library, so that all crates' tests can use it.

mod cloud;
mod fake;
mod hosts;
mod mux;
mod questions;
mod recording;
mod script;
mod sosreport;

pub use cloud::{FakeCloud, token_body};
pub use fake::{Fake, Trouble};
pub use hosts::FakeHosts;
pub use recording::{HostAnswer, Recording};
pub use script::Script;
pub use sosreport::sosreport;

/// The password that the scripted cloud's users are given in tests.
pub const PASSWORD: &str = "4b6b6e5db1054988";
