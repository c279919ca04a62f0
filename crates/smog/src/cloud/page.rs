//! Web pages that stand where an API should be.

use http::{HeaderMap, header};

use super::wire::exchange::Reply;
use super::wire::transport::Peer;
use crate::error::Error;

/// Whether this is a web page, and not an OpenStack service that answers in HTML (glance's
/// refusals are pages too, but bear a request id).
pub(super) fn is_page(headers: &HeaderMap, body: &[u8]) -> bool {
    if headers.contains_key("x-openstack-request-id") {
        return false;
    }
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.starts_with("text/html") || body.trim_ascii_start().starts_with(b"<")
}

/// The error for it.
pub(super) fn error(reply: &Reply, peer: &Peer) -> Error {
    let mut url = reply.url.clone();
    url.set_query(None);
    let title = title(&reply.body).map(|title| format!(" (\"{title}\")")).unwrap_or_default();
    Error::Unreachable {
        what: peer.what.clone(),
        why: format!("at {url} there is a web page{title}, HTTP {}, and no API", reply.status.as_u16()),
        hint: format!(
            "the address comes from {}; a proxy or a dashboard may stand there in place of the service",
            peer.address_from
        )
        .into(),
    }
}

fn title(body: &[u8]) -> Option<String> {
    let page = String::from_utf8_lossy(&body[..body.len().min(64 << 10)]).into_owned();
    // Offsets stay the same: only ASCII letters change.
    let begin = page.to_ascii_lowercase().find("<title")?;
    let text = page[begin..].split_once('>')?.1.split('<').next()?;
    let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(60).collect();
    Some(text).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_and_its_title() {
        let page =
            b"<!DOCTYPE html>\n<html><head>\n<TITLE lang=en>\n Login -\n Horizon</TITLE></head></html>";
        let none = HeaderMap::new();
        assert!(is_page(&none, page));
        assert_eq!(title(page).as_deref(), Some("Login - Horizon"));
        assert_eq!(title(b"<html></html>"), None);
        assert!(!is_page(&none, b"{\"version\": {}}"));
        let mut glance = HeaderMap::new();
        glance.insert("x-openstack-request-id", http::HeaderValue::from_static("req-1"));
        assert!(!is_page(&glance, b"<html><h1>404 Not Found</h1></html>"));
    }
}
