//! One host: SSH, root, programs, libvirt, where services and their logs are, the clock.

use jiff::Timestamp;

use super::{Checkup, Health};
use crate::cloud::Cloud;
use crate::hint::Face;
use crate::host::{Batch, Cmd, Host, Layout, ServiceRole};
use crate::show::counted;

/// A clock that is further off makes times of logs misleading. Seconds.
const CLOCK: f64 = 2.0;

/// All checkups of one host. What needs a connection is not looked at without one.
pub(super) async fn look(cloud: &Cloud, name: &str, face: Face) -> Vec<Checkup> {
    let host = match cloud.host(name).await {
        Ok(host) => host,
        Err(why) => return vec![Checkup::error(name, "ssh", Health::Unknown, &why, face)],
    };
    let mut found = Vec::new();
    let asked = Timestamp::now();
    let answers = match host.outside().ask(questions()).await {
        Ok(answers) => answers,
        Err(why) => return vec![Checkup::error(name, "ssh", Health::Failed, &why, face)],
    };
    let took = (Timestamp::now() - asked).total(jiff::Unit::Second).unwrap_or_default();
    let words: Vec<String> =
        answers.outputs().iter().map(|output| output.text().trim().to_string()).collect();
    let [user, python, system, clock] = words.as_slice() else { return found };
    found.push(login(name, user, system));
    found.push(match python.is_empty() {
        false => Checkup::new(name, "python3", Health::Ok, python.as_str()),
        true => Checkup::new(name, "python3", Health::Limited, "not there")
            .hint("without it logs are not read or watched, scheduler filters are not read and Guru Meditation Reports are not asked for"),
    });
    found.push(clock_checkup(name, clock, asked, took));
    match host.layout().await {
        Ok(layout) => {
            let is_compute = layout.place(ServiceRole::NovaCompute).is_some()
                || layout.place(ServiceRole::Libvirt).is_some();
            found.push(layout_checkup(name, &layout));
            found.push(logs(&host, name, &layout, face).await);
            if is_compute {
                found.push(virsh(&host, name, face).await);
            }
        }
        Err(why) => found.push(Checkup::error(name, "layout", Health::Unknown, &why, face)),
    }
    found
}

/// The questions of one round trip; every answer is one line.
fn questions() -> Batch {
    let mut batch = Batch::new();
    batch.add(Cmd::new("id").arg("-un"));
    batch.add(Cmd::shell(
        "command -v python3 >/dev/null && python3 -c 'import sys; print(sys.version.split()[0])'",
    ));
    batch.add(Cmd::shell(
        ". /etc/os-release 2>/dev/null; echo \"${PRETTY_NAME:-unknown system}, Linux $(uname -r)\"",
    ));
    batch.add(Cmd::new("date").arg("+%s.%N"));
    batch
}

fn login(name: &str, user: &str, system: &str) -> Checkup {
    match user {
        "" => Checkup::new(name, "ssh", Health::Unknown, "a command ran, and `id` did not answer"),
        "root" => Checkup::new(name, "ssh", Health::Ok, format!("commands run as root; {system}")),
        other => Checkup::new(name, "ssh", Health::Limited, format!("commands run as `{other}`, not as root; {system}"))
            .hint("libvirt, huge pages and most logs need root: let the user use sudo without a password, or set `user: root`"),
    }
}

/// How far the host's clock is off this machine's, as far as the way there and back lets see.
fn clock_checkup(name: &str, text: &str, asked: Timestamp, took: f64) -> Checkup {
    let Ok(there) = text.parse::<f64>() else {
        return Checkup::new(name, "clock", Health::Unknown, "`date` does not say the time in seconds");
    };
    let begun = asked.as_millisecond() as f64 / 1000.0;
    // It was read at some moment between the question and the answer.
    let off = if there < begun { there - begun } else { (there - begun - took).max(0.0) };
    match off.abs() < CLOCK {
        true => Checkup::new(name, "clock", Health::Ok, format!("less than {CLOCK} s off this machine's")),
        false => {
            let way = if off < 0.0 { "behind" } else { "ahead of" };
            Checkup::new(name, "clock", Health::Limited, format!("{:.0} s {way} this machine's", off.abs()))
                .hint("its logs have other times than those of other hosts: let NTP or chrony set its clock")
        }
    }
}

fn layout_checkup(name: &str, layout: &Layout) -> Checkup {
    let roles: Vec<String> = layout
        .places
        .iter()
        .map(|(role, place)| {
            let role = serde_json::to_value(role).ok().and_then(|word| word.as_str().map(str::to_string));
            let at = place.container.as_ref().map(|container| format!("container {}", container.name));
            let at = at.or_else(|| place.unit.clone()).unwrap_or_else(|| "no unit".into());
            format!("{} ({at})", role.unwrap_or_default())
        })
        .collect();
    match roles.is_empty() {
        true => Checkup::new(name, "layout", Health::Limited, "no service of OpenStack is found here")
            .hint("`watch: logs:` and `container:` in smog.yml name what smog does not find by itself"),
        false => Checkup::new(name, "layout", Health::Ok, format!("{:?}: {}", layout.kind, roles.join(", "))),
    }
}

/// Whether the logs of the services found can be read.
async fn logs(host: &Host, name: &str, layout: &Layout, face: Face) -> Checkup {
    let mut batch = Batch::new();
    let places: Vec<(String, _)> = layout
        .places
        .values()
        .filter_map(|place| match (&place.log, &place.unit) {
            (Some(file), _) => {
                Some((file.clone(), batch.add(Cmd::new("head").args(["-c", "0", "--", file]))))
            }
            (None, Some(unit)) => {
                let cmd =
                    Cmd::new("journalctl").args(["--no-pager", "-q", "-n", "1", "-o", "cat", "-u", unit]);
                Some((format!("journal of {unit}"), batch.add(cmd)))
            }
            (None, None) => None,
        })
        .collect();
    if places.is_empty() {
        return Checkup::new(name, "logs", Health::Limited, "no log is known here");
    }
    let answers = match host.outside().ask(batch).await {
        Ok(answers) => answers,
        Err(why) => return Checkup::error(name, "logs", Health::Unknown, &why, face),
    };
    let unread: Vec<String> = places
        .iter()
        .filter_map(|(place, ask)| {
            let output = answers.get(*ask);
            let why = String::from_utf8_lossy(&output.stderr);
            // `head: cannot open '…' for reading: Permission denied`
            let why = why.lines().next().and_then(|line| line.rsplit(": ").next()).unwrap_or("no answer");
            (!output.exit.is_ok()).then(|| format!("{place} ({why})"))
        })
        .collect();
    match unread.is_empty() {
        true => {
            let all: Vec<String> = places.into_iter().map(|(place, _)| place).collect();
            Checkup::new(name, "logs", Health::Ok, crate::some_of::some_of(&all))
        }
        false => {
            let seen = format!("cannot read {}", crate::some_of::some_of(&unread));
            Checkup::new(name, "logs", Health::Limited, seen)
        }
    }
}

async fn virsh(host: &Host, name: &str, face: Face) -> Checkup {
    match host.domains_with_states().await {
        Ok(found) => {
            let seen = format!("libvirt answers, {}", counted(found.sightings.len(), "domain"));
            match found.unreadable.first() {
                None => Checkup::new(name, "virsh", Health::Ok, seen),
                Some(why) => Checkup::error(name, "virsh", Health::Limited, why, face),
            }
        }
        Err(why) => Checkup::error(name, "virsh", Health::Failed, &why, face),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{Health, clock_checkup, login};

    #[test]
    fn a_clock_is_off_only_where_the_way_does_not_explain_it() {
        let asked: Timestamp = "2026-01-01T12:00:00Z".parse().expect("a time");
        let at = |seconds: f64| {
            let there = asked.as_second() as f64 + seconds;
            clock_checkup("cmp1", &there.to_string(), asked, 5.0)
        };
        assert_eq!(at(4.0).health, Health::Ok, "within the five seconds that the answer took");
        assert_eq!(at(6.5).health, Health::Ok);
        let ahead = at(65.0);
        assert_eq!((ahead.health, ahead.seen.as_str()), (Health::Limited, "60 s ahead of this machine's"));
        let behind = at(-60.0);
        assert_eq!((behind.health, behind.seen.as_str()), (Health::Limited, "60 s behind this machine's"));
        assert_eq!(clock_checkup("cmp1", "never", asked, 1.0).health, Health::Unknown);
    }

    #[test]
    fn a_user_who_does_not_become_root_is_limited() {
        assert_eq!(login("a", "root", "Debian").health, Health::Ok);
        assert_eq!(login("a", "", "Debian").health, Health::Unknown);
        assert_eq!(login("a", "stack", "Debian").health, Health::Limited);
    }
}
