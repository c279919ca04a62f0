//! Serves the scripted cloud until standard input ends, for tests in other languages. The first
//! line of its output has the variables that point smog at it, as JSON.

use std::io::{Read, Write};

use smog_fake_cloud::{Fake, Trouble};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let trouble = match std::env::args().nth(1).as_deref() {
        None => Trouble::None,
        Some("empty") => Trouble::Empty,
        Some("forbidden") => Trouble::Forbidden,
        Some("no-hosts") => Trouble::NoHosts,
        Some(_) => {
            let why = "the argument is `empty`, `forbidden` or `no-hosts`, or there is none";
            return Err(std::io::Error::other(why));
        }
    };
    let fake = Fake::two_guests(trouble).await;
    let variables: serde_json::Map<String, serde_json::Value> =
        fake.variables().into_iter().map(|(name, value)| (name, value.into())).collect();
    let mut out = std::io::stdout();
    writeln!(out, "{}", serde_json::Value::from(variables))?;
    out.flush()?;
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    Ok(())
}
