use proptest::prelude::*;

use super::*;

const NOVA: &str = "\
# A comment above all
[DEFAULT]
my_ip = 192.0.2.11
#debug = false
transport_url=rabbit://guest:guest@192.0.2.10:5672/

[pci]
device_spec = {\"vendor_id\": \"8086\"}
device_spec = {\"vendor_id\": \"10de\",
   \"product_id\": \"1eb8\"}

[libvirt]
; old style comment
virt_type: qemu
cpu_mode = \"none\"
[DEFAULT]
state_path = /var/lib/nova";

fn nova() -> OsloConfig {
    OsloConfig::parse(NOVA, "nova.conf").expect("nova.conf")
}

/// The lines that differ, as `-old` and `+new`.
fn changed(new: &OsloConfig) -> Vec<String> {
    let (old, new): (Vec<&str>, Vec<&str>) = (NOVA.lines().collect(), new.text().lines().collect());
    let gone = old.iter().filter(|line| !new.contains(line)).map(|line| format!("-{line}"));
    gone.chain(new.iter().filter(|line| !old.contains(line)).map(|line| format!("+{line}"))).collect()
}

#[test]
fn read_as_oslo_config_reads_it() {
    let file = nova();
    assert_eq!(file.sections(), ["DEFAULT", "pci", "libvirt"]);
    assert_eq!(file.get("DEFAULT", "state_path"), Some("/var/lib/nova"));
    assert_eq!(file.get("libvirt", "virt_type"), Some("qemu"));
    assert_eq!(file.get("libvirt", "cpu_mode"), Some("none"));
    assert_eq!(file.get("DEFAULT", "debug"), None);
    let specs = file.get_all("pci", "device_spec");
    assert_eq!(specs.len(), 2);
    assert_eq!(specs[1], "{\"vendor_id\": \"10de\",\n\"product_id\": \"1eb8\"}");
}

#[test]
fn one_line_changes_and_nothing_else() {
    let set = |section, key, value| nova().set(section, key, value).expect("set");
    assert_eq!(changed(&set("libvirt", "virt_type", "kvm")), ["-virt_type: qemu", "+virt_type: kvm"]);
    assert_eq!(changed(&set("DEFAULT", "debug", "true")), ["+debug = true"]);
    assert!(set("DEFAULT", "debug", "true").text().contains("#debug = false\ndebug = true\n"));
    assert_eq!(changed(&set("DEFAULT", "my_ip", "192.0.2.11")), Vec::<String>::new());
    assert_eq!(changed(&set("compute", "cpu_shared_set", "0")), ["+[compute]", "+cpu_shared_set = 0"]);
    // A new option of a section that comes twice goes to its last part.
    assert!(set("DEFAULT", "host", "cmp1").text().ends_with("state_path = /var/lib/nova\nhost = cmp1\n"));
}

#[test]
fn multi_valued_options() {
    let all = |values: &[&str]| nova().set_all("pci", "device_spec", values).expect("set");
    assert_eq!(all(&["a"]).get_all("pci", "device_spec"), ["a"]);
    assert_eq!(all(&["a", "b", "c"]).get_all("pci", "device_spec"), ["a", "b", "c"]);
    assert!(all(&[]).get_all("pci", "device_spec").is_empty());
    let alias = nova().set_all("pci", "alias", &["x", "y"]).expect("set");
    assert_eq!(alias.get_all("pci", "alias"), ["x", "y"]);
    assert_eq!(alias.get_all("pci", "device_spec"), nova().get_all("pci", "device_spec"));
}

#[test]
fn what_oslo_config_refuses_is_refused_with_its_line() {
    for (text, place) in [
        ("debug = true\n", "f:1"),
        ("[DEFAULT]\nnonsense\n", "f:2"),
        ("[DEFAULT\n", "f:1"),
        ("[a]\n = b\n", "f:2"),
    ] {
        let error = OsloConfig::parse(text, "f").expect_err(text).to_string();
        assert!(error.starts_with(place), "{error}");
    }
    assert!(nova().set("libvirt", "x", "two\nlines").is_err());
    assert!(nova().set("libvirt", "a=b", "c").is_err());
}

#[test]
fn section_names_are_without_case_as_oslo_config_has_them() {
    let file = OsloConfig::parse("[libvirt]\nvirt_type = kvm\n\n[LIBVIRT]\nvolume_clear = none\n", "f");
    let file = file.expect("two spellings");
    assert_eq!(file.sections(), ["libvirt"]);
    assert_eq!(file.get("libvirt", "volume_clear"), Some("none"));
    let changed = file.set("libvirt", "volume_clear", "zero").expect("set");
    assert_eq!(changed.text(), "[libvirt]\nvirt_type = kvm\n\n[LIBVIRT]\nvolume_clear = zero\n");
    assert_eq!(
        changed.remove("Libvirt", "volume_clear").expect("removed").get("libvirt", "volume_clear"),
        None
    );
    let file = OsloConfig::parse("[DEFAULT]\na = 1\n[default]\na = 2\n", "f").expect("not the same");
    assert_eq!((file.get("DEFAULT", "a"), file.get("default", "a")), (Some("1"), Some("2")));
}

/// Recorded from oslo.config 10.7.0 by tests/data/oslo/record.py.
#[test]
fn recorded_answers_of_oslo_config() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/oslo/recorded.json");
    let text = std::fs::read_to_string(path).expect("the recording");
    let cases: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let cases = cases["cases"].as_array().expect("cases");
    assert!(cases.len() >= 40, "{}", cases.len());
    for case in cases {
        let text = case["text"].as_str().expect("a text");
        match (OsloConfig::parse(text, "f"), case["sections"].as_object()) {
            (Err(_), None) => {}
            (Ok(file), Some(sections)) => {
                let named: usize = file.sections().len();
                assert_eq!(named, sections.len(), "{text:?}");
                for (section, options) in sections {
                    for (key, values) in options.as_object().expect("options") {
                        let values: Vec<&str> = values
                            .as_array()
                            .expect("values")
                            .iter()
                            .filter_map(|one| one.as_str())
                            .collect();
                        assert_eq!(file.get_all(section, key), values, "{text:?} [{section}]{key}");
                    }
                }
            }
            (read, sections) => panic!("{text:?}: smog {read:?}, oslo.config {sections:?}"),
        }
    }
}

#[test]
fn no_line_and_no_value_is_shown_in_an_error() {
    for text in [
        "[DEFAULT]\nhush\n",
        "[hush\n",
        "hush = 1\n",
        "[a]\n = hush\n",
        "[a]\n hush\n",
        "[a]\nb=1\n\n hush\n",
    ] {
        let said = OsloConfig::parse(text, "f").expect_err(text).to_string();
        assert!(!said.contains("hush") && !said.contains('\n'), "{said}");
    }
    let said = nova().set("DEFAULT", "password", "hush ").expect_err("a blank").to_string();
    assert!(!said.contains("hush"), "{said}");
}

fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("# prose, with = in it".to_string()),
        Just("#cpu_mode = none".to_string()),
        "\\[[a-zA-Z_]{1,8}\\]",
        "[a-z_]{1,8} ?[=:] ?[ -~]{0,20}",
        "[ \t]{1,3}[a-z\"{},]{1,12}",
    ]
}

fn file() -> impl Strategy<Value = String> {
    let end = prop_oneof![Just("\n"), Just("\r\n"), Just("\r")];
    (proptest::collection::vec(line(), 0..30), end, any::<bool>()).prop_map(|(lines, end, ended)| {
        // It begins as oslo.config wants it: a section, and an option to continue.
        let text = ["[DEFAULT]".to_string(), "a = b".to_string()].into_iter().chain(lines);
        let text: Vec<String> = text.collect();
        text.join(end) + if ended { end } else { "" }
    })
}

proptest! {
    #[test]
    fn every_byte_survives(text in file()) {
        if let Ok(file) = OsloConfig::parse(text.clone(), "f") {
            prop_assert_eq!(file.text(), text);
        }
    }

    #[test]
    fn what_is_set_is_read_back_and_the_rest_is_as_it_was(
        text in file(), section in "[a-zA-Z_]{1,8}", key in "[a-z_]{1,8}", value in "[a-z0-9,{}/]{0,12}",
    ) {
        let Ok(file) = OsloConfig::parse(text, "f") else { return Ok(()) };
        let changed = file.set(&section, &key, &value).expect("a plain option");
        prop_assert_eq!(changed.get(&section, &key), Some(value.as_str()));
        for name in file.sections() {
            for other in file.sections.iter().filter(|one| same_section(&one.name, name)).flat_map(|one| &one.options) {
                if !same_section(name, &section) || other.key != key {
                    prop_assert_eq!(file.get_all(name, &other.key), changed.get_all(name, &other.key));
                }
            }
        }
        // Set back, it is the same file again, byte for byte.
        if let Some(before) = file.get(&section, &key).filter(|before| check(&section, &key, before).is_ok()) {
            let is_plain = file.settings(&section, &key).next_back().is_some_and(|one| file.text[one.value_range.clone()] == *before);
            if is_plain {
                let back = changed.set(&section, &key, before).expect("set back");
                prop_assert_eq!(back.text(), file.text());
            }
        }
    }

    #[test]
    fn values_are_counted(text in file(), values in proptest::collection::vec("[a-z0-9]{1,6}", 0..4)) {
        let Ok(file) = OsloConfig::parse(text, "f") else { return Ok(()) };
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let changed = file.set_all("DEFAULT", "a", &values).expect("plain values");
        prop_assert_eq!(changed.get_all("DEFAULT", "a"), values);
    }
}
