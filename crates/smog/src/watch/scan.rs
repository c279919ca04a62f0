//! Finding records in a log of any size: big blocks are searched for what a wanted record
//! must hold, and only around such places lines are read.
//!
//! What is found is what an [`Assembler`] makes of the whole log, as long as the lines of
//! a record stand within [`WINDOW`] of each other.

mod at_hand;
mod begin;
mod search;
#[cfg(test)]
mod tests;
mod wanted;

use std::io::{self, Read};
use std::ops::ControlFlow;
use std::sync::Arc;

use self::at_hand::Log;
use self::begin::{Begin, ToError, first_words};
use self::search::Search;
use self::wanted::Found;
pub use self::wanted::Wanted;
use super::assemble::Assembler;
use super::clock::Clock;
use super::form::Form;
use super::formats::Formats;
use super::record::Record;

/// So much of a log is kept before the place being read, to find where a record began.
const WINDOW: usize = 2 << 20;

/// So much is read and searched at a time.
const BLOCK: usize = 256 << 10;

/// The form of a log, by its first lines.
pub(super) fn first_form(input: &mut impl Read, clock: &Clock) -> io::Result<Form> {
    Ok(Begin::read(input, clock, BLOCK)?.form)
}

/// A search in one log.
#[derive(Debug, Clone)]
pub struct Scan {
    /// The host in the records.
    pub host: String,
    /// The log's name in the records.
    pub source: String,
    /// What times do not say.
    pub clock: Clock,
    /// Which records are reported.
    pub wanted: Wanted,
    /// The services' own format strings, where they are not the usual ones.
    pub formats: Option<Arc<Formats>>,
    /// The host that a line names is the record's; `host` is for those that name none.
    pub own_hosts: bool,
}

/// How much was read and found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scanned {
    /// Bytes of the log.
    pub bytes: u64,
    /// Records reported.
    pub records: u64,
    /// Whether a line was met that begins a record of a known form.
    pub recognised: bool,
    /// The first line that is not empty, as far as 200 bytes; empty where there is only space
    /// and NUL bytes.
    pub first_line: Option<String>,
    /// Records with the beginning of a traceback, but no exception at its end.
    pub torn: u64,
    /// Entries of a journal whose message `journalctl` has left out.
    pub without_message: u64,
}

impl Scan {
    /// Of a log in the usual forms.
    pub fn new(
        host: impl Into<String>,
        source: impl Into<String>,
        clock: impl Into<Clock>,
        wanted: Wanted,
    ) -> Scan {
        let (host, source, clock) = (host.into(), source.into(), clock.into());
        Scan { host, source, clock, wanted, formats: None, own_hosts: false }
    }

    /// Read a log to its end, or until `on_record` breaks off; memory does not grow with it.
    ///
    /// # Errors
    /// What reading fails with, after the records that were read are reported.
    pub fn read(
        &self,
        input: impl Read,
        on_record: impl FnMut(Record) -> ControlFlow<()>,
    ) -> io::Result<Scanned> {
        self.read_sized(input, on_record, WINDOW, BLOCK)
    }

    fn read_sized(
        &self,
        input: impl Read,
        on_record: impl FnMut(Record) -> ControlFlow<()>,
        window: usize,
        block: usize,
    ) -> io::Result<Scanned> {
        let mut input = ToError::new(input);
        let begin = Begin::read(&mut input, &self.clock, block)?;
        let is_searched = begin.form.is_native() && self.formats.is_none();
        let mut scanned = match self.wanted.holds().filter(|_| is_searched) {
            Some(_) => self.search(begin.bytes.chain(&mut input), on_record, window, block)?,
            None => self.every_line(begin.bytes.chain(&mut input), on_record, block)?,
        };
        // A log that begins with much of nothing.
        let first_line = begin.first_line.or(scanned.first_line);
        scanned.first_line = first_line.or_else(|| (scanned.bytes > 0).then(String::new));
        match input.error {
            Some(why) => Err(why),
            None => Ok(scanned),
        }
    }

    /// Search big blocks: for the forms in which lines are as services write them.
    fn search(
        &self,
        input: impl Read,
        on_record: impl FnMut(Record) -> ControlFlow<()>,
        window: usize,
        block: usize,
    ) -> io::Result<Scanned> {
        let assembler = self.assembler();
        let log = Log::new(input, window, block);
        let mut search = Search::new(self, log, on_record, assembler.with_form(Form::Native));
        search.run()?;
        let (bytes, records, torn) = (search.log.end(), search.records, search.torn);
        Ok(Scanned { bytes, records, torn, recognised: true, ..Scanned::default() })
    }

    /// Read every line: for the forms with something around the services' own lines.
    fn every_line(
        &self,
        mut input: impl Read,
        mut on_record: impl FnMut(Record) -> ControlFlow<()>,
        block: usize,
    ) -> io::Result<Scanned> {
        let mut assembler = self.assembler();
        let (mut block, mut ended, mut scanned) = (vec![0; block], vec![], Scanned::default());
        let mut is_known = false;
        loop {
            let read = match input.read(&mut block) {
                Err(why) if why.kind() == io::ErrorKind::Interrupted => continue,
                read => read?,
            };
            scanned.bytes += read as u64;
            match read {
                0 => assembler.end(&mut ended),
                _ => assembler.take(&block[..read], &mut ended),
            }
            for open in ended.drain(..) {
                if scanned.first_line.is_none() {
                    scanned.first_line = open.text.lines().find_map(first_words);
                }
                match self.wanted.judge(&assembler, open) {
                    Found::Record(record) => {
                        scanned.records += 1;
                        // Where all are wanted, every line of whatever file is one.
                        is_known |= self.wanted.holds().is_some() || record.is_exception();
                        if on_record(*record).is_break() {
                            scanned.recognised = is_known || *assembler.form() != Form::Unknown;
                            return Ok(scanned);
                        }
                    }
                    Found::Torn => scanned.torn += 1,
                    Found::Nothing => {}
                }
            }
            scanned.without_message = assembler.without_message();
            scanned.recognised = is_known || *assembler.form() != Form::Unknown;
            if read == 0 {
                return Ok(scanned);
            }
        }
    }

    fn assembler(&self) -> Assembler {
        let assembler = Assembler::new(&*self.host, &*self.source, self.clock.clone());
        assembler.with_formats(self.formats.clone()).with_own_hosts(self.own_hosts)
    }
}
