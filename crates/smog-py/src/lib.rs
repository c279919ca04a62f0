//! The Python face of smog: names, documents and types over the core. The package around
//! it is `python/smog`.

mod cloud;
mod connect;
mod data;
mod enter;
mod environment;
mod errors;
mod flavor_spec;
mod guest;
mod guest_actions;
mod guest_parts;
mod guest_volumes;
mod guests;
mod host;
mod hosts;
mod name_of;
mod noun;
mod nouns;
mod resource;
mod saved;
mod session;
mod table;
mod testing;
mod text;
mod topology;
mod watch;

/// smog's core: what the package `smog` is made of.
#[pyo3::pymodule]
mod _smog {
    #[pymodule_export]
    use super::cloud::{ApiCall, Cloud};
    #[pymodule_export]
    use super::connect::{connect, near, version};
    #[pymodule_export]
    use super::enter::{Stop, core_seconds};
    #[pymodule_export]
    use super::environment::{_preparable, Environment, HostPlan, Plan, Restored};
    #[pymodule_export]
    use super::errors::hints;
    #[pymodule_export]
    use super::flavor_spec::FlavorSpec;
    #[pymodule_export]
    use super::guest::Guest;
    #[pymodule_export]
    use super::guest_actions::_server_actions;
    #[pymodule_export]
    use super::guests::Guests;
    #[pymodule_export]
    use super::host::{Host, Output};
    #[pymodule_export]
    use super::hosts::Hosts;
    #[pymodule_export]
    use super::nouns::{
        Aggregate, Compared, ComputeService, Domain, Facts, FailedTest, Flavor, GuestProcess, Guru, HostLine,
        Hypervisor, Image, KeyPair, MovedStacks, Network, Project, Record, Server, ServerGroup, Stacks,
        Thread, ThrownKind, Trace, Triage, User, WhyNot,
    };
    #[pymodule_export]
    use super::resource::Resource;
    #[pymodule_export]
    use super::saved::{SavedLogs, logs, trace, triage};
    #[pymodule_export]
    use super::table::{html_table, text_table};
    #[pymodule_export]
    use super::testing::{Case, CaseReport, cases, run_cases};
    #[pymodule_export]
    use super::text::{OsloConfig, quote, read_yaml, records};
    #[pymodule_export]
    use super::topology::Topology;
    #[pymodule_export]
    use super::watch::{Watch, Watched, Watcher};
}
