//! What belongs to which test, and what came first.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};

use super::gather::{Gather, Seen};
use super::{By, FailedTest, Group, Likely, Tests, Tie, Triage};

/// A service may log what a test's request threw a moment after the test has ended.
const AFTERMATH: SignedDuration = SignedDuration::from_secs(2);

impl Gather {
    /// Tie the exceptions to the tests, and look for the first cause.
    pub fn judged(mut self, tests: Option<Tests>) -> Triage {
        if let Some(counts) = &self.baseline {
            for group in &mut self.groups {
                let count = counts.get(&(group.exception.clone(), group.place.clone()));
                group.in_baseline = Some(count.copied().unwrap_or_default());
            }
        }
        // The most frequent first, what a good run has as well last.
        let mut order: Vec<usize> = (0..self.groups.len()).collect();
        order.sort_by_key(|at| {
            let group = &self.groups[*at];
            (group.is_noise(), std::cmp::Reverse(group.count), group.first)
        });
        let mut place = vec![0; order.len()];
        order.iter().enumerate().for_each(|(new, old)| place[*old] = new);
        let groups: Vec<Group> = order.iter().map(|old| self.groups[*old].clone()).collect();
        self.seen.iter_mut().for_each(|seen| seen.group = place[seen.group]);
        let mut tests = tests;
        if let Some(tests) = &mut tests {
            tie(&mut tests.failed, &self.seen);
        }
        let likely = likely(&groups, &self.seen, tests.as_ref());
        let hosts: BTreeSet<&String> = groups.iter().flat_map(|group| group.hosts.keys()).collect();
        Triage {
            hosts: hosts.into_iter().cloned().collect(),
            exceptions: groups.iter().map(|group| group.count).sum(),
            first: groups.iter().filter_map(|group| group.first).min(),
            last: groups.iter().filter_map(|group| group.last).max(),
            tests,
            likely,
            groups,
            ..Triage::default()
        }
    }
}

fn tie(tests: &mut [FailedTest], seen: &[Seen]) {
    let mut by_request: HashMap<&str, Vec<&Seen>> = HashMap::new();
    for one in seen {
        for id in [&one.request, &one.global_request].into_iter().flatten() {
            by_request.entry(id).or_default().push(one);
        }
    }
    for test in tests {
        let mut counts: BTreeMap<(By, usize), u64> = BTreeMap::new();
        let mut own = BTreeSet::new();
        for one in test.requests.iter().filter_map(|id| by_request.get(id.as_str())).flatten() {
            if own.insert(std::ptr::from_ref(*one)) {
                *counts.entry((By::Request, one.group)).or_default() += 1;
            }
        }
        let in_time = seen.iter().filter(|one| ran_at(test.began, test.ended, one.time));
        for one in in_time.filter(|one| !own.contains(&std::ptr::from_ref(*one))) {
            *counts.entry((By::Time, one.group)).or_default() += 1;
        }
        test.exceptions = counts.into_iter().map(|((by, group), count)| Tie { group, count, by }).collect();
    }
}

/// Whether a test ran at a time; one without an end runs on.
fn ran_at(began: Option<Timestamp>, ended: Option<Timestamp>, time: Option<Timestamp>) -> bool {
    let (Some(began), Some(time)) = (began, time) else { return false };
    time >= began && ended.is_none_or(|ended| time.duration_since(ended) <= AFTERMATH)
}

/// The earliest exception that belongs to what failed; noise is none.
fn likely(groups: &[Group], seen: &[Seen], tests: Option<&Tests>) -> Option<Likely> {
    let news: Vec<&Seen> = seen.iter().filter(|one| !groups[one.group].is_noise()).collect();
    let failed = tests.map(|tests| tests.failed.as_slice()).unwrap_or_default();
    let requests: BTreeSet<&str> =
        failed.iter().flat_map(|test| test.requests.iter().map(String::as_str)).collect();
    let of_requests = |one: &&&Seen| {
        [&one.request, &one.global_request].into_iter().flatten().any(|id| requests.contains(id.as_str()))
    };
    let in_tests = |one: &&&Seen| failed.iter().any(|test| ran_at(test.began, test.ended, one.time));
    let of_users = |one: &&&Seen| one.user && groups[one.group].traceback;
    let first = |wanted: &dyn Fn(&&&Seen) -> bool, why: &str| {
        let first = news.iter().filter(wanted).min_by_key(|one| (one.time.is_none(), one.time))?;
        Some((*first, why.to_string()))
    };
    let (one, why) = first(&of_requests, "the earliest exception of the requests that the failed tests name")
        .or_else(|| {
            let is_of_user = |one: &&&Seen| in_tests(one) && one.user;
            first(&is_of_user, "the earliest exception of a user's request while a failed test ran")
        })
        .or_else(|| first(&in_tests, "the earliest exception while a failed test ran"))
        .or_else(|| first(&of_users, "the earliest exception of a user's request"))
        .or_else(|| first(&|one| groups[one.group].traceback, "the earliest exception with a traceback"))
        .or_else(|| first(&|_| true, "the earliest exception"))?;
    Some(Likely {
        group: one.group,
        time: one.time,
        host: one.host.clone(),
        source: one.source.clone(),
        request: one.request.clone(),
        text: one.text.clone(),
        why,
    })
}
