//! Server actions: start, stop, shelve, resize … The subcommands are made from the core's table.

use std::path::Path;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches, Subcommand};
use smog::cloud::Order;
use smog::cloud::server_actions::{ALL, Kind, Parameter, ServerAction};
use smog::config::Secret;
use smog::why_not::WhyNotRequest;
use smog::{Error, ExitCode};

use crate::args::names;
use crate::output;
use crate::print::progress::Progress;
use crate::session::{Session, named_in_full};

/// A server action with what was given to it on the command line.
#[derive(Debug)]
pub struct OrderVerb {
    guest: String,
    order: Order,
    no_wait: bool,
    timeout: u64,
}

impl Subcommand for OrderVerb {
    fn augment_subcommands(command: Command) -> Command {
        command.subcommands(ALL.into_iter().map(subcommand))
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        Self::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        action(name).is_some()
    }
}

impl FromArgMatches for OrderVerb {
    fn from_arg_matches(matches: &ArgMatches) -> Result<OrderVerb, clap::Error> {
        let unknown = || clap::Error::new(clap::error::ErrorKind::InvalidSubcommand);
        let (name, given) = matches.subcommand().ok_or_else(unknown)?;
        let action = action(name).ok_or_else(unknown)?;
        let text = |name: &str| given.get_one::<String>(name).cloned();
        let mut order = action.order();
        for parameter in action.parameters {
            order = match parameter.kind {
                Kind::Flag => order.with(parameter.name, given.get_flag(parameter.name)),
                Kind::Secret => {
                    order.with_if(parameter.name, given.get_one::<Secret>(parameter.name).cloned())
                }
                _ => order.with_if(parameter.name, text(parameter.name)),
            };
        }
        Ok(OrderVerb {
            guest: text(GUEST).unwrap_or_default(),
            order,
            no_wait: given.get_flag(NO_WAIT),
            timeout: given.get_one(TIMEOUT).copied().unwrap_or(300),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// The action of a subcommand.
fn action(name: &str) -> Option<&'static ServerAction> {
    ALL.into_iter().find(|action| action.name == name)
}

/// The names of the arguments that all actions have.
const GUEST: &str = "the guest";
const NO_WAIT: &str = "no-wait";
const TIMEOUT: &str = "timeout";

fn subcommand(action: &'static ServerAction) -> Command {
    let guest = Arg::new(GUEST)
        .value_name("GUEST")
        .required(true)
        .help(match action.destroys {
            true => "The guest: its full name or id",
            false => "The guest: name, id, or an unambiguous beginning",
        })
        .add(names::guests());
    let no_wait = Arg::new(NO_WAIT)
        .long(NO_WAIT)
        .action(ArgAction::SetTrue)
        .help("Do not wait; return when Nova has accepted the request");
    let timeout = Arg::new(TIMEOUT)
        .long(TIMEOUT)
        .value_name("SECONDS")
        .value_parser(clap::value_parser!(u64))
        .default_value("300")
        .help("Stop waiting after this many seconds");
    Command::new(action.name)
        .about(action.help)
        .arg(guest)
        .args(action.parameters.iter().map(argument))
        .args([no_wait, timeout])
}

fn argument(parameter: &'static Parameter) -> Arg {
    let arg =
        Arg::new(parameter.name).long(parameter.flag()).help(parameter.help).required(parameter.required);
    match parameter.kind {
        Kind::Flag => arg.action(ArgAction::SetTrue),
        Kind::Text => arg.value_name("TEXT"),
        // A secret on the command line is seen by everybody on the machine.
        Kind::Secret => arg
            .value_name("FILE")
            .help(format!("{}: the first line of this file", parameter.help))
            .value_parser(secret_in),
        Kind::Image => arg.value_name("IMAGE").add(names::images()),
        Kind::Flavor => arg.value_name("FLAVOR").add(names::flavors()),
        Kind::Host => arg.value_name("HOST").add(names::hosts()),
    }
}

fn secret_in(file: &str) -> Result<Secret, String> {
    let text = std::fs::read_to_string(Path::new(file)).map_err(|why| why.to_string())?;
    match text.lines().next().filter(|line| !line.is_empty()) {
        Some(line) => Ok(Secret::new(line.to_string())),
        None => Err("its first line is empty".into()),
    }
}

pub async fn run(verb: OrderVerb, session: &Session) -> Result<ExitCode, Error> {
    let OrderVerb { guest: asked, order, no_wait, timeout } = verb;
    let cloud = session.cloud().await?;
    let mut guest = cloud.guest(&asked).await?;
    if order.action().destroys {
        named_in_full(&asked, &guest)?;
    }
    let before = guest.server.host.clone();
    let progress = Progress::begin(format!("{} of {}", order.name(), guest.name()), session.quiet);
    session.leaves(order.left(guest.name()));
    let tell = |waiting: smog::wait::Waiting<'_>| progress.state(waiting.last);
    if no_wait {
        cloud.give(&guest.server, &order).await?;
        guest.refresh().await?;
    } else {
        let done = guest.carry_out(&order, progress.wait(Duration::from_secs(timeout), &tell)).await;
        if let Err(why) = done {
            return Err(cloud.with_why(why, &WhyNotRequest::of_order(&guest.server.id, &order)).await);
        }
    }
    let took = progress.end();
    if !session.view.is_for_people() {
        output::machine(&guest, session.view.form)?;
        return Ok(ExitCode::Ok);
    }
    let host = match (&before, &guest.server.host) {
        (Some(before), Some(now)) if before != now => format!(", {before} -> {now}"),
        (_, Some(now)) => format!(" on {now}"),
        (_, None) => String::new(),
    };
    output::text(&format!(
        "{}: {}{host} ({:.1} s)\n",
        guest.name(),
        guest.server.state(),
        took.as_secs_f64()
    ));
    Ok(ExitCode::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<OrderVerb, clap::Error> {
        let command = OrderVerb::augment_subcommands(Command::new("guest"));
        OrderVerb::from_arg_matches(&command.try_get_matches_from([&["guest"], words].concat())?)
    }

    #[test]
    fn every_row_of_the_table_is_a_subcommand() {
        OrderVerb::augment_subcommands(Command::new("guest")).debug_assert();
        for action in ALL {
            let required = action.parameters.iter().filter(|parameter| parameter.required);
            let given: Vec<String> =
                required.flat_map(|one| [format!("--{}", one.flag()), "x".to_string()]).collect();
            let words: Vec<&str> =
                [action.name, "web"].into_iter().chain(given.iter().map(String::as_str)).collect();
            let verb = parsed(&words).expect(action.name);
            assert_eq!((verb.order.action().name, verb.guest.as_str()), (action.name, "web"));
            verb.order.check().expect(action.name);
        }
    }

    #[test]
    fn what_is_given_reaches_the_order() {
        let verb =
            parsed(&["resize", "web", "--flavor", "small", "--confirm", "--timeout", "7"]).expect("resize");
        assert!(verb.order.flag("confirm") && verb.timeout == 7 && !verb.no_wait);
        assert!(parsed(&["resize", "web"]).is_err(), "a flavor is needed");
        assert!(parsed(&["unshelve", "web", "--to", "cmp1"]).is_ok());
        assert!(parsed(&["unshelve", "web", "--confirm"]).is_err(), "there is nothing to confirm");
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("password");
        std::fs::write(&file, "geheim\n").expect("write");
        let verb =
            parsed(&["rescue", "web", "--admin-password-file", &file.to_string_lossy()]).expect("rescue");
        verb.order.check().expect("a secret");
        assert!(!format!("{:?}", verb.order).contains("geheim"));
    }
}
