//! smog: explore OpenStack Nova from the API down to the kernel, and test it white-box.
//!
//! In reading order: a [`Cloud`] is an authenticated session; [`Host`](host::Host) is a
//! machine commands run on; a [`Domain`](libvirt::Domain) is what libvirt says; a
//! [`Guest`] joins the three.
//!
//! ```no_run
//! # async fn example() -> smog::Result<()> {
//! let cloud = smog::connect().await?;
//! for guest in cloud.discover().await?.guests {
//!     println!("{} is {} on {:?}", guest.name(), guest.server.status, guest.server.host);
//! }
//! # Ok(()) }
//! ```

#![warn(missing_docs, clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

pub mod cloud;
pub mod config;
mod cpuset;
pub mod doctor;
pub mod environment;
mod error;
mod exit;
pub mod explain;
pub mod findings;
pub mod flavor;
pub mod guest;
pub mod guru;
mod hex;
pub mod hint;
pub mod host;
mod json_words;
pub mod libvirt;
mod near;
pub mod oslo;
mod private_folder;
mod quote;
pub mod recording;
pub mod redact;
pub mod show;
mod some_of;
pub mod suites;
pub mod testing;
pub mod topology;
pub mod trace;
pub mod triage;
pub mod wait;
pub mod watch;
pub mod why_not;

pub use cloud::Cloud;
pub use cpuset::Cpuset;
pub use error::{Error, Result};
pub use exit::ExitCode;
pub use guest::Guest;
pub use json_words::json_words;
pub use near::near;
pub use private_folder::{private_file, private_folder, record_folder};
pub use quote::{quote, quote_all};

/// Log in to the cloud this process's environment names: `OS_*` variables,
/// clouds.yaml, smog.yml.
///
/// # Errors
/// As [`config::Surroundings::settings`] and [`Cloud::connect`].
pub async fn connect() -> Result<Cloud> {
    let settings = config::Surroundings::of_process().settings()?;
    Cloud::connect(&settings, cloud::Options::default()).await
}
