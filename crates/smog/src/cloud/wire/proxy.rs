//! The proxy between smog and a service: which one, which variable names it, and what is said of it.

use http::StatusCode;
use hyper_util::client::proxy::matcher::Matcher;
use url::Url;

use super::exchange::Reply;
use super::transport::Peer;
use crate::cloud::page;
use crate::error::{Error, Result};

/// The proxies that the environment names, as curl and Python's requests read it: of a name in
/// small and in capital letters the small one counts, and an empty one is none.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Proxies {
    http: Option<Proxy>,
    https: Option<Proxy>,
    /// What is asked directly.
    direct: String,
}

/// One of them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Proxy {
    /// With user and password.
    url: Url,
    variable: &'static str,
}

/// "the proxy http://192.0.2.1:3128 (of HTTPS_PROXY)"
impl std::fmt::Display for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = self.url.clone();
        let _ = shown.set_username("");
        let _ = shown.set_password(None);
        write!(f, "the proxy {} (of {})", shown.as_str().trim_end_matches('/'), self.variable)
    }
}

impl Proxies {
    /// Those of this process.
    ///
    /// # Errors
    /// [`Error::Config`] for a variable whose value is not the URL of a proxy: without it the password
    /// would go another way than was wanted.
    #[expect(clippy::disallowed_methods, reason = "what HTTP clients read, from where they all read it")]
    pub(super) fn of_process() -> Result<Proxies> {
        Proxies::of(&|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    fn of(variable: &dyn Fn(&str) -> Option<String>) -> Result<Proxies> {
        let proxy = |names: [&'static str; 4]| {
            let [small, capital, all, all_capital] = names;
            let set =
                |pair: [&'static str; 2]| pair.into_iter().find_map(|name| Some((name, variable(name)?)));
            match set([small, capital]).or_else(|| set([all, all_capital])) {
                Some((name, value)) if !value.trim().is_empty() => Proxy::read(name, value.trim()).map(Some),
                _ => Ok(None),
            }
        };
        Ok(Proxies {
            http: proxy(["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])?,
            https: proxy(["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])?,
            direct: variable("no_proxy").or_else(|| variable("NO_PROXY")).unwrap_or_default(),
        })
    }

    /// The proxy through which this URL is asked.
    pub(super) fn for_url(&self, url: &Url) -> Option<&Proxy> {
        let proxy = if url.scheme() == "https" { self.https.as_ref() } else { self.http.as_ref() }?;
        (!self.is_direct(url)).then_some(proxy)
    }

    /// Whether NO_PROXY names this host: `*`, a host or the end of its name, an address or a network,
    /// each with or without a port.
    fn is_direct(&self, url: &Url) -> bool {
        let port = url.port_or_known_default();
        let names = self.direct.split(',').map(str::trim).filter(|name| !name.is_empty());
        let of_this_port = names.filter_map(|name| match name.rsplit_once(':') {
            // An address of IPv6 has colons of its own.
            Some((host, digits)) if !host.contains(':') || host.ends_with(']') => match digits.parse::<u16>()
            {
                Ok(number) => (Some(number) == port).then(|| host.trim_matches(['[', ']']).to_string()),
                Err(_) => Some(name.to_string()),
            },
            _ => Some(name.to_string()),
        });
        let names: Vec<String> = of_this_port.collect();
        if names.iter().any(|name| name == "*") {
            return true;
        }
        let Ok(uri) = url.as_str().parse::<http::Uri>() else { return false };
        let anything = Matcher::builder().all("http://proxy.invalid").no(names.join(",")).build();
        anything.intercept(&uri).is_none()
    }

    /// As the HTTP client takes them.
    pub(super) fn of_client(self) -> reqwest::Proxy {
        reqwest::Proxy::custom(move |url| self.for_url(url).map(|proxy| proxy.url.clone()))
    }
}

/// The proxy through which this process asks a URL.
pub(super) fn of(url: &Url) -> Option<Proxy> {
    Proxies::of_process().ok()?.for_url(url).cloned()
}

impl Proxy {
    fn read(variable: &'static str, value: &str) -> Result<Proxy> {
        let refused = |why: &str| {
            Error::Config {
            place: variable.to_string(),
            // The value may hold a password.
            message: format!("its value is not the URL of a proxy: {why}"),
            hint: Some(
                "it looks like http://HOST:PORT or http://USER:PASSWORD@HOST:PORT, where `/`, `#`, `?`, `@` and `%` \
                 of user and password are written as %2F, %23, %3F, %40 and %25"
                    .into(),
            ),
        }
        };
        let whole = if value.contains("://") { value.to_string() } else { format!("http://{value}") };
        let url = Url::parse(&whole).map_err(|why| refused(&why.to_string()))?;
        match url.scheme() {
            "http" | "https" => {}
            "socks4" | "socks4a" | "socks5" | "socks5h" => {
                return Err(refused("smog speaks to HTTP proxies only, not to SOCKS"));
            }
            _ => return Err(refused("it begins with neither http:// nor https://")),
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(refused("it names no host"));
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(refused("something follows the host and the port"));
        }
        Ok(Proxy { url, variable })
    }

    /// The error for a request that got no answer through it; `said` is the cause, in small letters.
    pub(super) fn error(&self, peer: &Peer, said: &str, why: &reqwest::Error) -> Error {
        if said.contains("proxy authorization required") {
            return self.wants_login(peer);
        }
        let sentence = if said.contains("unsuccessful") {
            format!("{self} refuses to connect to it")
        } else if why.is_timeout() {
            format!("no answer in time through {self}")
        } else if why.is_connect() {
            format!("{self} does not answer: {said}")
        } else {
            format!("no answer through {self}: {said}")
        };
        self.unreachable(peer, sentence)
    }

    fn wants_login(&self, peer: &Peer) -> Error {
        Error::Unreachable {
            what: peer.what.clone(),
            why: format!("{self} wants a user and a password, or other ones (HTTP 407)"),
            hint: format!("{} may be http://USER:PASSWORD@HOST:PORT; {NO_PROXY}", self.variable).into(),
        }
    }

    fn unreachable(&self, peer: &Peer, why: String) -> Error {
        let hint = format!("check {}, and that the proxy may reach the service; {NO_PROXY}", self.variable);
        Error::Unreachable { what: peer.what.clone(), why, hint: hint.into() }
    }
}

const NO_PROXY: &str = "NO_PROXY names hosts that are asked directly";

/// The error for an answer that is the proxy's own, where there is one in between and it says no.
pub(super) fn refusal(reply: &Reply, peer: &Peer) -> Option<Error> {
    match reply.status {
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => Some(match of(&reply.url) {
            Some(proxy) => proxy.wants_login(peer),
            None => Error::Unreachable {
                what: peer.what.clone(),
                why: "a proxy before it wants a user and a password (HTTP 407)".into(),
                hint: format!("the address comes from {}; no proxy variable is set", peer.address_from)
                    .into(),
            },
        }),
        StatusCode::FORBIDDEN if page::is_page(&reply.headers, &reply.body) => {
            let proxy = of(&reply.url)?;
            Some(proxy.unreachable(peer, format!("{proxy} answers HTTP 403, or what is behind it")))
        }
        // A gateway's errors may be the proxy's own, which says so to nobody.
        StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT
            if reply.url.scheme() == "http" && page::is_page(&reply.headers, &reply.body) =>
        {
            let proxy = of(&reply.url)?;
            let status = reply.status.as_u16();
            Some(proxy.unreachable(peer, format!("{proxy} answers HTTP {status}, or what is behind it")))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(set: &[(&str, &str)]) -> Result<Proxies> {
        Proxies::of(&|name| set.iter().find(|(set, _)| *set == name).map(|(_, value)| value.to_string()))
    }

    fn used(set: &[(&str, &str)], url: &str) -> Option<String> {
        let url = Url::parse(url).expect("a URL");
        proxies(set).expect("proxies").for_url(&url).map(|proxy| proxy.to_string())
    }

    // As Python's `requests` chooses (run with 2.32): `get_environ_proxies`, `select_proxy`.
    #[test]
    fn small_letters_count_and_an_empty_value_is_none() {
        let both = [("http_proxy", "http://a:1"), ("HTTP_PROXY", "http://b:1")];
        assert_eq!(used(&both, "http://k/").as_deref(), Some("the proxy http://a:1 (of http_proxy)"));
        assert_eq!(used(&[("http_proxy", ""), ("HTTP_PROXY", "http://b:1")], "http://k/"), None);
        assert_eq!(used(&both, "https://k/"), None);
        let all = [("ALL_PROXY", "b:1"), ("https_proxy", "https://u:p@a:2/")];
        assert_eq!(used(&all, "http://k/").as_deref(), Some("the proxy http://b:1 (of ALL_PROXY)"));
        assert_eq!(used(&all, "https://k/").as_deref(), Some("the proxy https://a:2 (of https_proxy)"));
    }

    #[test]
    fn what_is_asked_directly() {
        for (no, url, is_direct) in [
            ("*", "http://192.0.2.7:5000/", true),
            ("x, *", "https://k.example/", true),
            ("k.example", "http://k.example/", true),
            ("example", "http://k.example/", true),
            (".example", "http://k.example/", true),
            ("ample", "http://k.example/", false),
            ("192.0.2.7", "http://192.0.2.7:5000/", true),
            ("192.0.2.0/24", "http://192.0.2.7:5000/", true),
            ("192.0.3.0/24", "http://192.0.2.7:5000/", false),
            ("192.0.2.7:5000", "http://192.0.2.7:5000/", true),
            ("192.0.2.7:5001", "http://192.0.2.7:5000/", false),
            ("k.example:443", "https://k.example/", true),
            ("::1", "http://[::1]:5000/", true),
            ("[::1]:5000", "http://[::1]:5000/", true),
            ("", "http://k.example/", false),
        ] {
            let set = [("all_proxy", "http://p:1"), ("no_proxy", no), ("NO_PROXY", "")];
            assert_eq!(used(&set, url).is_none(), is_direct, "{no} {url}");
        }
    }

    #[test]
    fn a_value_that_is_no_proxy_is_refused_without_its_password() {
        for (value, why) in [
            ("ftp://u:geheim@127.0.0.1:7906", "neither http:// nor https://"),
            ("http://", "empty host"),
            ("::::", "empty host"),
            ("http://u:geheim/x@127.0.0.1:1", "invalid port number"),
            ("http://u:geheim#x@127.0.0.1:1", "invalid port number"),
            ("http://u:1/geheim@127.0.0.1:1", "something follows"),
            ("http://127.0.0.1:99999", "invalid port number"),
            ("socks5://127.0.0.1:1080", "SOCKS"),
        ] {
            let error = proxies(&[("HTTPS_PROXY", value)]).expect_err(value);
            let said = error.to_string();
            assert!(said.starts_with("HTTPS_PROXY: ") && said.contains(why), "{said}");
            assert!(!format!("{error:?}").contains("geheim"), "{error:?}");
        }
    }
}
