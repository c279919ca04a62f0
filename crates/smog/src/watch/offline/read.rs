//! The records of all sources, in the order of time.

use std::io;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::trouble::{Trouble, What};
use super::{Saved, Source, is_host};
use crate::error::{Error, Result};
use crate::exit::ExitCode;
use crate::watch::filter::Filter;
use crate::watch::in_order::InOrder;
use crate::watch::record::Record;
use crate::watch::scan::{Scan, Scanned, Wanted};
use crate::watch::twice::Twice;
use crate::watch::unpack::unpack;

/// So many logs are read at once at most.
const MOST_THREADS: usize = 4;

/// What was read of saved logs.
#[derive(Debug, Clone, Default)]
pub struct ReadUp {
    /// Logs that were read.
    pub sources: usize,
    /// Bytes of their text.
    pub bytes: u64,
    /// Records that were reported.
    pub records: u64,
    /// Records that are in several places, reported once.
    pub twice: u64,
    /// What could not be read or judged, of the places and of the logs.
    pub troubles: Vec<Trouble>,
    /// A log was met whose form is known.
    pub recognised: bool,
}

impl Saved {
    /// Report the records that match a filter, in the order of time, or until `on_record` breaks off.
    /// What is in several places of a host (its log and its journal) is reported once. Memory does not
    /// grow with the logs; the records that are wanted are kept on disk meanwhile.
    ///
    /// # Errors
    /// [`Error::Invalid`] where the records under way cannot be kept.
    pub fn read(&self, filter: &Filter, on_record: impl FnMut(Record) -> ControlFlow<()>) -> Result<ReadUp> {
        self.search(&Wanted::of_filter(filter)?, filter, on_record)
    }

    /// Report the records that are wanted, as [`Saved::read`] does, with a custom search.
    ///
    /// # Errors
    /// As [`Saved::read`].
    pub fn search(
        &self,
        wanted: &Wanted,
        filter: &Filter,
        mut on_record: impl FnMut(Record) -> ControlFlow<()>,
    ) -> Result<ReadUp> {
        let mut up = ReadUp { troubles: self.troubles.clone(), ..ReadUp::default() };
        let wants = |record: &Record| self.is_of_hosts(record) && filter.wants(record);
        // Of a single log, each is reported as it is found.
        if let [source] = self.sources.as_slice() {
            let mut records = 0;
            let read = source.read(wanted, |record| {
                if !wants(&record) {
                    return ControlFlow::Continue(());
                }
                records += 1;
                on_record(record)
            });
            up.records = records;
            up.take(source, read);
            return Ok(up.judged());
        }
        let order = InOrder::default();
        let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
        // The big ones first: the last one read is a small one.
        let mut by_size: Vec<usize> = (0..self.sources.len()).collect();
        by_size.sort_by_key(|at| std::cmp::Reverse(self.sources[*at].size));
        let done = Mutex::new((vec![], None));
        let work = || {
            while let Some(at) = by_size.get(next.fetch_add(1, Ordering::Relaxed)) {
                let source = &self.sources[*at];
                let mut run = order.log(*at);
                let mut kept = Ok(());
                let read = source.read(wanted, |record| {
                    if wants(&record) {
                        kept = run.push(&record);
                    }
                    match kept.is_err() || stop.load(Ordering::Relaxed) {
                        true => ControlFlow::Break(()),
                        false => ControlFlow::Continue(()),
                    }
                });
                let kept = kept.and_then(|()| run.end());
                let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                done.0.push((*at, read));
                if let Err(why) = kept {
                    done.1.get_or_insert(why);
                    stop.store(true, Ordering::Relaxed);
                }
                if stop.load(Ordering::Relaxed) {
                    return;
                }
            }
        };
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            for _ in 1..threads.min(MOST_THREADS).min(self.sources.len().max(1)) {
                scope.spawn(work);
            }
            work();
        });
        let (mut done, failed) = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(why) = failed {
            return Err(not_kept(&why));
        }
        done.sort_by_key(|(at, _)| *at);
        for (at, read) in done {
            up.take(&self.sources[at], read);
        }
        let mut twice: std::collections::HashMap<String, Twice> = std::collections::HashMap::new();
        let mut places: Vec<String> = vec![];
        let ended = order.each(|record| {
            let place = match places.iter().position(|place| *place == record.source) {
                Some(at) => at,
                None => {
                    places.push(record.source.clone());
                    places.len() - 1
                }
            };
            if twice.entry(record.host.clone()).or_default().is_met(&record, place as u64) {
                up.twice += 1;
                return ControlFlow::Continue(());
            }
            up.records += 1;
            on_record(record)
        });
        ended.map_err(|why| not_kept(&why))?;
        Ok(up.judged())
    }

    fn is_of_hosts(&self, record: &Record) -> bool {
        self.hosts.is_empty() || self.hosts.iter().any(|host| is_host(&record.host, host))
    }
}

impl Source {
    fn read(&self, wanted: &Wanted, on_record: impl FnMut(Record) -> ControlFlow<()>) -> io::Result<Scanned> {
        let scan = Scan {
            formats: self.formats.clone(),
            own_hosts: self.own_hosts,
            ..Scan::new(&*self.host, &*self.path, self.clock.clone(), wanted.clone())
        };
        scan.read(unpack(self.bytes.open()?)?, on_record)
    }
}

impl ReadUp {
    fn take(&mut self, source: &Source, read: io::Result<Scanned>) {
        let trouble = |what| Trouble { path: source.path.clone(), what, named: source.named };
        match read {
            Err(why) if why.kind() == io::ErrorKind::InvalidData && why.to_string().starts_with("it is ") => {
                self.troubles.push(trouble(What::NoText(why.to_string())));
            }
            Err(why) => self.troubles.push(trouble(What::CutShort(why.to_string()))),
            Ok(scanned) => {
                self.sources += 1;
                self.bytes += scanned.bytes;
                self.recognised |= scanned.recognised;
                if scanned.without_message > 0 {
                    self.troubles.push(trouble(What::WithoutMessage(scanned.without_message)));
                }
                match scanned {
                    Scanned { recognised: false, first_line: Some(first), .. } => {
                        self.troubles.push(trouble(What::NoForm(first)));
                    }
                    Scanned { torn: torn @ 1.., .. } => self.troubles.push(trouble(What::Torn(torn))),
                    _ => {}
                }
            }
        }
    }

    /// Where nothing in a whole place is a log that is known, that is said as of a file.
    fn judged(mut self) -> ReadUp {
        if !self.recognised {
            let all = self.troubles.iter_mut().filter(|trouble| matches!(trouble.what, What::NoForm(_)));
            all.for_each(|trouble| trouble.named = true);
        }
        self
    }

    /// What was wanted and not read: what could not be opened or read to its end, and what was named
    /// and is of no form that is known.
    pub fn unread(&self) -> Vec<String> {
        let of_no_form = |trouble: &&Trouble| trouble.named && matches!(trouble.what, What::NoForm(_));
        let unread = self.troubles.iter().filter(|trouble| trouble.is_unread() || of_no_form(trouble));
        unread.map(Trouble::text).collect()
    }

    /// How a command ends by what could not be read or judged, the worst first; `failed`: it has
    /// found what it was to fail for.
    pub fn exit_code(&self, failed: bool, allow_unread: bool) -> ExitCode {
        let grave = |code: &ExitCode| match code {
            ExitCode::CouldNotRun => 3,
            ExitCode::Usage => 2,
            ExitCode::Failed => 1,
            _ => 0,
        };
        let wanted = self.troubles.iter().filter(|trouble| !(allow_unread && trouble.is_unread()));
        let worst = wanted.map(Trouble::exit_code).max_by_key(grave).unwrap_or(ExitCode::Ok);
        if failed && worst == ExitCode::Ok { ExitCode::Failed } else { worst }
    }
}

fn not_kept(why: &io::Error) -> Error {
    Error::Invalid {
        what: "the records under way".into(),
        why: format!("they could not be kept: {why}"),
        hint: Some("they are kept in /var/tmp until all logs are read; a narrower filter keeps fewer".into()),
    }
}
