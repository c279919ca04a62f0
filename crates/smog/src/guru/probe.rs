//! Which processes a service has, and whether each handles the signal: a process that does not
//! would be ended by it.

use crate::error::{Error, Result};
use crate::host::{Cmd, Host};
use crate::oslo::OsloConfig;

/// SIGUSR2 in the mask of caught signals, on every architecture Nova runs on.
const USR2: u64 = 1 << 11;

/// A process of a service.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Process {
    pub pid: u32,
    pub parent: u32,
    /// Its start, in ticks after the boot: with the pid it names one process.
    pub start: String,
    pub catches_usr2: bool,
    pub exe: String,
    /// Its command line, words with spaces between.
    pub line: String,
}

/// A process and its children, each as a block of lines.
const LOOK: &str = r#"
for p in "$1" $(cat /proc/"$1"/task/*/children 2>/dev/null || pgrep -P "$1"); do
  [ -r /proc/"$p"/status ] || continue
  printf 'pid %s\n' "$p"
  sed -n 's/^PPid:[[:space:]]*/parent /p; s/^SigCgt:[[:space:]]*/caught /p' /proc/"$p"/status
  printf 'start %s\n' "$(sed 's/.*) //' /proc/"$p"/stat | cut -d' ' -f20)"
  printf 'exe %s\n' "$(readlink /proc/"$p"/exe)"
  printf 'line %s\n\n' "$(tr '\0\n' '  ' < /proc/"$p"/cmdline)"
done
"#;

/// In a container: the processes with this word in their command line.
const LOOK_BY_NAME: &str = r#"
for d in /proc/[0-9]*; do
  p=${d#/proc/}
  tr '\0\n' '  ' < "$d"/cmdline 2>/dev/null | grep -q -- "$1" || continue
  printf 'pid %s\n' "$p"
  sed -n 's/^PPid:[[:space:]]*/parent /p; s/^SigCgt:[[:space:]]*/caught /p' "$d"/status
  printf 'start %s\n' "$(sed 's/.*) //' "$d"/stat | cut -d' ' -f20)"
  printf 'exe %s\n' "$(readlink "$d"/exe)"
  printf 'line %s\n\n' "$(tr '\0\n' '  ' < "$d"/cmdline)"
done
"#;

/// The main process of a unit, and its children.
pub(super) async fn of_main(host: &Host, main: u32) -> Result<Vec<Process>> {
    let output = host.run(Cmd::shell(LOOK).args([main.to_string()]).repeatable()).await?;
    Ok(parse(&output.text()))
}

/// The processes of a container with this word in their command line.
pub(super) async fn by_name(host: &Host, name: &str) -> Result<Vec<Process>> {
    let output = host.run(Cmd::shell(LOOK_BY_NAME).args([name]).any_exit().repeatable()).await?;
    let mut found = parse(&output.text());
    // The script itself has the word in its line.
    found.retain(|process| process.exe.contains("python") || is_wsgi(process));
    found.sort_by_key(|process| process.pid);
    Ok(found)
}

fn parse(text: &str) -> Vec<Process> {
    let mut found: Vec<Process> = Vec::new();
    for line in text.lines() {
        let Some((key, value)) = line.split_once(' ') else { continue };
        if key == "pid" {
            found.push(Process { pid: value.parse().unwrap_or_default(), ..Process::default() });
            continue;
        }
        let Some(process) = found.last_mut() else { continue };
        match key {
            "parent" => process.parent = value.parse().unwrap_or_default(),
            "caught" => {
                let mask = u64::from_str_radix(value.trim(), 16).unwrap_or_default();
                process.catches_usr2 = mask & USR2 != 0;
            }
            "start" => process.start = value.into(),
            "exe" => process.exe = value.into(),
            "line" => process.line = value.trim().into(),
            _ => {}
        }
    }
    found.retain(|process| process.pid != 0);
    found
}

/// Whether a WSGI server runs the service: its signals are the server's own.
pub(super) fn is_wsgi(process: &Process) -> bool {
    let program = process.exe.rsplit('/').next().unwrap_or_default();
    ["uwsgi", "apache2", "httpd", "gunicorn"].iter().any(|server| program.starts_with(server))
}

/// Those that do the service's work: the workers; without any the main process.
pub(super) fn working(all: &[Process]) -> Vec<Process> {
    let Some(main) = all.first() else { return vec![] };
    // What a service starts (privsep, ovsdb-client) is another program, or handles no signal.
    let is_worker = |child: &&Process| {
        child.parent == main.pid && child.exe == main.exe && child.catches_usr2 && !is_helper(child)
    };
    let workers: Vec<Process> = all.iter().skip(1).filter(is_worker).cloned().collect();
    if workers.is_empty() { vec![main.clone()] } else { workers }
}

fn is_helper(process: &Process) -> bool {
    process.line.contains("privsep")
}

/// What the service's own configuration says of reports.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Wants {
    /// `[oslo_reports]log_dir`: reports are files there, else they go to standard error.
    pub log_dir: Option<String>,
    /// `[oslo_reports]file_event_handler`: a report is written when this file is touched, and
    /// no signal is handled.
    pub trigger: Option<String>,
}

/// The files that a process reads, by its command line; those of its project where it names none.
pub(super) fn config_files(process: &Process, service: &str, known: &[String]) -> Vec<String> {
    let words: Vec<&str> =
        process.line.split_whitespace().map(|word| word.trim_matches(['(', ')'])).collect();
    let mut files: Vec<String> = Vec::new();
    for (at, word) in words.iter().enumerate() {
        if let Some(file) = word.strip_prefix("--config-file=") {
            files.push(file.into());
        } else if *word == "--config-file" {
            files.extend(words.get(at + 1).map(|file| file.to_string()));
        }
    }
    if !files.is_empty() {
        return files;
    }
    if !known.is_empty() {
        return known.to_vec();
    }
    let project = service.split('-').next().unwrap_or(service);
    vec![format!("/etc/{project}/{project}.conf")]
}

/// What these files say; the last one that says something counts. A file that is not there says
/// nothing.
pub(super) async fn wants(host: &Host, files: &[String]) -> Result<Wants> {
    let mut wants = Wants::default();
    for file in files {
        let text = match host.read_text(file).await {
            Ok(text) => text,
            Err(Error::Command { .. } | Error::NotFound { .. }) => continue,
            Err(why) => return Err(why),
        };
        let config = OsloConfig::parse(text, file)?;
        let get =
            |key: &str| config.get("oslo_reports", key).map(str::to_string).filter(|value| !value.is_empty());
        wants.log_dir = get("log_dir").or(wants.log_dir);
        wants.trigger = get("file_event_handler").or(wants.trigger);
    }
    Ok(wants)
}

/// Looks again, and sends the signal in the same command: to this process, and only if it handles it.
const SEND: &str = r#"
caught=$(sed -n 's/^SigCgt:[[:space:]]*//p' /proc/"$1"/status 2>/dev/null)
[ -n "$caught" ] || exit 46
[ "$(sed 's/.*) //' /proc/"$1"/stat | cut -d' ' -f20)" = "$2" ] || exit 46
low=${caught#"${caught%????}"}
[ $(( 0x$low & 0x800 )) -ne 0 ] || exit 47
kill -USR2 "$1"
"#;

const GONE: i32 = 46;
const DEAF: i32 = 47;

/// Send SIGUSR2 to a process that handles it.
///
/// # Errors
/// [`Error::Invalid`] when it does not, or is not that process any more: nothing is sent then.
pub(super) async fn send(host: &Host, process: &Process) -> Result<()> {
    let cmd = Cmd::shell(SEND).args([process.pid.to_string(), process.start.clone()]);
    let output = host.run(cmd.expect([0, GONE, DEAF])).await?;
    match output.exit.code {
        GONE => Err(Error::Invalid {
            what: format!("process {} on host `{}`", process.pid, host.name()),
            why: "it has ended; nothing was signalled".into(),
            hint: Some("ask again".into()),
        }),
        DEAF => Err(deaf(host, process)),
        _ => Ok(()),
    }
}

pub(super) fn deaf(host: &Host, process: &Process) -> Error {
    Error::Invalid {
        what: format!("process {} on host `{}`", process.pid, host.name()),
        why: "it does not handle SIGUSR2, which would end it; it was not signalled".into(),
        hint: Some(
            "`[oslo_reports]file_event_handler` in its configuration, and a restart, let it report without a signal"
                .into(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Recorded from the lab with LOOK, shortened: neutron-rpc-server with a worker, nova-api below uWSGI.
    const RPC: &str = "pid 128\nparent 1\ncaught 0000000008006803\nstart 5015\nexe /usr/bin/python3.13\n\
        line /usr/bin/python3 /usr/bin/neutron-rpc-server --config-file=/etc/neutron/neutron.conf \n\n\
        pid 450\nparent 128\ncaught 0000000108004803\nstart 6001\nexe /usr/bin/python3.13\n\
        line neutron-server: rpc worker (/usr/bin/python3 /usr/bin/neutron-rpc-server --config-file=/etc/neutron/neutron.conf)\n\n\
        pid 475\nparent 128\ncaught 0000000000006403\nstart 6002\nexe /usr/bin/ovsdb-client\nline ovsdb-client monitor\n\n";
    const API: &str = "pid 67\nparent 1\ncaught 0000000000084687\nstart 400\nexe /usr/bin/uwsgi-core\n\
        line /usr/bin/uwsgi_python3 --http-socket :8774 --ini /etc/nova/nova-api-uwsgi.ini \n\n";

    #[test]
    fn workers_are_asked_and_helpers_are_not() {
        let all = parse(RPC);
        let asked: Vec<u32> = working(&all).iter().map(|process| process.pid).collect();
        assert_eq!(asked, [450]);
        assert_eq!(config_files(&all[1], "neutron-rpc-server", &[]), ["/etc/neutron/neutron.conf"]);
        assert!(!is_wsgi(&all[0]));
    }

    #[test]
    fn a_process_that_would_be_ended_is_known() {
        let all = parse(API);
        assert!(is_wsgi(&all[0]) && !all[0].catches_usr2);
        assert_eq!(config_files(&all[0], "nova-api", &[]), ["/etc/nova/nova.conf"]);
    }
}
