//! The flags that say what is wanted of hosts, shared by `check` and `prepare`: made from the core's
//! table of what can be asked.

use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches};
use smog::Result;
use smog::environment::{PREPARABLE, Preparable, Wish, WishRequest};

use crate::session::Session;

/// What is wanted.
#[derive(Debug)]
pub struct WishArgs {
    /// The suite whose file is used.
    pub suite: Option<String>,
    given: Vec<(&'static str, String)>,
}

const HEADING: &str = "Requirements (WHO is a host, computes, controllers or all)";
const SUITE: &str = "suite";

impl clap::Args for WishArgs {
    fn augment_args(command: Command) -> Command {
        let suite = Arg::new(SUITE).long(SUITE).value_name("NAME").help_heading(HEADING).help(
            "Use the requirements and the hosts of this suite's file: a name or a path [default: smog.yml]",
        );
        command.arg(suite).args(PREPARABLE.iter().map(argument))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn argument(row: &'static Preparable) -> Arg {
    let arg = Arg::new(row.name).long(row.name).help(row.help).help_heading(HEADING);
    let arg = if row.needs.is_empty() { arg } else { arg.requires(row.needs) };
    match row.is_switch() {
        true => arg.action(ArgAction::SetTrue),
        false if row.is_list => arg.value_name(row.form).action(ArgAction::Append).value_delimiter(','),
        false => arg.value_name(row.form).action(ArgAction::Append),
    }
}

impl FromArgMatches for WishArgs {
    fn from_arg_matches(matches: &ArgMatches) -> std::result::Result<WishArgs, clap::Error> {
        let mut given = Vec::new();
        for row in PREPARABLE {
            if row.is_switch() {
                given.extend(matches.get_flag(row.name).then(|| (row.name, String::new())));
            } else if let Some(texts) = matches.get_many::<String>(row.name) {
                given.extend(texts.map(|text| (row.name, text.clone())));
            }
        }
        Ok(WishArgs { suite: matches.get_one(SUITE).cloned(), given })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> std::result::Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl WishArgs {
    fn request(&self, session: &Session) -> WishRequest {
        WishRequest {
            of_suite: self.suite.is_some(),
            settings: session.host_settings().to_vec(),
            given: self.given.clone(),
        }
    }

    /// The flags' wish. Where there is none, or a suite is named, also that of the file.
    pub fn wish(&self, session: &Session) -> Result<Wish> {
        let (wish, cannot) = self.request(session).resolve(&session.smog_file()?)?;
        cannot.iter().for_each(|text| crate::output::warning(text));
        Ok(wish)
    }

    /// The flags as a person would type them, values of secret options hidden.
    pub fn words(&self, session: &Session) -> String {
        let suite = self.suite.iter().map(|suite| format!("--suite {}", smog::quote(suite)));
        let words = self.request(session).words();
        let words = words.iter().map(|(name, text)| match text.is_empty() {
            true => format!("--{name}"),
            false => format!("--{name} {}", smog::quote(text)),
        });
        suite.chain(words).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use clap::Args as _;

    use super::*;

    #[test]
    fn every_row_of_the_table_is_a_flag() {
        let command = WishArgs::augment_args(Command::new("prepare"));
        command.clone().debug_assert();
        let words: Vec<String> = PREPARABLE
            .iter()
            .flat_map(|row| match row.is_switch() {
                true => vec![format!("--{}", row.name)],
                false => vec![format!("--{}", row.name), "x=1".to_string()],
            })
            .collect();
        let matches = command.try_get_matches_from([vec!["prepare".to_string()], words].concat());
        let args = WishArgs::from_arg_matches(&matches.expect("all flags")).expect("the arguments");
        let names: Vec<&str> = args.given.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, PREPARABLE.iter().map(|row| row.name).collect::<Vec<_>>());
    }
}
