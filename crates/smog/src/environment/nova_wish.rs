//! The `nova:` section of the configuration, as a wish.

use super::wish::{OptionWish, PagesWish, Target, Want, Wish};

/// What the `nova:` section of a configuration says, in plain values.
///
/// ```
/// use smog::environment::{NovaWish, Wish};
///
/// let nova = NovaWish {
///     filters: vec!["NUMATopologyFilter".into()],
///     virt_type: Some("kvm".into()),
///     large_page_num: Some(256),
///     ..NovaWish::default()
/// };
/// assert_eq!(Wish::from(&nova).items.len(), 3);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NovaWish {
    /// `filters`: scheduler filters that shall be on.
    pub filters: Vec<String>,
    /// `nested_vm`: nested KVM on the computes.
    pub nested_vm: bool,
    /// `virt_type`: `[libvirt]virt_type`.
    pub virt_type: Option<String>,
    /// `cpu_mode`: `[libvirt]cpu_mode`.
    pub cpu_mode: Option<String>,
    /// `large_page_num`: at least so many huge pages on each compute; none when `None`.
    pub large_page_num: Option<u64>,
    /// Their size in KiB; 2 MiB when `None`.
    pub large_page_kib: Option<u64>,
    /// `large_page_persist`: at each boot too.
    pub large_page_persist: bool,
    /// `options`: section, option and value in nova.conf.
    pub options: Vec<(String, String, String)>,
}

impl From<&NovaWish> for Wish {
    fn from(nova: &NovaWish) -> Wish {
        let option = |section: &str, key: &str, value: &str| OptionWish {
            file: "nova.conf".into(),
            section: section.into(),
            key: key.into(),
            values: vec![value.into()],
        };
        let mut wish = Wish::new().with_filters(nova.filters.iter().cloned());
        for (key, value) in [("virt_type", &nova.virt_type), ("cpu_mode", &nova.cpu_mode)] {
            if let Some(value) = value {
                wish = wish.with_option(option("libvirt", key, value));
            }
        }
        for (section, key, value) in &nova.options {
            wish = wish.with_option(option(section, key, value));
        }
        if let Some(count) = nova.large_page_num {
            let pages = PagesWish {
                size_kib: nova.large_page_kib.unwrap_or(2048),
                cell: None,
                count,
                now: true,
                at_boot: nova.large_page_persist,
            };
            wish = wish.with(Target::Computes, Want::Pages(pages));
        }
        match nova.nested_vm {
            true => wish.with(Target::Computes, Want::NestedKvm),
            false => wish,
        }
    }
}
