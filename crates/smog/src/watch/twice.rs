//! What a service writes to several places, its log file and its unit's journal, is one record.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::Timestamp;

use super::record::Record;
use super::stamp;

/// So many records are remembered.
const MOST: usize = 50_000;

/// The records of a host that were met in one place or several.
#[derive(Debug, Default)]
pub(super) struct Twice {
    met: HashMap<u64, Vec<Met>>,
    order: VecDeque<u64>,
}

#[derive(Debug)]
struct Met {
    /// Where it was met.
    places: Vec<u64>,
    time: Option<Timestamp>,
}

impl Twice {
    /// Whether a record was met already: in the journal if it is of a file, or the other way round.
    pub(super) fn is_second(&mut self, record: &Record) -> bool {
        self.is_met(record, u64::from(record.source.starts_with("journal:")))
    }

    /// Whether a record was met in another place already. Equal records of one place are two.
    pub(super) fn is_met(&mut self, record: &Record, place: u64) -> bool {
        // Only what a service's logger wrote can be in both.
        if record.pid.is_none() || record.logger.is_none() || record.message.is_empty() {
            return false;
        }
        let mut hasher = DefaultHasher::new();
        (record.pid, &record.logger, &record.request_id, &record.instance, &record.message).hash(&mut hasher);
        let key = hasher.finish();
        let met = self.met.entry(key).or_default();
        let is_it = |one: &Met| {
            !one.places.contains(&place)
                && match (one.time, record.time) {
                    (Some(one), Some(other)) => stamp::near(one, other),
                    _ => true,
                }
        };
        if let Some(at) = met.iter().position(is_it) {
            met[at].places.push(place);
            return true;
        }
        met.push(Met { places: vec![place], time: record.time });
        self.order.push_back(key);
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
            && let Some(met) = self.met.get_mut(&oldest)
        {
            if !met.is_empty() {
                met.remove(0);
            }
            if met.is_empty() {
                self.met.remove(&oldest);
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_other_place_s_copy_is_left_out() {
        let record = |source: &str, time: &str| Record {
            source: source.into(),
            time: time.parse().ok(),
            pid: Some(7),
            logger: Some("nova".into()),
            message: "Starting".into(),
            ..Record::default()
        };
        let mut twice = Twice::default();
        let (file, journal) = ("/var/log/nova/nova-compute.log", "journal:nova-compute.service");
        let answers = [
            (file, "2026-11-24T10:00:00Z"),
            (file, "2026-11-24T10:00:01Z"),
            (journal, "2026-11-24T10:00:00.1Z"),
            (journal, "2026-11-24T10:00:01.1Z"),
            (journal, "2026-11-24T10:00:01.2Z"),
            (file, "2026-11-24T10:00:09Z"),
        ]
        .map(|(source, time)| !twice.is_second(&record(source, time)));
        assert_eq!(answers, [true, true, false, false, true, true]);
    }
}
