//! `smog guest …`: everything about one guest or all of them. The daily ones are
//! also verbs of their own (`smog boot`, `smog xml` …).

mod cards;
mod console;
mod history;
mod labels;
mod list;
mod orders;
mod show;

use clap::Subcommand;
use smog::{Error, ExitCode};

use crate::commands::{boot, delete, migrate, pins, xml};
use crate::session::Session;

/// Guests: servers, with the host and the domain behind them
#[derive(Debug, clap::Args)]
pub struct GuestArgs {
    #[command(subcommand)]
    verb: GuestVerb,
}

#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "one value, made once")]
enum GuestVerb {
    /// List guests as Nova knows them; asks no host
    #[command(visible_alias = "ls")]
    List(list::ListArgs),
    /// Show a guest: server, host and domain
    Show(show::ShowArgs),
    /// Boot a guest and wait until it is ACTIVE
    Boot(boot::BootArgs),
    /// Delete guests and wait until they are gone
    Delete(delete::DeleteArgs),
    /// Print a guest's libvirt domain XML
    Xml(xml::XmlArgs),
    /// Compare a guest's declared pins and pages with the kernel's
    Pins(pins::PinsArgs),
    /// Live-migrate a guest and wait until it has moved
    Migrate(migrate::MigrateArgs),
    /// Print the serial console
    Console(console::ConsoleArgs),
    /// List the actions on a guest, with their request ids
    Actions(history::ActionsArgs),
    /// List its migrations
    Migrations(history::MigrationsArgs),
    /// Show a running live migration, abort it (--abort) or force it to complete (--complete)
    Moving(history::MovingArgs),
    /// Set metadata
    Set(labels::SetArgs),
    /// Remove metadata
    Unset(labels::UnsetArgs),
    /// Add or remove tags
    Tag(labels::TagArgs),
    /// List network interfaces
    Cards(cards::CardsArgs),
    /// Attach a network interface
    Attach(cards::AttachArgs),
    /// Detach a network interface
    Detach(cards::DetachArgs),
    /// Show what the hypervisor measures: CPU time, disk and network bytes (JSON)
    Diagnostics(show::DiagnosticsArgs),
    /// Show where Nova placed its vCPUs and memory
    Topology(show::TopologyArgs),
    /// List the threads of its QEMU process: affinity, policy, control group
    Threads(show::ThreadsArgs),
    #[command(flatten)]
    Order(orders::OrderVerb),
}

pub async fn run(args: GuestArgs, session: &Session) -> Result<ExitCode, Error> {
    match args.verb {
        GuestVerb::List(args) => list::run(args, session).await,
        GuestVerb::Show(args) => show::run(args, session).await,
        GuestVerb::Boot(args) => boot::run(args, session).await,
        GuestVerb::Delete(args) => delete::run(args, session).await,
        GuestVerb::Xml(args) => xml::run(args, session).await,
        GuestVerb::Pins(args) => pins::run(args, session).await,
        GuestVerb::Migrate(args) => migrate::run(args, session).await,
        GuestVerb::Console(args) => console::run(args, session).await,
        GuestVerb::Actions(args) => history::actions(args, session).await,
        GuestVerb::Migrations(args) => history::migrations(args, session).await,
        GuestVerb::Moving(args) => history::moving(args, session).await,
        GuestVerb::Set(args) => labels::set(args, session).await,
        GuestVerb::Unset(args) => labels::unset(args, session).await,
        GuestVerb::Tag(args) => labels::tag(args, session).await,
        GuestVerb::Cards(args) => cards::list(args, session).await,
        GuestVerb::Attach(args) => cards::attach(args, session).await,
        GuestVerb::Detach(args) => cards::detach(args, session).await,
        GuestVerb::Diagnostics(args) => show::diagnostics(args, session).await,
        GuestVerb::Topology(args) => show::topology(args, session).await,
        GuestVerb::Threads(args) => show::threads(args, session).await,
        GuestVerb::Order(verb) => orders::run(verb, session).await,
    }
}
