//! One scripted answer of the API.

use std::time::Duration;

/// One answer.
#[derive(Debug, Clone)]
pub struct Script {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) hang_up: bool,
    pub(crate) endless: bool,
    pub(crate) delay: Duration,
}

impl Script {
    /// An answer of this HTTP status, without a body.
    pub fn status(status: u16) -> Script {
        Script {
            status,
            headers: vec![],
            body: vec![],
            hang_up: false,
            endless: false,
            delay: Duration::ZERO,
        }
    }

    /// 200, with this JSON.
    pub fn ok(body: &str) -> Script {
        Script::status(200).body(body)
    }

    /// Close the connection instead of answering.
    pub fn hang_up() -> Script {
        Script { hang_up: true, ..Script::status(0) }
    }

    /// A body that never ends.
    pub fn endless() -> Script {
        Script { endless: true, ..Script::ok("[") }
    }

    /// A body of bytes.
    pub fn bytes(mut self, body: Vec<u8>) -> Script {
        self.body = body;
        self
    }

    /// Answer only after so long.
    pub fn after(mut self, delay: Duration) -> Script {
        self.delay = delay;
        self
    }

    /// A body of text.
    pub fn body(mut self, body: &str) -> Script {
        self.body = body.as_bytes().to_vec();
        self
    }

    /// One more header.
    pub fn header(mut self, name: &str, value: &str) -> Script {
        self.headers.push((name.into(), value.into()));
        self
    }
}
