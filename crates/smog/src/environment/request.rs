//! What a person asks of hosts, in words: the table of what can be asked, and what a request comes
//! to. The command's flags and Python's keywords are made from the table.

use super::wish::{Target, Want, Wish};
use crate::config::SmogFile;
use crate::error::{Error, Result};
use crate::near::near;

/// Something that can be asked of hosts.
pub struct Preparable {
    /// What it is called: "huge-pages" is the command's `--huge-pages`.
    pub name: &'static str,
    /// Python's keyword; empty when it is `name` with underscores.
    pub keyword: &'static str,
    /// The form of what is given, where WHO is a host, computes, controllers or all; empty for
    /// something that is only switched on.
    pub form: &'static str,
    /// Several of it may stand in one text, with commas between.
    pub is_list: bool,
    /// It says more of this one, and is nothing without it.
    pub needs: &'static str,
    /// What it is, in one sentence for a person.
    pub help: &'static str,
    /// Adds it to a wish.
    pub add: fn(Wish, &str, &WishRequest) -> Result<Wish>,
}

/// What most of them are like.
const PLAIN: Preparable = Preparable {
    name: "",
    keyword: "",
    form: "",
    is_list: false,
    needs: "",
    help: "",
    add: |wish, _, _| Ok(wish),
};

/// The name of what says more of huge pages.
const AT_BOOT: &str = "at-boot";

/// Everything that can be asked beside options of files (`[WHO/]FILE:[SECTION.]KEY=VALUE`).
pub static PREPARABLE: [Preparable; 10] = [
    Preparable {
        name: "filters",
        form: "FILTER",
        is_list: true,
        help: "Scheduler filters that must be enabled",
        add: |wish, text, _| Ok(wish.with_filters([text])),
        ..PLAIN
    },
    Preparable {
        name: "huge-pages",
        form: "[WHO/]SIZE=COUNT[@CELL]",
        help: "Minimum number of huge pages: 2M=256, or 1G=2@0 for NUMA node 0",
        add: |wish, text, request| wish.with_pages(text, true, request.has(AT_BOOT)),
        ..PLAIN
    },
    Preparable {
        name: AT_BOOT,
        needs: "huge-pages",
        help: "Reserve the huge pages at each boot as well",
        ..PLAIN
    },
    Preparable {
        name: "sysctl",
        form: "[WHO/]NAME=VALUE",
        help: "A kernel setting: vm.swappiness=10",
        add: |wish, text, _| wish.with_sysctl(text),
        ..PLAIN
    },
    Preparable {
        name: "nested",
        help: "Nested KVM on the computes",
        add: |wish, _, _| Ok(wish.with(Target::Computes, Want::NestedKvm)),
        ..PLAIN
    },
    Preparable {
        name: "cpu-mode",
        form: "[WHO/]MODE",
        help: "CPU mode of computes that are guests, on their parents: host-passthrough, host-model, \
               maximum, exact",
        add: |wish, text, _| wish.with_machine_cpu(text),
        ..PLAIN
    },
    Preparable {
        name: "numa-cells",
        form: "[WHO/]COUNT",
        help: "NUMA nodes of computes that are guests, on their parents: 2",
        add: |wish, text, _| wish.with_machine_cells(text),
        ..PLAIN
    },
    Preparable {
        name: "kernel",
        keyword: "kernel_words",
        form: "WORD",
        help: "A parameter of the computes' kernel command line: intel_iommu=on",
        add: |wish, text, _| Ok(wish.with(Target::Computes, Want::KernelWord(text.into()))),
        ..PLAIN
    },
    Preparable {
        name: "service",
        keyword: "services",
        form: "[WHO/]UNIT=WORDS",
        help: "Desired state of a service: ksm=disabled,inactive",
        add: |wish, text, _| wish.with_service(text),
        ..PLAIN
    },
    Preparable {
        name: "vfs",
        form: "[WHO/]INTERFACE=COUNT",
        help: "Virtual functions of a network interface: ens3f0=4",
        add: |wish, text, _| wish.with_vfs(text),
        ..PLAIN
    },
];

impl Preparable {
    /// Python's keyword: "huge_pages".
    pub fn keyword(&self) -> String {
        if self.keyword.is_empty() { self.name.replace('-', "_") } else { self.keyword.into() }
    }

    /// Whether it is only switched on.
    pub fn is_switch(&self) -> bool {
        self.form.is_empty()
    }

    /// What is called so, by its name or Python's keyword.
    ///
    /// # Errors
    /// [`Error::Invalid`] with what there is.
    pub fn named(name: &str) -> Result<&'static Preparable> {
        let found = PREPARABLE.iter().find(|one| one.name == name || one.keyword() == name);
        found.ok_or_else(|| {
            let keywords: Vec<String> = PREPARABLE.iter().map(Preparable::keyword).collect();
            let near = near(name, keywords.iter().map(String::as_str)).first().cloned();
            Error::Invalid {
                what: format!("`{name}`"),
                why: "hosts cannot be asked for it".into(),
                hint: Some(match near {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("there are: {}", keywords.join(", ")),
                }),
            }
        })
    }
}

/// What is asked of hosts. A face only fills it in.
#[derive(Debug, Clone, Default)]
pub struct WishRequest {
    /// A suite is named: what its file asks for is wanted too.
    pub of_suite: bool,
    /// Options of files: `[WHO/]FILE:[SECTION.]KEY=VALUE`.
    pub settings: Vec<String>,
    /// Rows of [`PREPARABLE`] by name, with what is given (nothing for a switch), in this order.
    pub given: Vec<(&'static str, String)>,
}

impl WishRequest {
    /// Whether nothing is asked for, so that smog.yml says what is wanted.
    pub fn is_empty(&self) -> bool {
        !self.of_suite && self.settings.is_empty() && self.given.is_empty()
    }

    fn has(&self, name: &str) -> bool {
        self.given.iter().any(|(given, _)| *given == name)
    }

    /// Ask for something of [`PREPARABLE`]; a text may hold several where that is allowed.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a name that is none.
    pub fn ask(&mut self, name: &str, text: &str) -> Result<()> {
        let row = Preparable::named(name)?;
        match row.is_list {
            true => self.given.extend(text.split(',').map(|one| (row.name, one.trim().to_string()))),
            false => self.given.push((row.name, text.to_string())),
        }
        Ok(())
    }

    /// The wish, with what smog.yml (or the suite's file over it) asks for where nothing else is
    /// asked or a suite is named; and what that file asks for and cannot be had, a sentence each.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the form of what cannot be read.
    pub fn resolve(&self, file: &SmogFile) -> Result<(Wish, Vec<String>)> {
        let (mut wish, cannot) = match self.of_suite || self.is_empty() {
            true => Wish::of_file(file),
            false => (Wish::new(), vec![]),
        };
        // One wish for all of them: it is one line of nova.conf.
        let filters = self.given.iter().filter(|(name, _)| *name == "filters");
        wish = wish.with_filters(filters.map(|(_, text)| text.clone()));
        for text in &self.settings {
            wish = wish.with_setting(text)?;
        }
        for row in PREPARABLE.iter().filter(|row| row.name != "filters") {
            if !row.needs.is_empty() && self.has(row.name) && !self.has(row.needs) {
                return Err(Error::Invalid {
                    what: format!("`{}`", row.name),
                    why: format!("it says more of `{}`, which is not asked for", row.needs),
                    hint: None,
                });
            }
            for (_, text) in self.given.iter().filter(|(name, _)| *name == row.name) {
                wish = (row.add)(wish, text, self)?;
            }
        }
        Ok((wish, cannot))
    }

    /// What is asked for, for people and for the lock on a host: settings first, values of secret
    /// options hidden. The names are those of the table, and "set".
    pub fn words(&self) -> Vec<(&'static str, String)> {
        let hidden = |text: &String| {
            let (name, value) = text.split_once('=').unwrap_or((text, ""));
            match crate::config::is_secret(name.rsplit('.').next().unwrap_or(name)) {
                true => format!("{name}=(hidden)"),
                false => format!("{name}={}", crate::config::without_passwords(value)),
            }
        };
        let settings = self.settings.iter().map(|text| ("set", hidden(text)));
        settings.chain(self.given.iter().cloned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(pairs: &[(&str, &str)]) -> WishRequest {
        let mut request = WishRequest::default();
        pairs.iter().for_each(|(name, text)| request.ask(name, text).expect("a row"));
        request
    }

    #[test]
    fn smog_yml_says_what_is_wanted_where_nothing_is_asked() {
        let file = SmogFile::of_text("nova: {virt_type: kvm}\n");
        let count = |request: &WishRequest| request.resolve(&file).expect("a wish").0.items.len();
        assert_eq!(count(&WishRequest::default()), 1);
        assert_eq!(count(&asked(&[("nested", "")])), 1);
        assert_eq!(count(&WishRequest { of_suite: true, ..asked(&[("nested", "")]) }), 2);
    }

    #[test]
    fn every_row_can_be_asked_for() {
        const TEXTS: [(&str, &str); 10] = [
            ("filters", "A,B"),
            ("huge-pages", "2M=1"),
            ("at-boot", ""),
            ("sysctl", "vm.swappiness=1"),
            ("nested", ""),
            ("cpu-mode", "l1/exact"),
            ("numa-cells", "2"),
            ("kernel", "quiet"),
            ("service", "ksm=inactive"),
            ("vfs", "ens3f0=1"),
        ];
        let (wish, _) = asked(&TEXTS).resolve(&SmogFile::of_text("")).expect("a wish");
        // `at-boot` is said of the pages, and filters are one want.
        assert_eq!(wish.items.len(), PREPARABLE.len() - 1);
        let at_boot = |item: &super::super::Item| matches!(&item.want, Want::Pages(pages) if pages.at_boot);
        assert!(wish.items.iter().any(at_boot));
        assert!(wish.items.iter().any(|item| item.want == Want::Filters(vec!["A".into(), "B".into()])));
        for row in &PREPARABLE {
            assert!(TEXTS.iter().any(|(name, _)| *name == row.name), "{} is asked for nowhere", row.name);
            assert!(row.help.starts_with(char::is_uppercase) && !row.help.ends_with('.'), "{}", row.help);
            assert_eq!(Preparable::named(&row.keyword()).expect("a row").name, row.name);
        }
        assert!(asked(&[("at-boot", "")]).resolve(&SmogFile::of_text("")).is_err(), "pages are missing");
        let why = Preparable::named("huge_page").err().and_then(|why| why.hint());
        assert_eq!(why.as_deref(), Some("did you mean `huge_pages`?"));
    }

    #[test]
    fn secrets_are_not_in_the_words() {
        let request = WishRequest {
            settings: vec!["nova.conf:keystone_authtoken.password=geheim".into()],
            ..asked(&[("nested", "")])
        };
        let words = request.words();
        assert_eq!(words.len(), 2);
        assert!(!words.iter().any(|(_, text)| text.contains("geheim")), "{words:?}");
    }
}
