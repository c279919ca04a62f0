use smog::{Error, ExitCode};

use crate::output;

/// Completion of commands, options, and the names of guests, hosts, flavors, images and networks
///
/// bash: source <(smog completion bash)
/// zsh:  source <(smog completion zsh)
/// fish: smog completion fish | source
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct CompletionArgs {
    /// The shell
    shell: Shell,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

pub fn run(args: CompletionArgs) -> Result<ExitCode, Error> {
    let shells = clap_complete::env::Shells(crate::shells::ALL);
    let name = match args.shell {
        Shell::Bash => "bash",
        Shell::Zsh => "zsh",
        Shell::Fish => "fish",
    };
    let mut script = Vec::new();
    let written = match shells.completer(name) {
        Some(shell) => shell.write_registration("COMPLETE", "smog", "smog", "smog", &mut script),
        None => Ok(()),
    };
    written.map_err(|why| Error::Parse {
        what: "the completion script".into(),
        source_of: "smog".into(),
        why: why.to_string(),
    })?;
    output::data(&script);
    Ok(ExitCode::Ok)
}
