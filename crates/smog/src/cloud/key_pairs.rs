//! Key pairs of users, for SSH into their servers.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::labels::segment;
use super::lookup::{Named, pick};
use super::{Answer, Call, Cloud, Microversion, Service};
use crate::config::Secret;
use crate::error::{Error, Result};
use crate::show::{Column, Show};

/// A key pair: what Nova keeps of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeyPair {
    /// Name; unique for its user.
    pub name: String,
    /// The public key, as in `authorized_keys`.
    pub public_key: String,
    /// Its fingerprint.
    pub fingerprint: String,
    /// "ssh".
    #[serde(rename(deserialize = "type"), default)]
    pub kind: String,
}

impl Named for KeyPair {
    fn id(&self) -> &str {
        &self.name
    }
    fn name(&self) -> &str {
        &self.name
    }
}

impl Show for KeyPair {
    const PLURAL: &'static str = "key pairs";
    const COLUMNS: &'static [Column<KeyPair>] = &[
        Column::new("name", |pair| pair.name.clone()),
        Column::new("type", |pair| pair.kind.clone()),
        Column::new("fingerprint", |pair| pair.fingerprint.clone()),
        Column::wide("public key", |pair| pair.public_key.trim().to_string()),
    ];
}

/// The last microversion at which Nova makes keys itself.
const LAST_GENERATION: Microversion = Microversion(2, 91);

#[derive(Deserialize)]
struct Item {
    keypair: KeyPair,
}

impl Cloud {
    /// The user's key pairs.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn key_pairs(&self) -> Result<Vec<KeyPair>> {
        let version = self.compute_microversion().await?;
        let call = Call::get(Service::Compute, "/os-keypairs").at(version);
        let items: Vec<Item> = self.list(call, "keypairs").await?;
        Ok(items.into_iter().map(|item| item.keypair).collect())
    }

    /// One key pair by name or an unambiguous beginning of it.
    ///
    /// # Errors
    /// [`Error::NotFound`] with near names, [`Error::Ambiguous`].
    pub async fn key_pair(&self, asked: &str) -> Result<KeyPair> {
        pick("key pair", asked, self.key_pairs().await?)
    }

    /// Let Nova make a key pair. The private key is returned once and kept nowhere.
    /// Nova does this up to microversion 2.91, which smog therefore asks for.
    ///
    /// # Errors
    /// As [`Cloud::call`]; 409 when the name is taken.
    pub async fn create_key_pair(&self, name: &str) -> Result<(KeyPair, Secret)> {
        let version = self.compute_microversion().await?.min(LAST_GENERATION);
        let body = json!({"keypair": {"name": name, "type": "ssh"}});
        let mut answer = self.call(Call::post(Service::Compute, "/os-keypairs", body).at(version)).await?;
        let private = answer.body.pointer_mut("/keypair/private_key").map(Value::take);
        let Some(Value::String(private)) = private else {
            return Err(Error::Parse {
                what: "the new key pair's private key".into(),
                source_of: "the compute service".into(),
                why: "there is none in the answer".into(),
            });
        };
        Ok((made(answer)?, Secret::new(private)))
    }

    /// Give Nova a public key, as in `authorized_keys`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a private key, as [`Cloud::call`]; 409 when the name is taken.
    pub async fn import_key_pair(&self, name: &str, public_key: &str) -> Result<KeyPair> {
        if public_key.contains("PRIVATE KEY") {
            return Err(Error::Invalid {
                what: format!("key pair `{name}`"),
                why: "this is a private key, which must stay where it is".into(),
                hint: Some("give the public one: the file whose name ends in `.pub`".into()),
            });
        }
        let body = json!({"keypair": {"name": name, "type": "ssh", "public_key": public_key.trim()}});
        made(self.compute(Call::post(Service::Compute, "/os-keypairs", body)).await?)
    }

    /// Delete a key pair. Servers made with it keep the key. One that is gone already
    /// is fine.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn delete_key_pair(&self, name: &str) -> Result<()> {
        self.delete(Service::Compute, format!("/os-keypairs/{}", segment(name))).await
    }
}

fn made(answer: Answer) -> Result<KeyPair> {
    Ok(answer.read::<Item>("key pair")?.keypair)
}
