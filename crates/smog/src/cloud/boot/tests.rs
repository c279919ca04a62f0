use super::*;

#[test]
fn a_flavor_s_name_says_when_it_was_made() {
    let name = format!("{OWN_PREFIX}{}", unique());
    let age = Timestamp::now().duration_since(flavor_made_at(&name).expect("a time"));
    assert!(age.as_secs() < 60, "{name}: {age:#}");
    assert!(flavor_made_at("smog-1a22148bdd9-5d12").is_some());
    for other in ["smog-1a22148bdd9", "smog-x-1", "smog-1a-1-2-3", "web", "smog-1a-x", "smog-1a-1-x"] {
        assert_eq!(flavor_made_at(other), None, "{other}");
    }
}
