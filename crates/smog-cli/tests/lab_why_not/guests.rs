//! What guests take, and guests that are there already.

use super::*;

#[test]
fn what_is_taken_by_a_guest() {
    let mut nova = Asked::default();
    let (pinned, guests) = (unique("why-pin"), [unique("why-a"), unique("why-b")]);
    let _flavor = flavor(&pinned, &["--pin"]);
    let _guests = Guests::named(&[&guests[0], &guests[1]]);
    for (guest, host) in guests.iter().zip(["cmp1", "cmp2"]) {
        smog(&["boot", guest, "-q", "--network", "none", "--flavor", &pinned, "--host", host]);
    }
    let row = Row {
        reason: "dedicated CPUs in use",
        by: "placement",
        what: "PCPU",
        said: "0 of 1 PCPU (dedicated CPUs) free",
    };
    row.shown(&mut nova, &["--flavor", &pinned]);
    nova.settle();
    let (_, answer) = answer(&["--flavor", &pinned]);
    let helps = answer["helps"].to_string();
    assert!(helps.contains(&format!("moving or deleting guest `{}`", guests[0])), "{helps}");
    smog(&["delete", "-q", &guests[0]]);
    eventually("its CPU to be free", || lab().run(&["why-not", "--flavor", &pinned]).code == 0);
    boots("a dedicated CPU is free", &["--flavor", &pinned]);
}

#[test]
fn guests_that_are_there() {
    let (guest, big) = (unique("why-move"), unique("why-big"));
    let _flavor = flavor(&big, &["--ram", "30000"]);
    let _guests = Guests::named(&[&guest]);
    smog(&["boot", &guest, "-q", "--network", "none", "--flavor", "m1.nano", "--host", "cmp1"]);
    let (_, there) = answer(&[&guest]);
    assert_eq!(there["sentence"], "cmp2 fits", "{there:#}");
    let ran = lab().run(&["guest", "resize", &guest, "--flavor", &big]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("MiB of memory in all") && ran.err.contains("needs 30000 MiB"), "{}", ran.err);
    let nameless = lab().run(&["why-not", &guest]).expect(2);
    assert!(nameless.err.contains("does not record to which flavor"), "{}", nameless.err);
    let (ran, resized) = answer(&[&guest, "--flavor", &big]);
    assert_eq!(ran.code, 1, "{resized:#}");
    assert_eq!(resized["scheduler_log"]["placement_had_none"], true, "{resized:#}");
    // A request by its id, and what the scheduler logged of it.
    let pages = unique("why-req");
    let _pages = flavor(&pages, &["--ram", "2048", "--pages", "2048"]);
    let failed = unique("why-failed");
    let _failed = Guests::named(&[&failed]);
    let ran = lab().run(&["boot", &failed, "-q", "--network", "none", "--flavor", &pages]).expect(1);
    let request =
        ran.err.split("(request ").nth(1).and_then(|rest| rest.split(')').next()).expect("a request");
    let (_, by_request) = answer(&[request]);
    assert_eq!(by_request["scheduler_log"]["filter"], NUMA, "{by_request:#}");
    assert_eq!(by_request["hosts"][0]["reasons"][0]["by"], NUMA);
    // The other host is disabled: a live migration has nowhere to go.
    let _enable = undo(|| drop(lab().run(&["service", "enable", "cmp2", "-q"])));
    smog(&["service", "disable", "cmp2", "--reason", "why-not"]);
    let ran = lab().run(&["migrate", &guest]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("cmp2 is disabled (why-not)"), "{}", ran.err);
}
