//! A cloud of `clouds.yaml`, as openstacksdk reads it: `secure.yaml` over `clouds.yaml`, both
//! over a vendor's profile, a region's values over these, and `OS_*` variables over all, as the
//! `openstack` command has it.

pub(super) mod files;
mod vendors;

use std::collections::BTreeMap;
use std::path::Path;

use self::files::Files;
use self::vendors::{Vendor, vendor};
use super::credentials::Credentials;
use super::fields::{Fields, Speaker, listed, rivals};
use super::login;
use super::tree::{Body, Node};
use crate::error::{Error, Result};
use crate::near::near_or_all;
use crate::some_of::some_of;

/// What is laid over a cloud of a file.
pub(super) struct Over<'a> {
    /// The environment's `OS_*` variables as fields.
    pub variables: &'a Fields,
    /// The region asked for by a flag; else `OS_REGION_NAME`.
    pub region: Option<&'a str>,
    /// The user's home, for `~`.
    pub home: Option<&'a Path>,
}

/// The credentials of the cloud `name`, and notices for people.
///
/// # Errors
/// [`Error::Config`] where there is no file or the cloud cannot be used, [`Error::NotFound`] for
/// a cloud or region that is not there.
pub(super) fn read(files: &Files, name: &str, over: &Over<'_>) -> Result<(Credentials, Vec<String>)> {
    let Some((path, tree)) = &files.clouds else {
        return Err(Error::Config {
            place: listed_places(files),
            message: format!("no clouds.yaml here, so there is no cloud `{name}`"),
            hint: Some("OS_CLIENT_CONFIG_FILE names the file; unset OS_CLOUD to use OS_* variables".into()),
        });
    };
    let clouds = clouds(tree);
    let Some(cloud) = clouds.get(name) else {
        return Err(Error::NotFound {
            what: format!("cloud in {}", path.display()),
            name: name.into(),
            near: near_or_all(name, clouds.keys().map(String::as_str)),
        });
    };
    let place = path.display().to_string();
    resolve(files, &place, name, cloud, over)
}

/// The name of the only cloud, if there is exactly one.
pub(super) fn only(files: &Files) -> Option<String> {
    let (_, tree) = files.clouds.as_ref()?;
    let mut names = clouds(tree).into_keys();
    names.next().filter(|_| names.next().is_none())
}

/// Every cloud by its name; of two with one name the last.
fn clouds(tree: &Node) -> BTreeMap<String, Node> {
    let Body::Map(entries) = &tree.body else { return BTreeMap::new() };
    let clouds = entries.iter().rev().find(|entry| entry.key == "clouds").map(|entry| &entry.value.body);
    let Some(Body::Map(entries)) = clouds else { return BTreeMap::new() };
    entries.iter().map(|entry| (entry.key.clone(), entry.value.clone())).collect()
}

fn resolve(
    files: &Files,
    place: &str,
    name: &str,
    cloud: &Node,
    over: &Over<'_>,
) -> Result<(Credentials, Vec<String>)> {
    let speaker = Speaker::Cloud { place, name };
    if !matches!(cloud.body, Body::Map(_)) {
        return Err(speaker.wrong("has no fields", Some("a cloud has `auth:` with `auth_url` and a login")));
    }
    let own = Fields::of(cloud);
    if let Some(auth) = own_auth(cloud)
        && !matches!(auth.body, Body::Map(_) | Body::Null)
    {
        return Err(speaker.wrong("has an `auth` that is not a set of keys", None));
    }
    let mut notices = Vec::new();
    let (mut fields, unknown) = profile(files, &own, &speaker)?;
    let regions = regions(&own, &fields, &speaker)?;
    fields.lay_over(own);
    let asked = over.region.map(str::to_string).or_else(|| over.variables.outside("region_name"));
    let region = choose(&regions, asked.as_deref(), name, place)?;
    if let Some((region, values)) = region {
        fields.lay_over(values);
        fields.rest.insert("region_name".into(), Node::of_text(region, cloud));
    }
    fields.rest.remove("regions");
    let file_url = fields.auth_url();
    let laid = lay_variables(&mut fields, over.variables);
    if fields.auth_url().is_none()
        && let Some(unknown) = unknown
    {
        return Err(unknown);
    }
    let source = match &laid[..] {
        [] => place.to_string(),
        laid => format!("{place} and {}", some_of(laid)),
    };
    let (credentials, said) = fields.credentials(name, &source, &speaker, over.home)?;
    notices.extend(said);
    keeps_its_secret(&credentials, file_url.as_deref(), over.variables, &speaker)?;
    if let Some(file_url) = file_url
        && !same_url(&file_url, &credentials.auth_url)
    {
        notices.push(format!(
            "OS_AUTH_URL overrules the auth_url of cloud `{name}`: logging in to {}, not {file_url}",
            credentials.auth_url
        ));
    }
    Ok((credentials, notices))
}

fn own_auth(cloud: &Node) -> Option<&Node> {
    let Body::Map(entries) = &cloud.body else { return None };
    entries.iter().rev().find(|entry| entry.key == "auth").map(|entry| &entry.value)
}

/// What the profile of a cloud says, and the error to give where it is unknown and nothing else
/// says where keystone is.
fn profile(files: &Files, own: &Fields, speaker: &Speaker<'_>) -> Result<(Fields, Option<Error>)> {
    let mut fields = Fields::default();
    let Some(name) = own.outside("profile").or_else(|| own.outside("cloud")) else {
        return Ok((fields, None));
    };
    let of_file = files.vendors.as_ref().and_then(|tree| tree.get("public-clouds")?.get(&name));
    if let Some(node) = of_file {
        fields.lay_over(Fields::of(node));
        return Ok((fields, None));
    }
    let anchor = own.rest.values().next();
    let text = |text: &str| anchor.map(|anchor| Node::of_text(text, anchor));
    let unknown = |why: &str| {
        speaker.wrong(&format!("names a profile {why}"), Some("write `auth: auth_url` into the cloud"))
    };
    Ok(match vendor(&name) {
        Some(Vendor::Known { auth_url, regions, default_domains }) => {
            fields.auth.extend(text(auth_url).map(|node| ("auth_url".to_string(), node)));
            if default_domains {
                for domain in ["user_domain_name", "project_domain_name"] {
                    fields.auth.extend(text("Default").map(|node| (domain.to_string(), node)));
                }
            }
            fields.rest.extend(text(&regions.join(",")).map(|node| ("region_name".to_string(), node)));
            (fields, None)
        }
        Some(Vendor::Closed) => return Err(unknown("of a cloud that has closed")),
        Some(Vendor::Published(url)) => {
            (fields, Some(unknown(&format!("that is published at {url}, and smog fetches no profiles"))))
        }
        None if name.starts_with("http") => {
            (fields, Some(unknown("by its URL, and smog fetches no profiles")))
        }
        None => (fields, Some(unknown("that neither smog nor clouds-public.yaml knows"))),
    })
}

/// The regions a cloud has, with what each one says: of `regions:`, else `region_name` (a list,
/// or a text with commas), else the profile's.
fn regions(own: &Fields, profile: &Fields, speaker: &Speaker<'_>) -> Result<Vec<(String, Fields)>> {
    for fields in [own, profile] {
        if let Some(node) = fields.rest.get("regions").filter(|node| !node.is_null()) {
            let Body::List(items) = &node.body else {
                return Err(speaker.wrong("has `regions` that are not a list", None));
            };
            let region = |item: &Node| match (&item.body, item.text()) {
                (_, Some(name)) => Some((name.to_string(), Fields::default())),
                (Body::Map(_), _) => {
                    let values = item.get("values").map(Fields::of).unwrap_or_default();
                    Some((item.get("name")?.text()?.to_string(), values))
                }
                _ => None,
            };
            let found: Option<Vec<_>> = items.iter().map(region).collect();
            let found = found.ok_or_else(|| {
                speaker.wrong("has a region that is neither a name nor `{name: …, values: …}`", None)
            })?;
            if !found.is_empty() {
                return Ok(found);
            }
        }
        if let Some(node) = fields.rest.get("region_name") {
            let names = listed(node).into_iter().filter(|name| !name.is_empty());
            let found: Vec<_> = names.map(|name| (name, Fields::default())).collect();
            if !found.is_empty() {
                return Ok(found);
            }
        }
    }
    Ok(Vec::new())
}

/// The region that is asked for, else the first. A cloud that lists none takes any.
fn choose<'a>(
    regions: &'a [(String, Fields)],
    asked: Option<&'a str>,
    cloud: &str,
    place: &str,
) -> Result<Option<(&'a str, Fields)>> {
    let Some(asked) = asked else {
        return Ok(regions.first().map(|(name, values)| (name.as_str(), values.clone())));
    };
    if regions.is_empty() {
        return Ok(Some((asked, Fields::default())));
    }
    match regions.iter().find(|(name, _)| name == asked) {
        Some((name, values)) => Ok(Some((name.as_str(), values.clone()))),
        None => {
            let names: Vec<String> = regions.iter().map(|(name, _)| format!("`{name}`")).collect();
            Err(Error::Config {
                place: place.into(),
                message: format!("cloud `{cloud}` has no region `{asked}`, but {}", some_of(&names)),
                hint: Some("names of regions are case sensitive; `regions:` lists those of a cloud".into()),
            })
        }
    }
}

/// Lay `OS_*` variables over a cloud's fields; the variables that said something.
fn lay_variables(fields: &mut Fields, variables: &Fields) -> Vec<String> {
    let mut laid = Vec::new();
    // First all rivals go, so that two variables of one kind do not remove each other.
    let names: Vec<&String> = variables.rest.keys().filter(|name| is_laid_over(name)).collect();
    for name in &names {
        let standard = standard(name);
        for rival in rivals(standard) {
            fields.auth.remove(rival);
            fields.rest.remove(rival);
        }
    }
    for name in names {
        let Some(node) = variables.rest.get(name) else { continue };
        let name_of_field = standard(name).to_string();
        fields.auth.remove(&name_of_field);
        fields.rest.insert(name_of_field, node.clone());
        laid.push(format!("OS_{}", name.to_uppercase()));
    }
    laid
}

/// The later name of a field.
fn standard(name: &str) -> &str {
    match name {
        "tenant_name" => "project_name",
        "tenant_id" => "project_id",
        "auth_token" => "token",
        "endpoint_type" => "interface",
        other => other,
    }
}

/// Whether a variable is for a cloud of a file too. The region is decided before.
fn is_laid_over(name: &str) -> bool {
    const NAMES: [&str; 35] = [
        "auth_type",
        "auth_methods",
        "auth_url",
        "username",
        "user_id",
        "password",
        "passcode",
        "token",
        "auth_token",
        "application_credential_id",
        "application_credential_name",
        "application_credential_secret",
        "project_name",
        "project_id",
        "tenant_name",
        "tenant_id",
        "user_domain_name",
        "user_domain_id",
        "project_domain_name",
        "project_domain_id",
        "domain_name",
        "domain_id",
        "default_domain",
        "default_domain_name",
        "default_domain_id",
        "system_scope",
        "trust_id",
        "interface",
        "endpoint_type",
        "cacert",
        "cert",
        "key",
        "verify",
        "insecure",
        "auth_plugin",
    ];
    NAMES.contains(&name) || name.ends_with("_endpoint_override")
}

/// A file's password is for the keystone of that file: where a variable names another one, the
/// secret must come from a variable as well.
fn keeps_its_secret(
    credentials: &Credentials,
    file_url: Option<&str>,
    variables: &Fields,
    speaker: &Speaker<'_>,
) -> Result<()> {
    let Some(file_url) = file_url else { return Ok(()) };
    if same_url(file_url, &credentials.auth_url) {
        return Ok(());
    }
    let of_variables = |name: &&str| variables.field(name).is_some();
    if login::secrets(&credentials.login).iter().all(of_variables) {
        return Ok(());
    }
    Err(speaker.wrong(
        &format!("is of {file_url}, but OS_AUTH_URL names another keystone, which would get its password"),
        Some("unset OS_AUTH_URL to use the cloud, or OS_CLOUD to use the variables"),
    ))
}

fn same_url(one: &str, other: &str) -> bool {
    one.trim_end_matches('/') == other.trim_end_matches('/')
}

fn listed_places(files: &Files) -> String {
    let places: Vec<String> = files.places.iter().map(|path| path.display().to_string()).collect();
    some_of(&places)
}

#[cfg(test)]
mod tests;
