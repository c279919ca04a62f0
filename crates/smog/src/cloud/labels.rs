//! What users write on their servers: metadata and tags.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Call, Cloud, Service};
use crate::error::Result;

impl Cloud {
    /// Set metadata, new or changed; the other pairs stay. Returns all pairs.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn set_metadata(
        &self,
        server_id: &str,
        pairs: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>> {
        let path = format!("/servers/{server_id}/metadata");
        #[derive(serde::Deserialize)]
        struct Shown {
            metadata: BTreeMap<String, String>,
        }
        let call = Call::post(Service::Compute, path, json!({"metadata": pairs}));
        Ok(self.compute(call).await?.read::<Shown>("metadata of a server")?.metadata)
    }

    /// Remove metadata. A key that is not there is fine.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn unset_metadata(&self, server_id: &str, keys: &[&str]) -> Result<()> {
        for key in keys {
            self.delete(Service::Compute, format!("/servers/{server_id}/metadata/{}", segment(key))).await?;
        }
        Ok(())
    }

    /// Add a tag (at most 60 characters, no comma or slash).
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn add_tag(&self, server_id: &str, tag: &str) -> Result<()> {
        let path = format!("/servers/{server_id}/tags/{}", segment(tag));
        let call = Call { body: None, ..Call::put(Service::Compute, path, Value::Null) };
        self.compute(call).await.map(drop)
    }

    /// Replace all tags.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn set_tags(&self, server_id: &str, tags: &[&str]) -> Result<()> {
        let path = format!("/servers/{server_id}/tags");
        self.compute(Call::put(Service::Compute, path, json!({"tags": tags}))).await.map(drop)
    }

    /// Remove a tag. One that is not there is fine.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn remove_tag(&self, server_id: &str, tag: &str) -> Result<()> {
        self.delete(Service::Compute, format!("/servers/{server_id}/tags/{}", segment(tag))).await
    }
}

/// A text as one segment of a path. The URL's own encoding leaves `/`, `?` and `#` to us.
pub(super) fn segment(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b':' => {
                out.push(byte as char)
            }
            byte => out.push_str(&format!("%{byte:02X}")),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::segment;

    #[test]
    fn one_segment_of_a_path() {
        assert_eq!(segment("hw:cpu_policy"), "hw:cpu_policy");
        assert_eq!(segment("a/b c?é%"), "a%2Fb%20c%3F%C3%A9%25");
    }
}
