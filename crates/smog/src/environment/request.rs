//! What a person asks of hosts, in words, and what it comes to. What can be asked is the table
//! [`PREPARABLE`].

use super::things::{PREPARABLE, Preparable};
use super::wish::Wish;
use crate::config::SmogFile;
use crate::error::{Error, Result};

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

    /// Whether a row is asked for, by its name.
    pub fn has(&self, name: &str) -> bool {
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
        for text in &self.settings {
            wish = wish.with_setting(text)?;
        }
        for row in PREPARABLE {
            if !row.needs.is_empty() && self.has(row.name) && !self.has(row.needs) {
                return Err(Error::Invalid {
                    what: format!("`{}`", row.name),
                    why: format!("it refines `{}`, which is not requested", row.needs),
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
    use super::super::things::Want;
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
        let examples: Vec<(&str, &str)> = PREPARABLE.iter().map(|row| (row.name, row.example)).collect();
        let (wish, _) = asked(&examples).resolve(&SmogFile::of_text("")).expect("a wish");
        // What needs another is said of that one.
        let own = PREPARABLE.iter().filter(|row| row.needs.is_empty());
        assert_eq!(wish.items.len(), own.count());
        let at_boot = |item: &super::super::Item| matches!(&item.want, Want::Pages(pages) if pages.at_boot);
        assert!(wish.items.iter().any(at_boot));
        let (two, _) = asked(&[("filters", "A,B")]).resolve(&SmogFile::of_text("")).expect("a wish");
        assert_eq!(two.items.len(), 1, "filters are one line of nova.conf");
        assert_eq!(two.items[0].want, Want::Filters(vec!["A".into(), "B".into()]));
        for row in PREPARABLE {
            assert_eq!(row.is_switch(), row.example.is_empty(), "{}", row.name);
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
