//! One file a command: its arguments with their help, then what it does.

pub mod boot;
pub mod delete;
pub mod discover;
pub mod host;
pub mod migrate;
pub mod pins;
pub mod xml;
