//! A line of the list of hosts.

use crate::noun::{cells, line, noun};

noun! {
    /// One host in the list: where it is and what Nova says of it.
    HostLine of smog::cloud::HostLine,
    line |it| line("HostLine", it), str |it| it.name.clone(), cells cells;
    /// The name smog and Nova know it by.
    name: String = |it| it.name.clone();
    /// The address SSH connects to.
    address: String = |it| it.address.clone();
    /// Its place in smog.yml; none when only Nova knows it.
    role: Option<String> = |it| it.role.clone();
    /// The compute service's state: "up" or "down"; none on hosts without one.
    state: Option<String> = |it| it.state.clone();
    /// "enabled" or "disabled", for servers to be scheduled there.
    status: Option<String> = |it| it.status.clone();
    /// "QEMU", "KVM" …
    hypervisor: Option<String> = |it| it.hypervisor.clone();
}
