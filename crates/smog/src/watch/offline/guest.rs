//! A guest of saved logs: its id, and the requests that acted on it, from the records alone.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::LazyLock;

use regex::Regex;

use super::Saved;
use crate::error::{Error, Result};
use crate::watch::filter::Filter;
use crate::watch::record::Record;
use crate::watch::scan::Wanted;

/// A UUID, or the beginning of one that is long enough to be no name.
static ID: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^[0-9a-f]{8}(?:-[0-9a-f]{0,4}){0,3}(?:-[0-9a-f]{0,12})?$").ok());

/// So many requests of a guest are followed.
const MOST_REQUESTS: usize = 2000;

impl Saved {
    /// Let a filter want only what is of this guest: what names it, and what the requests did that
    /// acted on it. `asked` is its UUID, the beginning of one, or its name where a record says it
    /// (Nova logs names at DEBUG only). No cloud is asked.
    ///
    /// # Errors
    /// [`Error::NotFound`] where no record is about it; as [`Saved::read`].
    pub fn only_guest(&self, filter: &mut Filter, asked: &str) -> Result<()> {
        // Where nothing could be read, that is what is said.
        if self.sources.is_empty() && !self.troubles.is_empty() {
            return Ok(());
        }
        let is_id = ID.as_ref().is_some_and(|id| id.is_match(asked));
        let id = if is_id { self.whole_id(asked)? } else { self.id_of_name(asked)? };
        let mut requests = BTreeSet::new();
        self.search(&Wanted::matching(&regex::escape(&id))?, &Filter::default(), |record| {
            // What has no user is a periodic task's, which looks at all guests under one id.
            if record.user.is_some()
                && let Some(request) = record.request_id
            {
                requests.insert(request);
            }
            match requests.len() < MOST_REQUESTS {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        })?;
        filter.requests.extend(requests);
        filter.guest = Some(id);
        Ok(())
    }

    /// The UUID that begins so.
    fn whole_id(&self, asked: &str) -> Result<String> {
        if asked.len() == 36 {
            return self.first(&regex::escape(asked), |_| Some(asked.to_string()), asked);
        }
        let rest = r"[0-9a-f-]*";
        let expression = format!(r"\b{}{rest}", regex::escape(asked));
        let whole = Regex::new(&expression).ok();
        let of = |record: &Record| {
            let found = whole.as_ref()?.find_iter(&record.text).find(|found| found.len() == 36)?;
            Some(found.as_str().to_string())
        };
        self.first(&expression, of, asked)
    }

    /// The UUID next to a name, as Nova writes an instance or the body of a request to create one.
    fn id_of_name(&self, name: &str) -> Result<String> {
        let name_of = regex::escape(name);
        let shown = format!(r"display_name='{name_of}'");
        let uuid = Regex::new(r"[,(]uuid=([0-9a-f-]{36})").ok();
        let of = |record: &Record| {
            record.instance.clone().or_else(|| {
                let found = uuid.as_ref()?.captures(&record.text)?;
                Some(found[1].to_string())
            })
        };
        self.first(&shown, of, name)
    }

    fn first(&self, expression: &str, of: impl Fn(&Record) -> Option<String>, asked: &str) -> Result<String> {
        let mut found = None;
        self.search(&Wanted::matching(expression)?, &Filter::default(), |record| {
            found = of(&record);
            if found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        found.ok_or_else(|| Error::NotFound {
            what: "guest in these logs (its UUID always does, its name only where Nova logs at DEBUG)".into(),
            name: asked.into(),
            near: vec![],
        })
    }
}
