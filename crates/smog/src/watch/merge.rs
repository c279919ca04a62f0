//! Many hosts' records as one stream in the order of time.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::task::Poll;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::follow::{self, Message};
use super::record::Record;
use super::sources::Sources;
use super::unread::Unread;
use crate::error::Error;
use crate::host::Host;

/// A record waits so long for older ones of other sources, when all are read to their end.
const HOLD: Duration = Duration::from_millis(20);

/// A journal's records are joined from lines of several units, so one may come after others that
/// are younger by so much. What is younger waits so long for it.
const JOINED: Duration = Duration::from_secs(2);

/// A host that has not answered yet is waited for so long before the others go on without it.
const PATIENCE: Duration = Duration::from_secs(5);

/// With so many records waiting for older ones, only the hosts that are behind are read.
const MOST_WAITING: usize = 20_000;

/// Messages of one host under way. A reader that is slow holds up the host's end, which
/// reads no further: nothing is dropped and the memory is bounded.
const UNDER_WAY: usize = 32;

/// What a [`Watch`] reports.
#[derive(Debug, Clone)]
pub enum Event {
    /// A record, in the order of time.
    Record(Box<Record>),
    /// A host answers; its clock is ahead of this machine's by so many seconds.
    Up {
        /// The host.
        host: String,
        /// Seconds; negative when it is behind.
        clock_ahead: f64,
    },
    /// A host does not answer any more, or not yet. It is tried until it does.
    Lost {
        /// The host.
        host: String,
        /// What was said.
        why: String,
    },
    /// A host answers again; reading goes on at the byte where it stopped.
    Back {
        /// The host.
        host: String,
    },
    /// Bytes of a log that are lost.
    Dropped {
        /// The host.
        host: String,
        /// The file.
        source: String,
        /// How many, when that is known.
        bytes: Option<u64>,
        /// How that came.
        why: String,
    },
    /// A file that cannot be read.
    Unreadable {
        /// The host.
        host: String,
        /// The file.
        path: String,
        /// What was said.
        why: String,
    },
    /// What was there at the beginning is reported; what follows is new.
    CaughtUp,
    /// A host's watching has ended by an error.
    Failed {
        /// The host.
        host: String,
        /// Why.
        error: Error,
    },
}

/// The logs of many hosts, followed at once. Dropping it ends everything on the hosts.
pub struct Watch {
    hosts: Vec<Followed>,
    waiting: BinaryHeap<Reverse<Waiting>>,
    /// Events that are not records go first.
    events: std::collections::VecDeque<Event>,
    sequence: u64,
    begun: Instant,
    is_caught_up: bool,
    unread: Unread,
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Watch({} hosts, {} records waiting)", self.hosts.len(), self.waiting.len())
    }
}

struct Followed {
    name: String,
    messages: mpsc::Receiver<Message>,
    /// It ends when `messages` is closed, after the agent has ended.
    task: JoinHandle<()>,
    state: State,
    sources: HashMap<u64, Mark>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Not connected yet.
    Connecting,
    /// Reading what was there.
    Behind,
    /// At the end of everything, once.
    Live,
    /// Nothing more comes.
    Ended,
}

/// How far a source has come.
#[derive(Default)]
struct Mark {
    /// The time of its newest record; the order of a source is never changed.
    at: Option<Timestamp>,
    /// It is a journal, whose records may come a little out of order.
    is_journal: bool,
    /// It has been read to its end.
    is_live: bool,
}

impl Mark {
    /// What is as old as this, or older, has come.
    fn low(&self) -> Option<Timestamp> {
        let at = self.at?;
        if self.is_journal { at.checked_sub(JOINED).ok() } else { Some(at) }
    }
}

/// A record on its way, ordered by time, then by arrival.
struct Waiting {
    key: (Timestamp, u64),
    arrived: Instant,
    record: Box<Record>,
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}
impl Eq for Waiting {}
impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key.cmp(&other.key)
    }
}

impl Watch {
    /// Follow the sources of each host. Must be called inside a tokio runtime.
    pub fn start(hosts: impl IntoIterator<Item = (Host, Sources)>) -> Watch {
        let mut unread = Unread::default();
        let hosts = hosts.into_iter().map(|(host, sources)| {
            unread.wants(host.name(), &sources);
            let (to, messages) = mpsc::channel(UNDER_WAY);
            let name = host.name().to_string();
            let task = tokio::spawn(follow::run(host, sources, to));
            Followed { name, messages, task, state: State::Connecting, sources: HashMap::new() }
        });
        let hosts = hosts.collect();
        Watch {
            hosts,
            waiting: BinaryHeap::new(),
            events: std::collections::VecDeque::new(),
            sequence: 0,
            begun: Instant::now(),
            is_caught_up: false,
            unread,
        }
    }

    /// What was wanted and is not read, as it stands now.
    pub fn unread(&self) -> &Unread {
        &self.unread
    }

    /// Something else that was wanted, and is not read: a host there is no way to.
    pub fn leave_out(&mut self, what: &str, why: &str) {
        self.unread.leave_out(what, why);
    }

    /// The next event; `None` when all hosts have ended. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            let now = Instant::now();
            let due = self.due(now);
            if due.is_some_and(|due| due <= now) {
                let Reverse(first) = self.waiting.pop()?;
                return Some(Event::Record(first.record));
            }
            if !self.is_caught_up && self.waiting.is_empty() && self.all_settled(now) {
                self.is_caught_up = true;
                return Some(Event::CaughtUp);
            }
            if self.waiting.is_empty() && self.hosts.iter().all(|host| host.state == State::Ended) {
                return None;
            }
            // Something may become due only because a host was waited for long enough.
            let patience = self.begun + PATIENCE;
            let wake = match due {
                Some(due) => Some(due),
                None if now < patience => Some(patience),
                None => None,
            };
            tokio::select! {
                (at, message) = receive(&mut self.hosts, self.waiting.len() >= MOST_WAITING) => self.take(at, message),
                () = async { match wake { Some(wake) => tokio::time::sleep_until(wake).await, None => std::future::pending().await } } => {}
            }
        }
    }

    /// End everything on the hosts and wait for it, a few seconds at most.
    pub async fn stop(mut self) {
        for host in &mut self.hosts {
            host.messages.close();
        }
        for host in &mut self.hosts {
            let _ = tokio::time::timeout(Duration::from_secs(8), &mut host.task).await;
        }
    }

    fn all_settled(&self, now: Instant) -> bool {
        self.hosts.iter().all(|host| match host.state {
            State::Connecting => now >= self.begun + PATIENCE,
            State::Behind => false,
            State::Live | State::Ended => true,
        })
    }

    /// When the first record may go; none while an older one may still come.
    fn due(&self, now: Instant) -> Option<Instant> {
        let Reverse(first) = self.waiting.peek()?;
        match low_water(&self.hosts, now >= self.begun + PATIENCE) {
            // All that was there has been read: new records wait a moment for each other.
            Low::None => Some(match self.is_caught_up {
                true => first.arrived + HOLD,
                false => now,
            }),
            Low::At(time) if first.key.0 <= time => Some(now),
            Low::At(_) | Low::Unknown => None,
        }
    }

    fn take(&mut self, at: usize, message: Message) {
        let host = &mut self.hosts[at];
        let name = host.name.clone();
        self.unread.take(&name, &message);
        match message {
            Message::Up { clock_ahead } => {
                host.state = State::Behind;
                self.events.push_back(Event::Up { host: name, clock_ahead });
            }
            Message::Lost(why) => {
                // A host that is away is not waited for.
                host.state = State::Live;
                host.sources.values_mut().for_each(|mark| mark.is_live = true);
                self.events.push_back(Event::Lost { host: name, why });
            }
            Message::Back => self.events.push_back(Event::Back { host: name }),
            Message::Begun { source } => {
                let mark = host.sources.entry(source).or_default();
                // Once live, a new file must not hold up what the others say.
                mark.is_live = host.state == State::Live;
            }
            Message::CaughtUp { source } => host.sources.entry(source).or_default().is_live = true,
            Message::AllCaughtUp => {
                host.state = State::Live;
                host.sources.values_mut().for_each(|mark| mark.is_live = true);
            }
            Message::Records { source, records, at } => {
                let arrived = Instant::now();
                let mark = host.sources.entry(source).or_default();
                for record in records {
                    let time = record.time.or(mark.at).unwrap_or_else(Timestamp::now);
                    // A clock that was set back must not turn a log's own order round.
                    let newest = mark.at.map_or(time, |at| at.max(time));
                    mark.is_journal |= record.source.starts_with("journal");
                    let is_joined = mark.is_journal && newest.duration_since(time).unsigned_abs() <= JOINED;
                    mark.at = Some(newest);
                    self.sequence += 1;
                    let key = (if is_joined { time } else { newest }, self.sequence);
                    self.waiting.push(Reverse(Waiting { key, arrived, record: Box::new(record) }));
                }
                mark.at = mark.at.max(at);
            }
            Message::Dropped { source, bytes, why } => {
                self.events.push_back(Event::Dropped { host: name, source, bytes, why });
            }
            Message::Unreadable { path, why, .. } => {
                self.events.push_back(Event::Unreadable { host: name, path, why });
            }
            // Only what is unread changes by it.
            Message::Readable { .. } => {}
            Message::Ended(ended) => {
                host.state = State::Ended;
                host.sources.clear();
                if let Err(error) = ended {
                    self.events.push_back(Event::Failed { host: name, error });
                }
            }
        }
    }
}

/// How far all sources have come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Low {
    /// A source has reported no time yet.
    Unknown,
    /// Every source that is behind has come so far.
    At(Timestamp),
    /// No source is behind.
    None,
}

fn low_of(host: &Followed, out_of_patience: bool) -> Low {
    match host.state {
        State::Connecting if out_of_patience => Low::None,
        State::Connecting => Low::Unknown,
        State::Ended | State::Live => Low::None,
        // Connected, but none of its sources has been named yet.
        State::Behind if host.sources.is_empty() => Low::Unknown,
        State::Behind => {
            let behind = host.sources.values().filter(|mark| !mark.is_live);
            behind.map(|mark| mark.low().map_or(Low::Unknown, Low::At)).min().unwrap_or(Low::None)
        }
    }
}

fn low_water(hosts: &[Followed], out_of_patience: bool) -> Low {
    hosts.iter().map(|host| low_of(host, out_of_patience)).min().unwrap_or(Low::None)
}

fn died(host: &str) -> Error {
    Error::Parse {
        what: "the logs".into(),
        source_of: format!("host `{host}`"),
        why: "smog's own reader ended without a word, which is a fault of smog".into(),
    }
}

/// The next message of any host; with `only_behind`, of those that hold up the others.
async fn receive(hosts: &mut [Followed], only_behind: bool) -> (usize, Message) {
    let lowest = low_water(hosts, false);
    std::future::poll_fn(|context| {
        for (at, host) in hosts.iter_mut().enumerate() {
            if host.state == State::Ended
                || (only_behind && lowest != Low::None && low_of(host, false) > lowest)
            {
                continue;
            }
            match host.messages.poll_recv(context) {
                Poll::Ready(Some(message)) => return Poll::Ready((at, message)),
                // Its task died without a word, which is a bug; it must not hang the others.
                Poll::Ready(None) => return Poll::Ready((at, Message::Ended(Err(died(&host.name))))),
                Poll::Pending => {}
            }
        }
        Poll::Pending
    })
    .await
}
