//! Lists, page by page.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Call, Cloud};
use crate::error::{Error, Result};

/// A list may have so many items: pages that never end are not read for ever.
const MOST: usize = 1_000_000;

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
        let mut found = Vec::new();
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
            let next = items.last().and_then(marker_of);
            if found.len() + items.len() > MOST {
                return Err(unreadable(format!(
                    "it has more than {MOST} items, the limit of smog for one list"
                )));
            }
            for item in items {
                found.push(serde_json::from_value(item).map_err(|why| unreadable(why.to_string()))?);
            }
            // The same marker twice would go on for ever.
            if !has_more(&body, key) || next.is_none() || next == marker {
                return Ok(found);
            }
            marker = next;
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

/// Nova and neutron say `KEY_links` with a "next", glance says `next`.
fn has_more(body: &Value, key: &str) -> bool {
    let links = body.get(format!("{key}_links")).and_then(Value::as_array);
    links.is_some_and(|links| links.iter().any(|link| link["rel"] == "next")) || body["next"].is_string()
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
    }
}
