//! Orders to a guest: start, stop, shelve, resize …

use std::time::Duration;

use clap::Subcommand;
use smog::cloud::Order;
use smog::{Error, ExitCode};

use crate::names;
use crate::output;
use crate::progress::Progress;
use crate::session::{Session, named_in_full};

#[derive(Debug, Subcommand)]
pub enum OrderVerb {
    /// Power on
    Start(Plain),
    /// Power off
    Stop(Plain),
    /// Stop the vCPUs, keep the memory
    Pause(Plain),
    /// Let the vCPUs run again
    Unpause(Plain),
    /// Write the memory to disk and power off
    Suspend(Plain),
    /// Bring back from suspension
    Resume(Plain),
    /// Refuse the orders of plain users
    Lock(Plain),
    /// Take the orders of plain users again
    Unlock(Plain),
    /// Reboot
    Reboot(Reboot),
    /// Power off, keep the disk as an image, free the host
    Shelve(Plain),
    /// Bring back a shelved guest
    Unshelve(Moved),
    /// Boot from a rescue image
    Rescue(FromImage),
    /// End the rescue
    Unrescue(Plain),
    /// Make the disk anew from an image: what was on it is lost
    Rebuild(Rebuild),
    /// Move to another flavor; `resize-confirm` or `resize-revert` ends it
    Resize(Resize),
    /// Keep a resize or cold migration
    ResizeConfirm(Plain),
    /// Go back to before a resize or cold migration
    ResizeRevert(Plain),
    /// Power off and move to another host
    ColdMigrate(Moved),
    /// Start it on another host, since its own is down
    Evacuate(Moved),
}

#[derive(Debug, clap::Args)]
pub struct Plain {
    /// The guest: name, id, or an unambiguous beginning
    #[arg(add = names::guests())]
    guest: String,
    #[command(flatten)]
    waiting: Waiting,
}

#[derive(Debug, clap::Args)]
pub struct Reboot {
    /// Do not ask the guest: make its domain anew
    #[arg(long)]
    hard: bool,
    #[command(flatten)]
    plain: Plain,
}

#[derive(Debug, clap::Args)]
pub struct Moved {
    /// Ask for this compute host
    #[arg(long, value_name = "HOST", add = names::hosts())]
    to: Option<String>,
    /// Confirm the move when it is done (cold migration)
    #[arg(long)]
    confirm: bool,
    #[command(flatten)]
    plain: Plain,
}

#[derive(Debug, clap::Args)]
pub struct FromImage {
    /// The rescue image [default: the guest's own]
    #[arg(long, value_name = "IMAGE", add = names::images())]
    image: Option<String>,
    #[command(flatten)]
    plain: Plain,
}

#[derive(Debug, clap::Args)]
pub struct Rebuild {
    /// The image
    #[arg(long, value_name = "IMAGE", add = names::images())]
    image: String,
    #[command(flatten)]
    plain: Plain,
}

#[derive(Debug, clap::Args)]
pub struct Resize {
    /// The new flavor
    #[arg(long, value_name = "FLAVOR", add = names::flavors())]
    flavor: String,
    /// Confirm it when it is done
    #[arg(long)]
    confirm: bool,
    #[command(flatten)]
    plain: Plain,
}

#[derive(Debug, clap::Args)]
struct Waiting {
    /// Return when Nova has taken the order
    #[arg(long)]
    no_wait: bool,
    /// Give up waiting after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    timeout: u64,
}

pub async fn run(verb: OrderVerb, session: &Session) -> Result<ExitCode, Error> {
    let (plain, order, then) = order(verb);
    let cloud = session.cloud().await?;
    let mut guest = cloud.guest(&plain.guest).await?;
    // What cannot be undone wants the whole name.
    if matches!(order, Order::Rebuild { .. }) {
        named_in_full(&plain.guest, &guest)?;
    }
    let before = guest.server.host.clone();
    let progress = Progress::begin(format!("{} of {}", order.name(), guest.name()), session.quiet);
    session.leaves(format!("Nova goes on with the {} of `{}`", order.name(), guest.name()));
    let tell = |waiting: smog::wait::Waiting<'_>| progress.state(waiting.last);
    let wait = progress.wait(Duration::from_secs(plain.waiting.timeout), &tell);
    if plain.waiting.no_wait {
        cloud.give(&guest.server, &order).await?;
        guest.refresh().await?;
    } else {
        guest.carry_out(&order, wait).await?;
        if let Some(then) = then {
            guest.carry_out(&then, wait).await?;
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

/// The order, and the one that follows when it is done.
fn order(verb: OrderVerb) -> (Plain, Order, Option<Order>) {
    let confirmed = |confirm: bool| confirm.then_some(Order::ConfirmResize);
    match verb {
        OrderVerb::Start(plain) => (plain, Order::Start, None),
        OrderVerb::Stop(plain) => (plain, Order::Stop, None),
        OrderVerb::Pause(plain) => (plain, Order::Pause, None),
        OrderVerb::Unpause(plain) => (plain, Order::Unpause, None),
        OrderVerb::Suspend(plain) => (plain, Order::Suspend, None),
        OrderVerb::Resume(plain) => (plain, Order::Resume, None),
        OrderVerb::Lock(plain) => (plain, Order::Lock { reason: None }, None),
        OrderVerb::Unlock(plain) => (plain, Order::Unlock, None),
        OrderVerb::Reboot(args) => (args.plain, Order::Reboot { hard: args.hard }, None),
        OrderVerb::Shelve(plain) => (plain, Order::Shelve, None),
        OrderVerb::Unshelve(args) => (args.plain, Order::Unshelve { zone: None, host: args.to }, None),
        OrderVerb::Rescue(args) => {
            (args.plain, Order::Rescue { image: args.image, admin_password: None }, None)
        }
        OrderVerb::Unrescue(plain) => (plain, Order::Unrescue, None),
        OrderVerb::Rebuild(args) => (args.plain, Order::Rebuild { image: args.image }, None),
        OrderVerb::Resize(args) => {
            (args.plain, Order::Resize { flavor: args.flavor }, confirmed(args.confirm))
        }
        OrderVerb::ResizeConfirm(plain) => (plain, Order::ConfirmResize, None),
        OrderVerb::ResizeRevert(plain) => (plain, Order::RevertResize, None),
        OrderVerb::ColdMigrate(args) => {
            (args.plain, Order::Migrate { host: args.to }, confirmed(args.confirm))
        }
        OrderVerb::Evacuate(args) => (args.plain, Order::Evacuate { host: args.to }, None),
    }
}
