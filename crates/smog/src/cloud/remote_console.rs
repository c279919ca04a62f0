//! Remote consoles: the address at which a proxy of Nova shows a guest, and what is behind it.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Call, Cloud, Service};
use crate::error::{Error, Result};

/// A console that Nova's proxies show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemoteConsole {
    /// noVNC in a browser (`[vnc]`).
    NoVnc,
    /// SPICE in a browser (`[spice]`).
    Spice,
    /// A serial port over a web socket (`[serial_console]`).
    Serial,
}

impl RemoteConsole {
    /// Protocol and type as the API has them.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            RemoteConsole::NoVnc => ("vnc", "novnc"),
            RemoteConsole::Spice => ("spice", "spice-html5"),
            RemoteConsole::Serial => ("serial", "serial"),
        }
    }
}

/// What a console's token stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsoleConnection {
    /// The server's id.
    #[serde(rename(deserialize = "instance_uuid"))]
    pub server: String,
    /// The address of the port on the compute host, as the proxy reaches it.
    pub host: String,
    /// The port's number.
    pub port: u16,
}

impl Cloud {
    /// The address of a guest's remote console, with a token that is good for some minutes
    /// (microversion 2.6). Whether a proxy answers there is another question.
    ///
    /// # Errors
    /// [`Error::Api`] with 400 where the console is not enabled on the host, 409 while the
    /// guest is not ready.
    pub async fn remote_console(&self, server_id: &str, console: RemoteConsole) -> Result<String> {
        #[derive(Deserialize)]
        struct Answer {
            remote_console: Address,
        }
        #[derive(Deserialize)]
        struct Address {
            url: String,
        }
        let (protocol, kind) = console.words();
        let body = json!({"remote_console": {"protocol": protocol, "type": kind}});
        let path = format!("/servers/{server_id}/remote-consoles");
        let answer = self.compute(Call::post(Service::Compute, path, body)).await?;
        Ok(answer.read::<Answer>("a remote console")?.remote_console.url)
    }

    /// What is behind the token of a remote console's address (administrators only; for
    /// serial consoles microversion 2.31).
    ///
    /// # Errors
    /// [`Error::Invalid`] for an address without a token, [`Error::Api`] with 404 when it has expired.
    pub async fn console_connection(&self, url: &str) -> Result<ConsoleConnection> {
        let token = url.rsplit_once("token=").map(|(_, token)| token.split('&').next().unwrap_or(token));
        let token = token.filter(|token| !token.is_empty()).ok_or_else(|| Error::Invalid {
            what: "the address of a remote console".into(),
            why: "it has no token".into(),
            hint: None,
        })?;
        #[derive(Deserialize)]
        struct Answer {
            console: ConsoleConnection,
        }
        let call = Call::get(Service::Compute, format!("/os-console-auth-tokens/{token}"));
        Ok(self.compute(call).await?.read::<Answer>("a console's token")?.console)
    }
}
