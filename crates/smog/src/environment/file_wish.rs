//! What smog.yml or a suite's file asks of hosts, as a wish.

use super::wish::{OptionWish, PagesWish, Target, Want, Wish};
use crate::config::SmogFile;

impl Wish {
    /// The wish of `nova:`, `libvirt_conf:`, `live_migration:` and of `--set FILE:…`; and what of
    /// them smog cannot prepare, a sentence each.
    ///
    /// `large_page_num` counts pages of 2 MiB on each compute and needs `large_page: true`.
    pub fn of_file(file: &SmogFile) -> (Wish, Vec<String>) {
        let nova = &file.nova;
        let mut cannot = vec![];
        let option = |section: &str, key: &str, values: Vec<String>| OptionWish {
            file: "nova.conf".into(),
            section: section.into(),
            key: key.into(),
            values,
        };
        let mut wish = Wish::new().with_filters(nova.filters.iter().cloned());
        for (key, value) in [("virt_type", &nova.virt_type), ("cpu_mode", &nova.cpu_mode)] {
            if let Some(value) = value {
                wish = wish.with_option(option("libvirt", key, vec![value.clone()]));
            }
        }
        for (name, values) in &nova.options {
            let (section, key) = name.rsplit_once('.').unwrap_or(("DEFAULT", name));
            wish = wish.with_option(option(section, key, values.clone()));
        }
        match (nova.large_page, nova.large_page_num) {
            (Some(true), Some(count)) => {
                let at_boot = nova.large_page_persist == Some(true);
                let pages = PagesWish { size_kib: 2048, cell: None, count, now: true, at_boot };
                wish = wish.with(Target::Computes, Want::Pages(pages));
            }
            (Some(true), None) => {
                cannot.push("`nova.large_page` is on, but `nova.large_page_num` tells no number".into())
            }
            (_, _) => {}
        }
        if nova.nested_vm == Some(true) {
            wish = wish.with(Target::Computes, Want::NestedKvm);
        }
        if nova.host_passthrough == Some(true) {
            cannot.push(
                "`nova.host_passthrough`: smog does not change the domain of a compute on its parent yet"
                    .into(),
            );
        }
        let migration = &file.live_migration;
        if migration.enabled == Some(true) {
            let keys = file.libvirt_conf.iter().chain(&migration.conf);
            for (key, value) in keys {
                let key =
                    Want::Key { file: "libvirtd.conf".into(), key: key.clone(), value: value.to_string() };
                wish = wish.with(Target::Computes, key);
            }
            if migration.storage.as_deref().is_some_and(|kind| !kind.eq_ignore_ascii_case("none")) {
                cannot.push("`live_migration.type`: smog does not set up shared storage yet".into());
            }
        }
        (wish, cannot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_introduction_s_file_is_a_wish() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/introduction-2015/named_hosts.yml");
        let file = SmogFile::read(std::path::Path::new(path)).expect("the introduction's file");
        let (wish, cannot) = Wish::of_file(&file);
        let is_wanted = |wanted: &dyn Fn(&Want) -> bool| wish.items.iter().any(|item| wanted(&item.want));
        assert!(is_wanted(
            &|want| matches!(want, Want::Pages(pages) if pages.count == 256 && !pages.at_boot)
        ));
        assert!(is_wanted(&|want| matches!(want, Want::NestedKvm)));
        assert!(is_wanted(&|want| matches!(want, Want::Option(option) if option.key == "virt_type")));
        assert!(is_wanted(
            &|want| matches!(want, Want::Key { key, value, .. } if key == "listen_tcp" && value == "1")
        ));
        assert_eq!(cannot.len(), 2, "{cannot:?}");
    }
}
