//! Which fault a seed and a number give.

use crate::fault::{
    Activity, ApiFault, Disk, Fault, Hostile, Injector, LISTS, Service, Signal, SshFault, Stdio, When,
};
use crate::rng::Rng;

/// The fault of this number. Cheap activities come more often than dear ones.
pub fn draw(seed: u64, number: u64) -> Fault {
    let mut rng = Rng::of(seed, number);
    let restore = rng.below(2) == 1;
    let list = rng.below(LISTS.len() as u64) as usize;
    let activity = rng.weighted(&[
        (46, Activity::List(list)),
        (9, Activity::Discover),
        (9, Activity::Logs),
        (5, Activity::Watch),
        (11, Activity::Boot),
        (5, Activity::Delete),
        (4, Activity::Migrate),
        (8, Activity::PrepareSysctl { restore }),
        (1, Activity::PrepareNova { restore }),
        (2, Activity::Test),
    ]);
    let injector = match rng.weighted(&weights(activity)) {
        Kind::Api => api(activity, &mut rng),
        Kind::Ssh => ssh(activity, &mut rng),
        Kind::Kill => kill(activity, &mut rng),
        Kind::Disk => Injector::Disk(disk(activity, &mut rng)),
        Kind::Clock => {
            Injector::Clock { seconds: rng.one(&[-86_400 * 400, -7200, -90, 90, 3600, 86_400 * 3]) }
        }
        Kind::Stdio => Injector::Stdio(rng.one(&[
            Stdio::OutClosed,
            Stdio::ErrClosed,
            Stdio::OutFull,
            Stdio::ErrFull,
            Stdio::OutBroken,
            Stdio::BothBroken,
            Stdio::BothAfterLine,
            Stdio::InClosed,
        ])),
        Kind::Names => Injector::Names(match activity {
            Activity::Logs | Activity::Watch => Hostile::LogFile,
            _ => rng.one(&[Hostile::Escapes, Hostile::Lines, Hostile::Long]),
        }),
    };
    Fault { seed, number, activity, injector }
}

#[derive(Clone, Copy)]
enum Kind {
    Api,
    Ssh,
    Kill,
    Disk,
    Clock,
    Stdio,
    Names,
}

fn weights(activity: Activity) -> Vec<(u32, Kind)> {
    use Kind::*;
    match activity {
        Activity::List(_) => vec![(58, Api), (13, Stdio), (12, Names), (7, Clock), (4, Disk), (6, Kill)],
        Activity::Discover => vec![(34, Api), (34, Ssh), (8, Names), (8, Stdio), (6, Clock), (10, Kill)],
        Activity::Logs | Activity::Watch => {
            vec![(48, Ssh), (20, Api), (12, Stdio), (10, Kill), (6, Clock), (4, Names)]
        }
        Activity::Boot | Activity::Delete => vec![(56, Api), (24, Kill), (12, Stdio), (4, Names), (4, Clock)],
        Activity::Migrate => vec![(52, Api), (28, Kill), (16, Stdio), (4, Clock)],
        Activity::PrepareSysctl { .. } | Activity::PrepareNova { .. } => {
            vec![(32, Ssh), (42, Kill), (12, Disk), (9, Stdio), (5, Api)]
        }
        Activity::Test => vec![(44, Api), (18, Ssh), (22, Kill), (8, Stdio), (8, Disk)],
    }
}

/// How many requests an activity makes of each service (as [`Service::ALL`] has them), about.
fn requests(activity: Activity) -> [u32; 5] {
    match activity {
        Activity::List(list) => match LISTS[list].0[0] {
            "network" => [1, 0, 1, 0, 0],
            "image" => [1, 0, 0, 1, 0],
            "placement" => [1, 1, 0, 0, 2],
            "project" => [2, 0, 0, 0, 0],
            _ => [1, 1, 0, 0, 0],
        },
        Activity::Discover => [1, 2, 0, 0, 0],
        Activity::Logs | Activity::Watch => [1, 2, 0, 0, 0],
        Activity::Boot => [1, 8, 1, 1, 0],
        Activity::Delete => [1, 5, 0, 0, 0],
        Activity::Migrate => [1, 8, 0, 0, 0],
        Activity::PrepareSysctl { .. } => [1, 1, 0, 0, 0],
        Activity::PrepareNova { .. } => [1, 3, 0, 0, 0],
        Activity::Test => [6, 30, 6, 2, 6],
    }
}

fn api(activity: Activity, rng: &mut Rng) -> Injector {
    let counts = requests(activity);
    let weights: Vec<(u32, Service)> =
        Service::ALL.iter().zip(counts).map(|(service, count)| (count.min(6), *service)).collect();
    let service = rng.weighted(&weights);
    let count = counts[Service::ALL.iter().position(|one| *one == service).unwrap_or(0)];
    let code = rng.one(&[401, 403, 409, 413, 429, 500, 502, 503, 504]);
    let asked = rng.below(2) == 1;
    let choices = [
        (4, ApiFault::Refuse),
        (8, ApiFault::Reset { asked }),
        (6, ApiFault::Close { asked }),
        (1, ApiFault::Hang),
        (6, ApiFault::Delay { ms: rng.within(200, 6000) }),
        (8, ApiFault::Cut { percent: rng.below(100) as u8 }),
        (6, ApiFault::HalfJson),
        (16, ApiFault::WrongTypes { variant: rng.below(64) as u8 }),
        (6, ApiFault::Html { status: rng.one(&[200, 404, 500, 503]) }),
        (30, ApiFault::Status { code, retry_after: rng.one(&[None, None, Some(0), Some(1), Some(3600)]) }),
        (8, ApiFault::Redirect { code: rng.one(&[301, 302, 303, 307, 308]) }),
        (3, ApiFault::GzipBomb),
        (3, ApiFault::Endless),
        (3, ApiFault::HugeHeaders),
        (8, ApiFault::ControlCharacters { code: rng.one(&[400, 403, 409, 500]) }),
        (4, ApiFault::Garbage),
        (4, ApiFault::Empty),
    ];
    let what = rng.weighted(&choices);
    // For good, or once or twice.
    let times = rng.one(&[Some(1), Some(1), Some(2), None]);
    let from = rng.below(u64::from(count.max(1))) as u32;
    Injector::Api { service, from, times, what }
}

/// The lab's hosts by number: ctl, cmp1, cmp2.
fn ssh(activity: Activity, rng: &mut Rng) -> Injector {
    let host = match activity {
        Activity::PrepareSysctl { .. } | Activity::PrepareNova { .. } => 2,
        // What is watched for is in the controller's logs.
        Activity::Logs | Activity::Watch => rng.one(&[0, 0, 1, 2]),
        _ => rng.one(&[1, 2]),
    };
    let bytes = rng.one(&[0, 21, 400, 1500, 4000, 6000, 9000, 20_000, 60_000]);
    let choices = [
        (2, SshFault::Refuse),
        (1, SshFault::NoBanner),
        (5, SshFault::Cut { bytes }),
        (1, SshFault::Freeze { bytes }),
        (2, SshFault::Slow { rate: rng.one(&[24_000, 100_000]) }),
        (3, SshFault::Noise { bytes }),
    ];
    let what = rng.weighted(&choices);
    Injector::Ssh { host, what }
}

fn kill(activity: Activity, rng: &mut Rng) -> Injector {
    let signal = rng.one(&[Signal::Int, Signal::Term, Signal::Hup, Signal::Kill, Signal::Kill]);
    let (requests, span) = match activity {
        Activity::List(_) => (2, 400),
        Activity::Discover | Activity::Logs => (2, 1500),
        Activity::Watch => (2, 5000),
        Activity::Boot => (12, 6000),
        Activity::Delete => (6, 3000),
        Activity::Migrate => (10, 6000),
        Activity::PrepareSysctl { .. } => (1, 1500),
        Activity::PrepareNova { .. } => (2, 6000),
        Activity::Test => (60, 12_000),
    };
    if activity.changes_hosts() && rng.below(3) > 0 {
        return Injector::Kill { signal: Signal::Kill, when: When::Step(rng.within(1, 12) as u32) };
    }
    let when = match rng.below(2) {
        0 => When::Request { number: rng.below(requests) as u32, after: rng.below(2) == 1 },
        _ => When::Milliseconds(rng.below(span)),
    };
    Injector::Kill { signal, when }
}

fn disk(activity: Activity, rng: &mut Rng) -> Disk {
    match activity {
        Activity::PrepareSysctl { .. } | Activity::PrepareNova { .. } => {
            rng.one(&[Disk::State, Disk::OnHost])
        }
        Activity::Test => rng.one(&[Disk::Logs, Disk::State]),
        _ => rng.one(&[Disk::Cache, Disk::State]),
    }
}

#[cfg(test)]
mod tests {
    use super::draw;

    #[test]
    fn a_seed_gives_the_same_faults_every_time_and_all_kinds() {
        let kinds: std::collections::BTreeSet<&str> =
            (0..1000).map(|number| draw(1, number).injector.kind()).collect();
        assert_eq!(kinds.len(), 17, "{kinds:?}");
        assert_eq!(draw(7, 3), draw(7, 3));
        assert_ne!(draw(7, 3), draw(8, 3));
    }
}
