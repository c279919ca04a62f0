//! One file a command: its arguments with their help, then what it does.

pub mod aggregate;
pub mod api;
pub mod boot;
pub mod completion;
pub mod delete;
pub mod discover;
pub mod flavor;
pub mod guest;
pub mod host;
pub mod hypervisor;
pub mod image;
pub mod keypair;
pub mod logs;
pub mod migrate;
pub mod network;
pub mod pins;
pub mod placement;
pub mod project;
pub mod quota;
pub mod scan;
pub mod security_group;
pub mod server_group;
pub mod service;
pub mod watch;
pub mod xml;
