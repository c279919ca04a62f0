//! The fields of a cloud, wherever they were read: openstacksdk's names, those of `auth:`
//! apart from those outside of it. From them to [`Credentials`].

use crate::hint::Hint;
use std::collections::{BTreeMap, BTreeSet};

use super::credentials::Credentials;
use super::tree::{Body, Node};
use super::{login, tls};
use crate::error::{Error, Result};

/// Fields by name, `_` for `-`.
pub(super) type Keys = BTreeMap<String, Node>;

/// The fields of one cloud.
#[derive(Clone, Default)]
pub(super) struct Fields {
    /// Those below `auth:`.
    pub auth: Keys,
    /// The others.
    pub rest: Keys,
}

/// How errors speak of a cloud.
pub(super) enum Speaker<'a> {
    /// A cloud of a file.
    Cloud { place: &'a str, name: &'a str },
    /// `OS_*` variables: of the environment, an openrc file, smog.yml.
    Variables { source: &'a str, hint: fn(&str) -> Hint },
}

impl Speaker<'_> {
    pub(super) fn wrong(&self, message: &str, hint: Option<&str>) -> Error {
        match self {
            Speaker::Cloud { place, name } => Error::Config {
                place: place.to_string(),
                message: format!("cloud `{name}` {message}"),
                hint: hint.map(Hint::from),
            },
            Speaker::Variables { source, .. } => Error::Config {
                place: source.to_string(),
                message: message.into(),
                hint: hint.map(Hint::from),
            },
        }
    }

    /// A field that is not there.
    pub(super) fn missing(&self, field: &str) -> Error {
        match self {
            Speaker::Cloud { place, name } => Error::Config {
                place: place.to_string(),
                message: format!("cloud `{name}` has no `auth: {field}`"),
                hint: None,
            },
            Speaker::Variables { source, hint } => {
                let variable = format!("OS_{}", field.to_uppercase());
                Error::Auth { message: format!("{source} have no {variable}"), hint: hint(&variable) }
            }
        }
    }

    /// A field as the user wrote its name: `auth_type`, OS_AUTH_TYPE.
    pub(super) fn key(&self, field: &str) -> String {
        match self {
            Speaker::Cloud { .. } => format!("`{field}`"),
            Speaker::Variables { .. } => format!("OS_{}", field.to_uppercase()),
        }
    }
}

impl Fields {
    /// The fields of a map, `auth:` apart. Of a key that comes twice the last counts.
    pub(super) fn of(node: &Node) -> Fields {
        let mut rest = keys(node);
        let auth = rest.remove("auth").map(|auth| keys(&auth)).unwrap_or_default();
        Fields { auth, rest }
    }

    /// What `above` says takes the place of what is here.
    pub(super) fn lay_over(&mut self, above: Fields) {
        self.auth.extend(above.auth);
        self.rest.extend(above.rest);
    }

    /// A text outside `auth:`.
    pub(super) fn outside(&self, name: &str) -> Option<String> {
        text(&self.rest, name)
    }

    /// A field that is the same below `auth:` and outside; below `auth:` counts.
    fn inside(&self, name: &str) -> Option<String> {
        text(&self.auth, name).or_else(|| text(&self.rest, name))
    }

    /// A field with older names, the weakest first. Outside of `auth:` counts, and of two names
    /// the later one: so openstacksdk has it for domains, projects and tokens.
    fn last_of(&self, names: &[&str]) -> Option<String> {
        names.iter().rev().find_map(|name| text(&self.rest, name).or_else(|| text(&self.auth, name)))
    }

    /// Any field, as openstacksdk finds it.
    pub(super) fn field(&self, name: &str) -> Option<String> {
        match name {
            "token" => self.last_of(&["auth_token", "token"]),
            "passcode" => self.last_of(&["passcode"]),
            "username" => self.inside("username").or_else(|| self.inside("user_name")),
            "project_name" => self.last_of(&["tenant_name", "project_name"]),
            "project_id" => self.last_of(&["tenant_id", "project_id"]),
            "user_domain_name"
            | "user_domain_id"
            | "project_domain_name"
            | "project_domain_id"
            | "domain_name"
            | "domain_id" => self.last_of(&[name]),
            _ => self.inside(name),
        }
    }

    /// How this cloud logs in: `auth_type`, once `auth_plugin`.
    pub(super) fn auth_type(&self) -> Option<String> {
        self.outside("auth_type").or_else(|| self.outside("auth_plugin"))
    }

    /// `auth_methods` of `v3multifactor`: a list, or a text with commas.
    pub(super) fn auth_methods(&self) -> Vec<String> {
        let node = self.rest.get("auth_methods").or_else(|| self.auth.get("auth_methods"));
        node.map(listed).unwrap_or_default()
    }

    /// Everything as [`Credentials`], with notices for people.
    pub(super) fn credentials(
        &self,
        name: &str,
        source: &str,
        speaker: &Speaker<'_>,
        home: Option<&std::path::Path>,
    ) -> Result<(Credentials, Vec<String>)> {
        let mut notices = Vec::new();
        let field = |name: &str| self.field(name);
        login::check(self, speaker)?;
        let Some(auth_url) = self.auth_url() else { return Err(speaker.missing("auth_url")) };
        let login = login::of(self, speaker)?;
        let [project_name, project_id] = ["project_name", "project_id"].map(field);
        let [mut domain_name, mut domain_id] = ["domain_name", "domain_id"].map(field);
        let default = |kind: &str| field(&format!("default_domain_{kind}"));
        let default_id = default("id").or_else(|| field("default_domain"));
        let mut domains =
            ["user_domain_name", "user_domain_id", "project_domain_name", "project_domain_id"].map(field);
        if project_name.is_some() || project_id.is_some() {
            // Said once for both: `domain_name` without `user_domain_name`.
            for (at, domain) in [&domain_name, &domain_id, &domain_name, &domain_id].into_iter().enumerate() {
                domains[at] = domains[at].take().or(domain.clone());
            }
            (domain_name, domain_id) = (None, None);
        }
        for pair in [0, 2] {
            if domains[pair].is_none() && domains[pair + 1].is_none() {
                domains[pair] = default("name");
                domains[pair + 1] = default_id.clone();
            }
        }
        let [user_domain_name, user_domain_id, project_domain_name, project_domain_id] = domains;
        let system_scope = match field("system_scope") {
            Some(scope) if scope != "all" => {
                return Err(speaker.wrong(
                    &format!("has a {} other than `all`", speaker.key("system_scope")),
                    Some("`all` is the only system scope that keystone knows"),
                ));
            }
            other => other,
        };
        let trust_id = field("trust_id");
        let scopes = [
            ("a project", project_name.is_some() || project_id.is_some()),
            ("a domain", domain_name.is_some() || domain_id.is_some()),
            ("the system", system_scope.is_some()),
            ("a trust", trust_id.is_some()),
        ];
        let scopes: Vec<&str> = scopes.iter().filter(|(_, asked)| *asked).map(|(scope, _)| *scope).collect();
        if let [first, second, ..] = scopes[..]
            && !login.has_own_scope()
        {
            return Err(speaker.wrong(
                &format!("asks for two scopes: {first} and {second}"),
                Some("keystone takes one: a project, a domain, the system, or a trust"),
            ));
        }
        let tls = tls::of(self, speaker, home)?;
        let interface = self.interface(&mut notices);
        let credentials = Credentials {
            name: name.into(),
            source: source.into(),
            auth_url,
            login,
            user_domain_name,
            user_domain_id,
            project_name,
            project_id,
            project_domain_name,
            project_domain_id,
            domain_name,
            domain_id,
            system_scope,
            trust_id,
            region: self.outside("region_name"),
            interface,
            cacert: tls.cacert,
            verify: tls.verify,
            unchecked: tls.notice.map(|notice| format!("{source}: {notice}")),
            cert: tls.cert,
            key: tls.key,
            endpoint_overrides: self.endpoint_overrides(),
        };
        Ok((credentials, notices))
    }

    /// Keystone's URL, `{region_name}` and the like filled in from the fields outside `auth:`.
    pub(super) fn auth_url(&self) -> Option<String> {
        let mut url = self.inside("auth_url")?;
        for name in self.rest.keys() {
            let mark = format!("{{{name}}}");
            if url.contains(&mark) {
                url = url.replace(&mark, &self.outside(name).unwrap_or_default());
            }
        }
        Some(url)
    }

    fn interface(&self, notices: &mut Vec<String>) -> Option<String> {
        let (key, node) =
            ["interface", "endpoint_type"].into_iter().find_map(|key| Some((key, self.rest.get(key)?)))?;
        let names = match &node.body {
            Body::List(_) => listed(node),
            _ => self.outside(key).into_iter().collect(),
        };
        if let [first, _, ..] = &names[..] {
            notices.push(format!("`{key}` is a list; smog uses its first, `{}`", bare_interface(first)));
        }
        names.first().map(|name| bare_interface(name))
    }

    /// `compute_endpoint_override`, else `compute_endpoint`; by service type.
    fn endpoint_overrides(&self) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        for end in ["_endpoint", "_endpoint_override"] {
            for name in self.rest.keys() {
                if let (Some(service), Some(url)) = (name.strip_suffix(end), self.outside(name)) {
                    found.insert(service.replace('_', "-"), url);
                }
            }
        }
        found
    }
}

/// "publicURL" is the old spelling of "public".
fn bare_interface(name: &str) -> String {
    name.strip_suffix("URL").unwrap_or(name).to_string()
}

/// A list of texts, or one text with commas.
pub(super) fn listed(node: &Node) -> Vec<String> {
    match &node.body {
        Body::List(items) => items.iter().filter_map(|item| item.text().map(str::to_string)).collect(),
        _ => node
            .text()
            .into_iter()
            .flat_map(|text| text.split(','))
            .map(|one| one.trim().to_string())
            .collect(),
    }
}

fn keys(node: &Node) -> Keys {
    let Body::Map(entries) = &node.body else { return Keys::new() };
    entries.iter().map(|entry| (entry.key.replace('-', "_"), entry.value.clone())).collect()
}

/// A scalar as it was written; an empty one says nothing.
fn text(keys: &Keys, name: &str) -> Option<String> {
    keys.get(name).and_then(Node::text).filter(|text| !text.is_empty()).map(str::to_string)
}

/// Fields that name the same thing in two ways: who sets one does not mean the other any more.
pub(super) fn rivals(name: &str) -> BTreeSet<&'static str> {
    const PROJECT: [&str; 4] = ["project_name", "project_id", "tenant_name", "tenant_id"];
    const OTHER_SCOPES: [&str; 2] = ["system_scope", "trust_id"];
    let of = |groups: &[&[&'static str]]| groups.iter().flat_map(|group| group.iter().copied()).collect();
    match name {
        "username" | "user_id" => of(&[&["username", "user_name", "user_id"]]),
        "project_name" | "project_id" => of(&[&PROJECT, &OTHER_SCOPES]),
        "system_scope" => of(&[&PROJECT, &OTHER_SCOPES, &["domain_name", "domain_id"]]),
        "trust_id" => of(&[&PROJECT, &OTHER_SCOPES, &["domain_name", "domain_id"]]),
        "user_domain_name" | "user_domain_id" => of(&[&["user_domain_name", "user_domain_id"]]),
        "project_domain_name" | "project_domain_id" => of(&[&["project_domain_name", "project_domain_id"]]),
        "token" => of(&[&["token", "auth_token"]]),
        "application_credential_id" | "application_credential_name" => {
            of(&[&["application_credential_id", "application_credential_name"]])
        }
        "interface" => of(&[&["interface", "endpoint_type"]]),
        "auth_type" => of(&[&["auth_type", "auth_plugin"]]),
        "verify" | "insecure" => of(&[&["verify", "insecure"]]),
        "default_domain_id" | "default_domain_name" => {
            of(&[&["default_domain", "default_domain_id", "default_domain_name"]])
        }
        _ => BTreeSet::new(),
    }
}
