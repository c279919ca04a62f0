//! What the emulator of a host can give a domain: `virsh domcapabilities`.

use roxmltree::Node;
use serde::Serialize;

use super::element::{Flaw, attr, child, children, descend, read};
use crate::error::Result;

/// What a domain of one kind can have on a host, as far as smog asks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DomainCapabilities {
    /// The CPU modes that are supported: "host-passthrough", "maximum", "host-model", "custom".
    pub cpu_modes: Vec<String>,
}

impl DomainCapabilities {
    /// Read what `virsh domcapabilities` printed.
    ///
    /// # Errors
    /// [`Error::Parse`](crate::Error::Parse) with line and column.
    pub fn parse(xml: &str, source_of: &str) -> Result<DomainCapabilities> {
        read("domain capabilities XML", source_of, xml, "domainCapabilities", capabilities)
    }
}

fn capabilities(node: Node<'_, '_>) -> std::result::Result<DomainCapabilities, Flaw> {
    let cpu = child(node, "cpu").ok_or_else(|| Flaw::new(node, "<domainCapabilities> lacks <cpu>"))?;
    let supported = children(cpu, "mode").filter(|mode| mode.attribute("supported") == Some("yes"));
    // Before libvirt 7.1 there is no `maximum`; no mode at all is a flaw of the text.
    let cpu_modes: Vec<String> = supported.filter_map(|mode| attr(mode, "name")).collect();
    match cpu_modes.is_empty() && descend(cpu, &["mode"]).is_none() {
        true => Err(Flaw::new(cpu, "<cpu> lacks <mode>")),
        false => Ok(DomainCapabilities { cpu_modes }),
    }
}

#[cfg(test)]
mod tests {
    use super::DomainCapabilities;

    /// What libvirt 11.3 with QEMU 10.0 says without KVM, shortened.
    const TCG: &str = "<domainCapabilities>\n  <cpu>\n    <mode name='host-passthrough' supported='no'/>\n    \
                       <mode name='maximum' supported='yes'/>\n    <mode name='host-model' supported='yes'/>\n    \
                       <mode name='custom' supported='yes'/>\n  </cpu>\n</domainCapabilities>\n";

    #[test]
    fn an_emulator_without_kvm_passes_no_cpu_through() {
        let found = DomainCapabilities::parse(TCG, "here").expect("capabilities");
        assert_eq!(found.cpu_modes, ["maximum", "host-model", "custom"]);
        let broken = DomainCapabilities::parse("<domainCapabilities><cpu/></domainCapabilities>", "here");
        assert!(broken.expect_err("no modes").to_string().contains("lacks <mode>"));
    }
}
