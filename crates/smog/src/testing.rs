//! White-box cases and the runner: what a case is, what it needs and claims, and how many
//! run at once without being in each other's way.
//!
//! The runner ([`Runner`]) emits [`Event`]s; every face and report is a reader of them.

mod capacity;
mod case;
mod case_folder;
mod case_log;
mod claims;
mod clean;
mod event;
mod inventory;
mod meditation;
mod name;
mod need;
mod outcome;
mod python;
mod recorder;
pub mod report;
mod request;
mod round;
mod run;
mod schedule;
mod select;
mod settling;
mod spool;
mod test;

pub use crate::findings::{Check, Control, Seen, no_findings};
pub use capacity::{Capacity, Machine};
pub use case::{Body, Case, Change, minutes};
pub use claims::{Amount, Claims};
pub use clean::{Leftovers, Swept};
pub use event::{Event, OnEvent};
pub use inventory::{ComputeHost, Inventory};
pub use meditation::{Meditation, StackLine};
pub use name::{RunId, case_stamp};
pub use need::Need;
pub use outcome::{CallLine, CaseReport, LogLine, Outcome, Place, RunReport, Thrown, Try};
pub use python::{Python, python_cases};
pub use request::{RunPlan, RunRequest, no_last_run};
pub use run::{Isolation, RunOptions, Runner, Stop};
pub use schedule::{Booking, Stage};
pub use select::{Selection, select};
pub use test::Test;
