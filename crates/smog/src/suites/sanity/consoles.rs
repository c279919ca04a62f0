//! What a guest says on its consoles.

use crate::cloud::RemoteConsole;
use crate::error::Result;
use crate::findings::expected::{SERIAL_IN_FILE, serial_on_port};
use crate::suites::{console, small};
use crate::testing::{Control, Test};

pub(super) async fn console_log(t: &mut Test) -> Result<()> {
    let mut guest = t.boot(small(1, 96)).await?;
    if !console::reports(t).await? {
        return t.skip("the image is not known to print on its console; the lab's does");
    }
    console::report(t, &guest).await?;
    let from_nova = guest.console(None).await?;
    let seen = t.look(&mut guest).await?;
    let path = seen.domain().console_log().unwrap_or_default().to_string();
    let host = t.cloud.host(seen.host()).await?;
    let on_disk = host.read_text(&path).await?;
    let id =
        |text: &str| console::Report::last(text).and_then(|report| report.get("boot_id").map(str::to_string));
    let another = Control::new("another boot", |_: Option<String>| Some("another".to_string()));
    let what = "boot id in Nova's answer and in the file on the host";
    t.check_same(what, &id(&from_nova), &id(&on_disk), another);
    t.check("boot id", id(&on_disk).is_some(), id(&on_disk).unwrap_or_else(|| "none".into()), "one");
    let last = guest.console(Some(3)).await?;
    t.check("the last 3 lines", last.lines().count() <= 3, last.lines().count().to_string(), "at most 3");
    Ok(())
}

pub(super) async fn serial_console(t: &mut Test) -> Result<()> {
    let mut guest = t.boot(small(1, 96)).await?;
    let seen = t.look(&mut guest).await?;
    t.assert(&seen, serial_on_port, SERIAL_IN_FILE);
    let serial = seen.domain().devices.serials.first().and_then(|serial| serial.address.clone());
    let Some((_, port)) = serial else { return Ok(()) };

    t.step("ask Nova for its address, and what is behind the token in it");
    let url = t.cloud.remote_console(&guest.server.id, RemoteConsole::Serial).await?;
    let behind = t.cloud.console_connection(&url).await?;
    t.check_eq("the server behind the token", &behind.server, &guest.server.id);
    t.check_eq("the port behind the token", &behind.port, &port);

    if console::reports(t).await? {
        // Its shell is there when it has reported once.
        let first = console::report(t, &guest).await?;
        let said = console::talk(t, &seen, "report", "report end").await?;
        let again = console::Report::last(&said);
        let id = |report: &console::Report| report.get("boot_id").map(str::to_string);
        t.check_eq("boot id printed over the port", &again.as_ref().and_then(id), &id(&first));
    }
    Ok(())
}
