//! Redirects: followed with method and body where the token may go, and refused elsewhere.

use http::{Method, StatusCode, header};
use url::Url;

/// So many in a row are followed.
pub(in crate::cloud) const LONGEST_CHAIN: usize = 5;

/// What to do with an answer.
#[derive(Debug, PartialEq)]
pub(in crate::cloud) enum Redirect {
    /// It is no redirect.
    None,
    /// Ask there, by this method; the body goes along unless the method has become GET.
    To(Url, Method),
    /// It names no place, or one that is not on the web.
    Nowhere,
    /// It points to another origin, where neither token nor password may go.
    Elsewhere(Url),
}

/// Where an answer to `method` at `from` points.
///
/// 301 and 302 keep the method, as 307 and 308 do: a service that moved wants the same
/// request elsewhere (browsers turn a POST into a GET; OpenStack's clients do not).
pub(in crate::cloud) fn of(
    method: &Method,
    from: &Url,
    status: StatusCode,
    headers: &http::HeaderMap,
) -> Redirect {
    if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Redirect::None;
    }
    let location = headers.get(header::LOCATION).and_then(|value| value.to_str().ok());
    let Some(mut to) = location.and_then(|location| from.join(location).ok()) else {
        return Redirect::Nowhere;
    };
    if !matches!(to.scheme(), "http" | "https") {
        return Redirect::Nowhere;
    }
    // A password in there is not for us, and must not be shown.
    let _ = to.set_username("");
    let _ = to.set_password(None);
    let same_origin = to.origin() == from.origin();
    let to_tls = from.scheme() == "http" && to.scheme() == "https" && from.host() == to.host();
    if !same_origin && !to_tls {
        return Redirect::Elsewhere(to);
    }
    let method = if status == StatusCode::SEE_OTHER { Method::GET } else { method.clone() };
    Redirect::To(to, method)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redirect(status: u16, location: &str) -> Redirect {
        let mut headers = http::HeaderMap::new();
        headers.insert(header::LOCATION, location.parse().expect("a header"));
        let from = Url::parse("http://nova.example:8774/v2.1/flavors").expect("a URL");
        of(&Method::POST, &from, StatusCode::from_u16(status).expect("a status"), &headers)
    }

    fn to(url: &str, method: Method) -> Redirect {
        Redirect::To(Url::parse(url).expect("a URL"), method)
    }

    #[test]
    fn the_method_stays_and_the_origin_decides() {
        let same = "http://nova.example:8774/v2.1/flavors/";
        for status in [301, 302, 307, 308] {
            assert_eq!(redirect(status, same), to(same, Method::POST), "{status}");
        }
        assert_eq!(redirect(303, same), to(same, Method::GET));
        assert_eq!(redirect(301, "/other"), to("http://nova.example:8774/other", Method::POST));
        let tls = "https://nova.example/v2.1/flavors";
        assert_eq!(redirect(301, tls), to(tls, Method::POST));
        for elsewhere in [
            "http://nova.example:9000/v2.1/flavors",
            "http://other.example:8774/v2.1/flavors",
            "https://other.example/v2.1/flavors",
            "//other.example/v2.1/flavors",
        ] {
            assert!(matches!(redirect(301, elsewhere), Redirect::Elsewhere(_)), "{elsewhere}");
        }
        assert_eq!(redirect(301, "ftp://nova.example/x"), Redirect::Nowhere);
        assert_eq!(redirect(302, "file:///etc/passwd"), Redirect::Nowhere);
        assert_eq!(redirect(300, same), Redirect::None);
        assert_eq!(redirect(304, same), Redirect::None);
    }

    #[test]
    fn tls_is_not_given_up() {
        let mut headers = http::HeaderMap::new();
        headers.insert(header::LOCATION, "http://nova.example/v2.1".parse().expect("a header"));
        let from = Url::parse("https://nova.example/v2.1").expect("a URL");
        assert!(matches!(of(&Method::GET, &from, StatusCode::FOUND, &headers), Redirect::Elsewhere(_)));
    }

    #[test]
    fn a_password_in_a_location_is_dropped() {
        let found = redirect(301, "http://root:secret@nova.example:8774/x");
        assert_eq!(found, to("http://nova.example:8774/x", Method::POST));
    }
}
