//! `KEY=VALUE` arguments.

use smog::{Error, near};

/// Pairs to set.
#[derive(Debug, clap::Args)]
pub struct Pairs {
    /// What to set
    #[arg(required = true, value_name = "KEY=VALUE", value_parser = key_and_value)]
    pub pairs: Vec<(String, String)>,
}

/// Keys to remove.
#[derive(Debug, clap::Args)]
pub struct Keys {
    /// What to remove
    #[arg(required = true, value_name = "KEY")]
    pub keys: Vec<String>,
}

pub fn key_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_string(), value.to_string())),
        _ => Err("not of the form KEY=VALUE".to_string()),
    }
}

/// Every key must be there: a typo removes nothing.
pub fn only_keys<'a>(
    what: &str,
    asked: &[String],
    there: impl Iterator<Item = &'a String> + Clone,
) -> Result<(), Error> {
    match asked.iter().find(|key| !there.clone().any(|one| one == *key)) {
        None => Ok(()),
        Some(key) => Err(Error::NotFound {
            what: what.into(),
            name: key.clone(),
            near: near(key, there.map(String::as_str)),
        }),
    }
}
