//! Arguments that several commands have, and what completes them.

pub mod environment;
pub mod key_value;
pub mod log;
pub mod names;
pub mod spec;
pub mod wish;
