//! `smog config init`

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;

use smog::Error;
use smog::config::SmogFile;

use crate::output;
use crate::session::Session;

#[derive(Debug, clap::Args)]
pub struct InitArgs {
    /// The file to write
    #[arg(default_value = "smog.yml", conflicts_with = "stdout")]
    file: PathBuf,
    /// Print it instead
    #[arg(long)]
    stdout: bool,
    /// Overwrite an existing file
    #[arg(long)]
    force: bool,
}

/// A host to write: its name and address.
type Found = (String, String);

pub async fn run(args: InitArgs, session: &Session) -> Result<(), Error> {
    let fail = |message: &str, hint: Option<&str>| Error::Config {
        place: args.file.display().to_string(),
        message: message.into(),
        hint: hint.map(Into::into),
    };
    if !args.stdout && !args.force && args.file.exists() {
        return Err(fail("is there already", Some("`--force` writes over it, `--stdout` only prints")));
    }
    let in_use = session.surroundings.smog_file()?;
    let (cloud, controllers, computes) = match ask(session).await {
        Ok(found) => found,
        Err(why @ Error::Api { status: 403, .. }) => {
            output::warning_of("the file names no hosts, since only administrators may list them", &why);
            let name = session.cloud().await?.name().to_string();
            (Some(name).filter(|name| name != "envvars"), vec![], vec![])
        }
        Err(why) => {
            output::warning_of("no cloud answered, so the file names no hosts", &why);
            (None, vec![], vec![])
        }
    };
    let text = text(&in_use, cloud.as_deref(), &controllers, &computes);
    if args.stdout {
        output::text(&text);
        return Ok(());
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).truncate(args.force).create(args.force).create_new(!args.force);
    let written = options.open(&args.file).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|why| fail(&format!("cannot be written: {why}"), None))?;
    session.done(&format!(
        "{}: written, with {}",
        args.file.display(),
        smog::show::counted(controllers.len() + computes.len(), "host")
    ));
    Ok(())
}

async fn ask(session: &Session) -> Result<(Option<String>, Vec<Found>, Vec<Found>), Error> {
    let cloud = session.cloud().await?;
    let (lines, services) = (cloud.host_list().await?, cloud.compute_services().await?);
    let addresses: BTreeMap<&str, &str> =
        lines.iter().map(|line| (line.name.as_str(), line.address.as_str())).collect();
    let hosts = |compute: bool| -> Vec<Found> {
        let names: BTreeSet<&str> = services
            .iter()
            .filter(|service| (service.binary == "nova-compute") == compute)
            .map(|service| service.host.as_str())
            .collect();
        // A host of which Nova reports no address is reached by its name.
        names.into_iter().map(|name| (name.into(), (*addresses.get(name).unwrap_or(&name)).into())).collect()
    };
    // Variables have no name that clouds.yaml knows.
    let name = Some(cloud.name().to_string()).filter(|name| name != "envvars");
    Ok((name, hosts(false), hosts(true)))
}

fn text(in_use: &SmogFile, cloud: Option<&str>, controllers: &[Found], computes: &[Found]) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let mut text = String::from(
        "# smog.yml: how smog reaches this cloud, and what tests need of it.\n\
         # `smog config check` checks it, `smog config show` shows what is in use.\n\n",
    );
    match cloud {
        Some(cloud) => {
            text +=
                &format!("# A cloud of clouds.yaml; OS_* variables overrule it.\ncloud: {}\n", quoted(cloud))
        }
        None => {
            text +=
                "# A cloud of clouds.yaml; without it, OS_* variables say who you are.\n# cloud: mycloud\n"
        }
    }
    match &in_use.log_dir {
        Some(dir) => text += &format!("\nlog_dir: {}\n", quoted(&dir.display().to_string())),
        None => {
            text += "\n# Where smog puts what it records [default: ~/.local/state/smog/logs].\n# log_dir: /tmp/smog\n"
        }
    }
    text += "\n# The nodes, by role. `user` is the one to log in as; without it your ssh configuration\n\
             # decides. A node that is a guest of a machine you reach has its address as `parent`.\n";
    if controllers.is_empty() && computes.is_empty() {
        text += "# hosts:\n#   controllers:\n#     - {name: ctl, host: 192.0.2.10, user: root}\n\
                 #   computes:\n#     - {name: cmp1, host: 192.0.2.11, user: root}\n";
    } else {
        text += "hosts:\n";
    }
    for (role, hosts) in [("controllers", controllers), ("computes", computes)] {
        if hosts.is_empty() {
            continue;
        }
        text += &format!("  {role}:\n");
        for (name, address) in hosts {
            let known = in_use.hosts.iter().find(|entry| entry.name.as_deref() == Some(name));
            let user = known.and_then(|entry| entry.user.as_deref());
            let user = user.map(|user| format!(", user: {}", quoted(user))).unwrap_or_default();
            text += &format!("    - {{name: {}, host: {}{user}}}\n", quoted(name), quoted(address));
        }
    }
    text += "\n# How hosts are reached, beyond your own ssh configuration.\n";
    let ssh =
        [("key", &in_use.ssh.key), ("known_hosts", &in_use.ssh.known_hosts), ("config", &in_use.ssh.config)];
    let given: Vec<_> = ssh.iter().filter_map(|(key, path)| Some((key, path.as_ref()?))).collect();
    if given.is_empty() {
        text += "# ssh:\n#   key: /home/me/.ssh/id_ed25519\n";
    } else {
        text += "ssh:\n";
        for (key, path) in given {
            text += &format!("  {key}: {}\n", quoted(&path.display().to_string()));
        }
    }
    text += "\n# What tests need of Nova; `smog config schema` lists every key.\n\
             # nova:\n#   filters: [NUMATopologyFilter, AggregateInstanceExtraSpecsFilter]\n\
             #   virt_type: kvm\n#   large_page: true\n#   large_page_num: 256  # of the default size, 2 MiB on x86\n";
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_init_writes_can_be_read() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("smog.yml");
        let hosts = [("cmp: 1".to_string(), "10.0.0.5".to_string())];
        for hosts in [&hosts[..], &[]] {
            std::fs::write(&path, text(&SmogFile::default(), Some("lab"), &[], hosts)).expect("write");
            let file = SmogFile::read(&path).expect("a smog.yml");
            assert_eq!(file.hosts.iter().filter_map(|host| host.name.clone()).count(), hosts.len());
            // What is commented out is right as well.
            let all = std::fs::read_to_string(&path).expect("read");
            let at = all.find("# nova:").expect("a nova section");
            let nova: String = all[at..].lines().map(|line| format!("{}\n", &line[2..])).collect();
            std::fs::write(&path, nova).expect("write");
            assert_eq!(SmogFile::read(&path).expect("a nova section").nova.large_page_num, Some(256));
        }
    }
}
