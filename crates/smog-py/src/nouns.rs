//! Snapshots of what the APIs, libvirt and the kernel say.

mod api;
mod compared;
mod domain;
mod facts;
mod flavor;
mod guru;
mod host_line;
mod process;
mod record;
mod server;
mod trace;
mod triage;
mod why_not;

pub use api::{Aggregate, ComputeService, Hypervisor, Image, KeyPair, Network, Project, ServerGroup, User};
pub use compared::Compared;
pub use domain::Domain;
pub use facts::Facts;
pub use flavor::Flavor;
pub use guru::{Guru, MovedStacks, Stacks};
pub use host_line::HostLine;
pub use process::{GuestProcess, Thread};
pub use record::Record;
pub use server::Server;
pub use trace::Trace;
pub use triage::{FailedTest, ThrownKind, Triage};
pub use why_not::WhyNot;
