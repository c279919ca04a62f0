mod install;

use smog::{Error, ExitCode};

use crate::output;

/// Completion of commands, options, and the names of guests, hosts, flavors, images and networks
///
/// For every new shell: smog completion --install
///
/// For this shell:
///   bash: source <(smog completion bash)
///   zsh:  source <(smog completion zsh)
///   fish: smog completion fish | source
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct CompletionArgs {
    /// The shell [default with --install and --uninstall: that of SHELL]
    #[arg(required_unless_present_any = ["install", "uninstall"])]
    shell: Option<Shell>,
    /// Write the script where the shell finds it, for this user
    #[arg(long, conflicts_with = "uninstall")]
    install: bool,
    /// Remove what --install wrote
    #[arg(long)]
    uninstall: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Shell {
    fn name(self) -> &'static str {
        match self {
            Shell::Bash => "bash",
            Shell::Zsh => "zsh",
            Shell::Fish => "fish",
        }
    }
}

pub fn run(args: CompletionArgs) -> Result<ExitCode, Error> {
    match (args.shell, args.install, args.uninstall) {
        (Some(shell), false, false) => output::data(script(shell)?.as_bytes()),
        (shell, true, _) => install::install(shell)?,
        (shell, ..) => install::uninstall(shell)?,
    }
    Ok(ExitCode::Ok)
}

/// The script that a shell reads.
fn script(shell: Shell) -> Result<String, Error> {
    let shells = clap_complete::env::Shells(crate::shells::ALL);
    let mut script = Vec::new();
    let written = match shells.completer(shell.name()) {
        Some(shell) => shell.write_registration("COMPLETE", "smog", "smog", "smog", &mut script),
        None => Ok(()),
    };
    written.map_err(|why| Error::Parse {
        what: "the completion script".into(),
        source_of: "smog".into(),
        why: why.to_string(),
    })?;
    Ok(String::from_utf8_lossy(&script).into_owned())
}
