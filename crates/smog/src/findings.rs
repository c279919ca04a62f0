//! Facts in, findings out: what is wrong with a guest, a host or a cloud, by pure rules over
//! what Nova, placement, libvirt and the kernel say at one moment.
//!
//! A rule is a row of [`RULES`]: a name, a severity, where it is known from, and a function of a
//! [`GuestSnapshot`] or of a [`CloudSnapshot`]. `smog audit` judges a cloud by all of them,
//! `smog explain` one guest; suites and cases of one's own assert that a guest has no finding
//! ([`no_findings`]), and what they expect of it ([`expected`]).
//!
//! A new rule is a function in the file of its subject and a row in `findings/rules.rs`.

mod audit;
mod baseline;
mod check;
mod collect;
mod cpu_map;
mod details;
mod effective;
pub mod expected;
mod finding;
mod fix;
mod host_facts;
mod known;
mod nova_conf;
pub mod pinning;
mod reports;
mod rules;
mod seen;
mod snapshot;

pub(crate) use audit::exit_code;
pub use audit::{Audit, AuditRequest, Selection};
pub use baseline::Baseline;
pub(crate) use check::controlled;
pub use check::{Check, Control, no_findings};
pub use collect::{Scope, Source};
pub use cpu_map::CpuMap;
pub use details::{Details, Interrupt, NodePages, Program, SwitchPort};
pub use effective::{Compared, compare};
pub use finding::{Evidence, Finding, Layer, Severity, Subject, Unknown};
pub use fix::Fix;
pub(crate) use host_facts::is_remote;
pub use host_facts::{DomainSnapshot, HostSnapshot, Machine, RunningService};
pub use known::{BugSeen, KnownBug, KnownBugs};
pub use nova_conf::{CpuSets, NovaConf};
pub use reports::{junit, prometheus};
pub use rules::{Judge, Proof, RULES, Rule, rule};
pub use seen::Seen;
pub use snapshot::{CloudSnapshot, GuestSnapshot, Placement, ProviderSnapshot};
