//! The table is whole, and bodies are Nova's.

use std::collections::BTreeSet;

use super::*;

#[test]
fn every_action_says_what_it_is_and_has_names_of_its_own() {
    let own = include_str!("../server_actions.rs");
    assert_eq!(own.matches("\npub static ").count(), ALL.len() + 1, "an action is not in ALL");
    let names: BTreeSet<&str> = ALL.iter().map(|action| action.name).collect();
    let methods: BTreeSet<String> = ALL.iter().map(|action| action.method()).collect();
    assert_eq!((names.len(), methods.len()), (ALL.len(), ALL.len()));
    for action in ALL {
        let texts = action.parameters.iter().map(|one| one.help).chain([action.help]);
        for text in texts {
            let is_sentence = text.starts_with(char::is_uppercase) && !text.ends_with('.');
            assert!(is_sentence, "{}: `{text}`", action.name);
        }
        let body = (action.body)(&Arguments::default());
        assert_eq!(body.as_object().map(Map::len), Some(1), "{}: {body}", action.name);
    }
}

#[test]
fn bodies_have_what_was_given_under_novas_names() {
    let given = |pairs: &[(&'static str, Value)]| Arguments(pairs.iter().cloned().collect());
    let body = |action: &ServerAction, pairs: &[(&'static str, Value)]| (action.body)(&given(pairs));
    assert_eq!(body(&UNSHELVE, &[]), json!({"unshelve": null}));
    assert_eq!(body(&UNSHELVE, &[("zone", json!("az"))]), json!({"unshelve": {"availability_zone": "az"}}));
    assert_eq!(body(&EVACUATE, &[]), json!({"evacuate": {}}));
    assert_eq!(body(&COLD_MIGRATE, &[("host", json!("h"))]), json!({"migrate": {"host": "h"}}));
    assert_eq!(body(&COLD_MIGRATE, &[("confirm", json!(true))]), json!({"migrate": null}));
    assert_eq!(body(&REBOOT, &[("hard", json!(true))]), json!({"reboot": {"type": "HARD"}}));
    assert_eq!(body(&LOCK, &[("reason", json!("x"))]), json!({"lock": {"locked_reason": "x"}}));
    assert_eq!(
        body(&RESCUE, &[("image", json!("i")), ("admin_password", json!("p"))]),
        json!({"rescue": {"rescue_image_ref": "i", "adminPass": "p"}})
    );
}
