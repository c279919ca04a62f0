use std::path::PathBuf;

use smog::config::{ComputesFile, SmogFile};
use smog::environment::{Environment, MachineCpu, MachineWish, Target, Want, Wish};
use smog::host::Machine;
use smog::{Error, ExitCode};

use crate::args::environment::EnvironmentArgs;
use crate::commands::prepare::{How, carry_out};
use crate::session::Session;

/// Enable nested virtualization on computes that are virtual machines
///
/// For each compute of the file: nested KVM on its parent, and the CPU mode of its domain there
/// (`passthrough: true`: the parent's CPU as it is; otherwise the nearest model libvirt knows).
/// Shows the changes, asks, makes them, restarts the computes and waits until they are up. What
/// is not supported is reported, and the rest is applied. No cloud is needed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    smog nested --file compute.yml\n  \
    smog nested --file compute.yml --cpu-mode maximum --numa-cells 2 --yes\n  \
    smog restore --computes compute.yml")]
pub struct NestedArgs {
    /// A file with `computes:`, each with parent, name, host, user and passthrough
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    /// CPU mode for all of them: host-passthrough, host-model, maximum, exact
    #[arg(long, value_name = "MODE")]
    cpu_mode: Option<MachineCpu>,
    /// Number of NUMA nodes per compute
    #[arg(long, value_name = "COUNT")]
    numa_cells: Option<u32>,
    #[command(flatten)]
    environment: EnvironmentArgs,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// When interrupted, keep the changes made so far; `smog restore --computes` restores it
    #[arg(long)]
    keep: bool,
}

pub async fn run(args: NestedArgs, session: &Session) -> Result<ExitCode, Error> {
    let file = ComputesFile::read(&args.file)?;
    let machines = machines(&file, &session.smog_file()?, &args.environment.hosts);
    if machines.is_empty() {
        return Err(Error::Invalid {
            what: args.file.display().to_string(),
            why: "no compute of it is a guest: none has `parent:` and `name:`, or `--host` names another"
                .into(),
            hint: Some("`parent:` is the machine it runs on, `name:` its libvirt domain there".into()),
        });
    }
    let mut wish = Wish::new().with(Target::Parents, Want::NestedKvm);
    for machine in &machines {
        let entry = file.computes.iter().find(|one| one.name.as_deref() == Some(machine.domain.as_str()));
        let cpu = args.cpu_mode.unwrap_or(match entry.and_then(|entry| entry.passthrough) {
            Some(true) => MachineCpu::HostPassthrough,
            _ => MachineCpu::HostModel,
        });
        let want = MachineWish { cpu: Some(cpu), cells: args.numa_cells };
        wish = wish.with(Target::Host(machine.host.name().to_string()), Want::Machine(want));
    }
    let command = format!("smog nested --file {}", smog::quote(&args.file.display().to_string()));
    let options = args.environment.options(session, &command)?;
    let environment = Environment::of_hosts(vec![], None, options).with_parents(machines);
    let how = How { yes: args.yes, partly: true, keep: args.keep };
    carry_out(&environment, &wish, how, session).await
}

/// The machines of a `computes:` file; `only` names some, by name or address.
pub fn machines(computes: &ComputesFile, file: &SmogFile, only: &[String]) -> Vec<Machine> {
    let mut machines = Machine::of_computes(computes, file);
    let is_meant = |machine: &Machine| only.is_empty() || only.iter().any(|name| name == machine.host.name());
    machines.retain(is_meant);
    machines
}
