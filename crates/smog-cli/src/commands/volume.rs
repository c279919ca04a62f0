//! `smog volume …`

use std::time::Duration;

use clap::Subcommand;
use smog::cloud::{AttachVolume, NewVolume, VolumeWork};
use smog::{Cloud, Error, ExitCode, Guest};

use crate::args::names;
use crate::output;
use crate::print::progress::Progress;
use crate::session::{Session, in_full};

/// Volumes of the block storage service (Cinder), and the guests that have them
#[derive(Debug, clap::Args)]
pub struct VolumeArgs {
    #[command(subcommand)]
    verb: VolumeVerb,
}

#[derive(Debug, Subcommand)]
enum VolumeVerb {
    /// List volumes; those of one guest as Nova, Cinder and its domain have them
    #[command(visible_alias = "ls")]
    List {
        /// Only those of this guest, with what each layer says; exit code 1 when they do not agree
        #[arg(long, value_name = "GUEST", add = names::guests())]
        guest: Option<String>,
    },
    /// Show a volume
    Show(One),
    /// Create a volume and wait until it is available
    Create(CreateArgs),
    /// Attach a volume to a guest and wait until both Nova and Cinder say so
    Attach(AttachArgs),
    /// Detach a volume from a guest and wait until it is free
    Detach(DetachArgs),
    /// Make a volume larger, also while a guest has it
    Extend {
        #[command(flatten)]
        one: One,
        /// Its new size in GiB
        #[arg(value_name = "GIB")]
        size: u64,
        #[command(flatten)]
        patience: Patience,
    },
    /// Snapshots: list, create, delete
    #[command(subcommand)]
    Snapshot(SnapshotVerb),
    /// List the types of volumes
    Types,
    /// Delete a volume and wait until it is gone
    Delete {
        #[command(flatten)]
        one: One,
        #[command(flatten)]
        patience: Patience,
    },
}

#[derive(Debug, clap::Args)]
struct One {
    /// The volume: name, id, or an unambiguous beginning
    #[arg(add = names::volumes())]
    volume: String,
}

#[derive(Debug, clap::Args)]
struct Patience {
    /// Stop waiting after this many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    timeout: u64,
}

#[derive(Debug, clap::Args)]
struct CreateArgs {
    /// Its name
    name: String,
    /// Its size in GiB [default: as large as what it is made of]
    #[arg(long, value_name = "GIB", required_unless_present_any = ["image", "snapshot", "from"])]
    size: Option<u64>,
    /// Its type: name or id [default: Cinder's]
    #[arg(long = "type", value_name = "TYPE")]
    volume_type: Option<String>,
    /// With the content of this image: a guest can boot from it
    #[arg(long, value_name = "IMAGE", add = names::images(), conflicts_with_all = ["snapshot", "from"])]
    image: Option<String>,
    /// With the content of this snapshot
    #[arg(long, value_name = "SNAPSHOT", conflicts_with = "from")]
    snapshot: Option<String>,
    /// With the content of this volume
    #[arg(long, value_name = "VOLUME", add = names::volumes())]
    from: Option<String>,
    /// Your own description
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    #[command(flatten)]
    patience: Patience,
}

#[derive(Debug, clap::Args)]
struct AttachArgs {
    #[command(flatten)]
    one: One,
    /// The guest: name, id, or an unambiguous beginning
    #[arg(add = names::guests())]
    guest: String,
    /// Delete the volume with the guest
    #[arg(long)]
    delete_with_guest: bool,
    /// A tag that the guest sees in its metadata
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    #[command(flatten)]
    patience: Patience,
}

#[derive(Debug, clap::Args)]
struct DetachArgs {
    #[command(flatten)]
    one: One,
    /// The guest: name, id, or an unambiguous beginning [default: the one that has it]
    #[arg(add = names::guests())]
    guest: Option<String>,
    #[command(flatten)]
    patience: Patience,
}

#[derive(Debug, Subcommand)]
enum SnapshotVerb {
    /// List snapshots
    #[command(visible_alias = "ls")]
    List,
    /// Create a snapshot of a volume, also while a guest has it
    Create {
        #[command(flatten)]
        one: One,
        /// The snapshot's name
        name: String,
        #[command(flatten)]
        patience: Patience,
    },
    /// Delete a snapshot and wait until it is gone
    Delete {
        /// Its full name or id
        snapshot: String,
        #[command(flatten)]
        patience: Patience,
    },
}

pub async fn run(args: VolumeArgs, session: &Session) -> Result<ExitCode, Error> {
    let cloud = session.cloud().await?;
    match args.verb {
        VolumeVerb::List { guest: None } => output::list(&cloud.volumes().await?, &session.view)?,
        VolumeVerb::List { guest: Some(guest) } => return of_guest(&guest, cloud, session).await,
        VolumeVerb::Show(one) => output::show(&cloud.volume(&one.volume).await?, &session.view)?,
        VolumeVerb::Types => output::list(&cloud.volume_types().await?, &session.view)?,
        VolumeVerb::Create(args) => create(args, cloud, session).await?,
        VolumeVerb::Attach(args) => attach(args, cloud, session).await?,
        VolumeVerb::Detach(args) => detach(args, cloud, session).await?,
        VolumeVerb::Extend { one, size, patience } => {
            let volume = cloud.volume(&one.volume).await?;
            session.leaves(format!("Cinder continues to extend `{}`", volume.label()));
            let progress = Progress::begin(format!("extending {}", volume.label()), session.quiet);
            let tell = |waiting: smog::wait::Waiting<'_>| progress.state(waiting.last);
            let wait = progress.wait(Duration::from_secs(patience.timeout), &tell);
            let volume = cloud.extend_volume(&volume.id, size, wait).await?;
            progress.end();
            output::show(&volume, &session.view)?;
        }
        VolumeVerb::Snapshot(verb) => snapshot(verb, cloud, session).await?,
        VolumeVerb::Delete { one, patience } => {
            let volume = cloud.volume(&one.volume).await?;
            in_full("volume", &one.volume, volume.label(), &volume.id)?;
            let progress = Progress::begin(format!("deleting {}", volume.label()), session.quiet);
            let tell = |waiting: smog::wait::Waiting<'_>| progress.state(waiting.last);
            let wait = progress.wait(Duration::from_secs(patience.timeout), &tell);
            session.leaves(format!("Cinder continues to delete `{}`", volume.label()));
            cloud.delete_volume(&volume.id, wait).await?;
            progress.end();
            session.done(&format!("{}: deleted", volume.label()));
        }
    }
    Ok(ExitCode::Ok)
}

/// The volumes of a guest: three answers, and whether they agree.
async fn of_guest(asked: &str, cloud: &Cloud, session: &Session) -> Result<ExitCode, Error> {
    let mut guest = cloud.guest(asked).await?;
    let volumes = guest.volumes().await?;
    output::list(&volumes, &session.view)?;
    Ok(match volumes.iter().all(|one| one.disagreements().is_empty()) {
        true => ExitCode::Ok,
        false => ExitCode::Failed,
    })
}

async fn create(args: CreateArgs, cloud: &Cloud, session: &Session) -> Result<(), Error> {
    let new = NewVolume {
        name: args.name,
        size_gib: args.size,
        volume_type: args.volume_type,
        image: args.image,
        snapshot: args.snapshot,
        source: args.from,
        description: args.description,
    };
    let work = VolumeWork::default();
    session.takes_back_volumes(&work);
    let progress = Progress::begin(format!("creating {}", new.name), session.quiet);
    let tell = |waiting: smog::wait::Waiting<'_>| progress.state(waiting.last);
    let wait = progress.wait(Duration::from_secs(args.patience.timeout), &tell);
    let volume = cloud.create_volume(&new, &work, wait).await?;
    progress.end();
    output::show(&volume, &session.view)
}

async fn attach(args: AttachArgs, cloud: &Cloud, session: &Session) -> Result<(), Error> {
    let mut guest = cloud.guest(&args.guest).await?;
    let how = AttachVolume { device: None, delete_on_termination: args.delete_with_guest, tag: args.tag };
    let work = VolumeWork::default();
    session.takes_back_volumes(&work);
    let volume = args.one.volume;
    let progress = Progress::begin(format!("attaching {volume}"), session.quiet);
    let tell = |waiting: smog::wait::Waiting<'_>| progress.state(waiting.last);
    let wait = progress.wait(Duration::from_secs(args.patience.timeout), &tell);
    let attached = guest.attach_volume_with(&volume, &how, &work, wait).await?;
    progress.end();
    output::show(&attached, &session.view)
}

async fn detach(args: DetachArgs, cloud: &Cloud, session: &Session) -> Result<(), Error> {
    let mut guest = match &args.guest {
        Some(guest) => cloud.guest(guest).await?,
        None => holder(&args.one.volume, cloud).await?,
    };
    let progress = Progress::begin(format!("detaching {}", args.one.volume), session.quiet);
    let tell = |waiting: smog::wait::Waiting<'_>| progress.state(waiting.last);
    let wait = progress.wait(Duration::from_secs(args.patience.timeout), &tell);
    session.leaves(format!("Nova continues to detach `{}`", args.one.volume));
    guest.detach_volume(&args.one.volume, wait).await?;
    progress.end();
    session.done(&format!("{}: detached {}", guest.name(), args.one.volume));
    Ok(())
}

/// The one guest that has a volume.
async fn holder(asked: &str, cloud: &Cloud) -> Result<Guest, Error> {
    let volume = cloud.volume(asked).await?;
    let why = match &volume.attachments[..] {
        [one] => return Ok(Guest::new(cloud, cloud.server_by_id(&one.server_id).await?)),
        [] => format!("no guest has it (status {})", volume.status),
        several => format!("{} guests have it: name one of them", several.len()),
    };
    Err(Error::Invalid { what: format!("volume `{}`", volume.label()), why, hint: None })
}

async fn snapshot(verb: SnapshotVerb, cloud: &Cloud, session: &Session) -> Result<(), Error> {
    match verb {
        SnapshotVerb::List => output::list(&cloud.volume_snapshots().await?, &session.view),
        SnapshotVerb::Create { one, name, patience } => {
            let volume = cloud.volume(&one.volume).await?;
            session.leaves(format!("Cinder continues to make snapshot `{name}`"));
            let progress = Progress::begin(format!("making snapshot {name}"), session.quiet);
            let tell = |waiting: smog::wait::Waiting<'_>| progress.state(waiting.last);
            let wait = progress.wait(Duration::from_secs(patience.timeout), &tell);
            let made = cloud.snapshot_volume(&volume.id, &name, wait).await?;
            progress.end();
            output::show(&made, &session.view)
        }
        SnapshotVerb::Delete { snapshot, patience } => {
            let found = cloud.volume_snapshot(&snapshot).await?;
            let name = found.name.clone().unwrap_or_default();
            in_full("snapshot", &snapshot, &name, &found.id)?;
            let progress = Progress::begin(format!("deleting snapshot {snapshot}"), session.quiet);
            let tell = |waiting: smog::wait::Waiting<'_>| progress.state(waiting.last);
            let wait = progress.wait(Duration::from_secs(patience.timeout), &tell);
            session.leaves(format!("Cinder continues to delete snapshot `{snapshot}`"));
            cloud.delete_volume_snapshot(&found.id, wait).await?;
            progress.end();
            session.done(&format!("{snapshot}: deleted"));
            Ok(())
        }
    }
}
