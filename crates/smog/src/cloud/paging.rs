//! Lists, page by page.

use std::collections::HashSet;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Call, Cloud};
use crate::error::{Error, Result};
use crate::json_words;

/// A list may have so many items: pages that never end are not read for ever.
const MOST: usize = 1_000_000;

/// And so many pages: services give a thousand items a page, or what their `max_limit` says.
const MOST_PAGES: usize = 1_000;

/// The pages of one list. Each begins after another item, or the list would never end.
#[derive(Debug, Default)]
pub(super) struct Pages {
    begun_after: HashSet<String>,
    pages: usize,
    items: usize,
}

impl Pages {
    /// A page of so many items has come. `more`: the service says that there is another one, which
    /// begins after `last`. What the next one begins after; none at the end.
    ///
    /// # Errors
    /// Why there is no end of it, or no way to the next one, as the end of a sentence.
    pub(super) fn next(
        &mut self,
        items: usize,
        more: bool,
        last: Option<String>,
    ) -> std::result::Result<Option<String>, String> {
        self.pages += 1;
        self.items += items;
        if self.items > MOST {
            return Err(format!("it has more than {MOST} items, the limit of smog for one list"));
        }
        if !more {
            return Ok(None);
        }
        if self.pages >= MOST_PAGES {
            return Err(format!("it has more than {MOST_PAGES} pages, the limit of smog for one list"));
        }
        let Some(last) = last else {
            return Err(format!(
                "page {} names another page, but has no item with an id after which that one begins",
                self.pages
            ));
        };
        if !self.begun_after.insert(last.clone()) {
            return Err(format!(
                "its pages go in a circle: page {} ends with `{last}`, as one before it did",
                self.pages
            ));
        }
        Ok(Some(last))
    }
}

impl Cloud {
    /// Everything under `key` of this list, however many pages it takes.
    ///
    /// # Errors
    /// As [`Cloud::call`]; [`Error::Parse`] when an item is not what it should be.
    pub(super) async fn list<T: DeserializeOwned>(&self, call: Call, key: &str) -> Result<Vec<T>> {
        let unreadable = |why: String| Error::Parse {
            what: format!("list of {}", key.replace('_', " ")),
            source_of: format!("the {} service", call.service.name()),
            why,
        };
        let (mut found, mut pages) = (Vec::new(), Pages::default());
        let mut marker: Option<String> = None;
        loop {
            let page = match &marker {
                Some(marker) => call.clone().query("marker", marker),
                None => call.clone(),
            };
            let mut body = self.call(page).await?.body;
            // Not `body[key]`: where the answer is no object, that panics.
            let Some(Value::Array(items)) = body.get_mut(key).map(Value::take) else {
                return Err(unreadable(format!("there is no `{key}` in it")));
            };
            let last = items.last().and_then(marker_of);
            marker = pages.next(items.len(), has_more(&body, key), last).map_err(unreadable)?;
            for item in items {
                let name = name_of(&item);
                let read = serde_json::from_value(item);
                found.push(read.map_err(|why| {
                    unreadable(format!("item {}{name}: {}", found.len() + 1, json_words(&why)))
                })?);
            }
            // Keystone's `list_limit`: it gives so many and no way to the others.
            if marker.is_none() && body.get("truncated") == Some(&Value::Bool(true)) {
                self.0.options.tell_notice(&format!(
                    "the {} service gives only {} {} of a longer list (its `list_limit`)",
                    call.service.name(),
                    found.len(),
                    key.replace('_', " ")
                ));
            }
            if marker.is_none() {
                return Ok(found);
            }
        }
    }
}

/// What the next page begins after: the last item's id, or a key pair's name.
fn marker_of(item: &Value) -> Option<String> {
    let id = item.get("id").or_else(|| item.pointer("/keypair/name"))?;
    match id {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// " (`web-1`)", for the error about an item.
fn name_of(item: &Value) -> String {
    let name = item.get("name").or_else(|| item.get("id")).and_then(Value::as_str);
    name.map(|name| format!(" (`{name}`)")).unwrap_or_default()
}

/// Nova and neutron say `KEY_links` with a "next", glance says `next`, keystone `links.next`.
pub(super) fn has_more(body: &Value, key: &str) -> bool {
    let links = body.get(format!("{key}_links")).and_then(Value::as_array);
    links.is_some_and(|links| links.iter().any(|link| link["rel"] == "next"))
        || body["next"].is_string()
        || body.pointer("/links/next").is_some_and(Value::is_string)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn where_the_next_page_begins() {
        assert!(has_more(&json!({"ports": [], "ports_links": [{"rel": "next", "href": "x"}]}), "ports"));
        assert!(!has_more(&json!({"ports": [], "ports_links": [{"rel": "previous", "href": "x"}]}), "ports"));
        assert!(has_more(&json!({"images": [], "next": "/v2/images?marker=x"}), "images"));
        assert_eq!(marker_of(&json!({"keypair": {"name": "k"}})).as_deref(), Some("k"));
        assert_eq!(marker_of(&json!({"id": 7})).as_deref(), Some("7"));
        assert_eq!(marker_of(&json!({})), None);
        assert!(has_more(
            &json!({"projects": [], "links": {"next": "http://k/v3/projects?marker=x"}}),
            "projects"
        ));
        assert!(!has_more(&json!({"projects": [], "links": {"next": null, "self": "x"}}), "projects"));
    }

    #[test]
    fn pages_that_never_end_are_an_error() {
        let id = |at: usize| Some(format!("id-{at}"));
        let mut pages = Pages::default();
        assert_eq!(pages.next(2, true, id(2)), Ok(id(2)));
        assert_eq!(pages.next(2, true, id(4)), Ok(id(4)));
        let circle = pages.next(2, true, id(2)).expect_err("a circle");
        assert!(circle.contains("page 3 ends with `id-2`"), "{circle}");
        assert!(Pages::default().next(0, true, None).is_err_and(|why| why.contains("no item with an id")));
        assert_eq!(Pages::default().next(5, false, id(5)), Ok(None));
        let mut pages = Pages::default();
        let end = (0..).find_map(|at| pages.next(1, true, id(at)).err()).expect("an end");
        assert!(end.contains("1000 pages"), "{end}");
        assert!(Pages::default().next(1_000_001, false, id(1)).is_err_and(|why| why.contains("items")));
    }
}
