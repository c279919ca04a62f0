//! Edits of a domain's XML leave everything else byte for byte as it was.

use proptest::prelude::*;
use smog::Error;
use smog::libvirt::{CpuMode, Domain, DomainEdit};

const DOMAINS: [&str; 3] = [
    include_str!("data/domain/epoxy-pinned.xml"),
    include_str!("data/domain/epoxy-huge-pages.xml"),
    include_str!("data/domain/by-hand-two-cells.xml"),
];

#[track_caller]
fn edit(xml: &str) -> DomainEdit {
    DomainEdit::new(xml).expect("well-formed")
}

#[test]
fn host_passthrough_keeps_topology_and_cells() {
    for xml in DOMAINS {
        let before = Domain::parse(xml, "a test").expect("a domain");
        let edited = edit(xml).cpu_mode(CpuMode::HostPassthrough).expect("edited").into_xml();
        let after = Domain::parse(edited.as_str(), "a test").expect("still a domain");
        let (old, new) = (before.cpu.clone().expect("cpu"), after.cpu.clone().expect("cpu"));
        assert_eq!(new.mode.as_deref(), Some("host-passthrough"));
        assert_eq!((new.model, new.vendor, new.check, new.features.len()), (None, None, None, 0));
        assert_eq!((new.topology, new.cells), (old.topology, old.cells));
        // Outside of <cpu> not a byte is another.
        let around = |text: &str| {
            let (from, to) = (text.find("<cpu ").expect("<cpu"), text.find("</cpu>").expect("</cpu>"));
            (text[..from].to_string(), text[to..].to_string())
        };
        assert_eq!(around(xml), around(&edited));
    }
}

#[test]
fn the_lines_of_an_edit_look_as_if_libvirt_wrote_them() {
    let xml = "<domain>\n  <vcpu>1</vcpu>\n  <cpu mode='custom' match='exact' check='full'>\n    <model fallback='forbid'>EPYC</model>\n    <topology sockets='1' cores='1' threads='1'/>\n    <feature policy='require' name='x'/>\n  </cpu>\n  <a/>\n</domain>\n";
    let edited =
        edit(xml).cpu_mode(CpuMode::HostModel).and_then(|edit| edit.require_feature("vmx")).expect("edited");
    let expected = "<domain>\n  <vcpu>1</vcpu>\n  <cpu mode='host-model'>\n    <topology sockets='1' cores='1' threads='1'/>\n    <feature policy='require' name='vmx'/>\n  </cpu>\n  <a/>\n</domain>\n";
    assert_eq!(edited.xml(), expected);
    let again = edited.clone().require_feature("vmx").expect("edited");
    assert_eq!(again.xml(), expected, "once more changes nothing");
}

#[test]
fn a_domain_without_cpu_gets_one() {
    let edited =
        edit("<domain>\n  <name>x</name>\n</domain>").cpu_mode(CpuMode::HostPassthrough).expect("edited");
    assert_eq!(edited.xml(), "<domain>\n  <name>x</name>\n  <cpu mode='host-passthrough'/>\n</domain>");
}

#[test]
fn text_attributes_and_elements() {
    let xml = "<domain><vcpu>1</vcpu><os a = \"x>y\" ><boot/></os></domain>";
    let edited = edit(xml)
        .set_text(&["vcpu"], "4 & more")
        .and_then(|edit| edit.set_attribute(&["os"], "a", "<'\">"))
        .and_then(|edit| edit.set_attribute(&["os", "boot"], "dev", "hd"))
        .and_then(|edit| edit.insert(&["os", "boot"], "<x/>"))
        .expect("edited");
    assert_eq!(
        edited.xml(),
        "<domain><vcpu>4 &amp; more</vcpu><os a = \"&lt;&apos;&quot;&gt;\" ><boot dev='hd'>\n  <x/>\n</boot></os></domain>"
    );
    let removed =
        edited.remove(&["os", "boot"]).and_then(|edit| edit.remove_attribute(&["os"], "a")).expect("edited");
    assert_eq!(removed.xml(), "<domain><vcpu>4 &amp; more</vcpu><os ></os></domain>");
}

#[test]
fn what_is_not_there_and_what_would_break_is_refused() {
    assert!(matches!(edit("<domain/>").set_attribute(&["cpu"], "a", "b"), Err(Error::NotFound { .. })));
    assert!(matches!(edit("<domain/>").insert(&[], "<open>"), Err(Error::Parse { .. })));
    assert!(matches!(edit("<d><a><b/></a></d>").set_text(&["a"], "x"), Err(Error::Invalid { .. })));
    let error = DomainEdit::new("<domain>\n <a></b>\n</domain>").expect_err("not well-formed");
    assert!(error.to_string().contains("2:"), "{error}");
}

/// Small documents with everything that could be lost: comments, CDATA,
/// processing instructions, both quotes, namespaces, odd white space.
fn documents() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("<!-- a > b -->".to_string()),
        Just("<![CDATA[<cpu mode='no'/>]]>".to_string()),
        Just("<?odd thing?>".to_string()),
        Just("text &amp; &#xe9;".to_string()),
        Just("\r\n\t ".to_string()),
        Just("<e a=\"1\" b='\"'/>".to_string()),
        Just("<n:e xmlns:n='urn:n' n:a='>'/>".to_string()),
        Just("<cpu2 mode='x'></cpu2>".to_string()),
    ];
    let element = leaf.prop_recursive(3, 24, 4, |inner| {
        prop::collection::vec(inner, 0..4).prop_map(|parts| format!("<e x = 'y' >{}</e >", parts.concat()))
    });
    let parts = prop::collection::vec(element, 0..5);
    let cpu = prop_oneof![
        Just("<cpu mode='custom'/>".to_string()),
        Just("<cpu\n  mode = \"custom\"\n  />".to_string()),
        Just(
            "<cpu match='exact' mode='custom' check='full'>\n<model>M</model>\n<topology/>\n</cpu>"
                .to_string()
        ),
    ];
    (parts.clone(), cpu, parts).prop_map(|(before, cpu, after)| {
        format!(
            "<?xml version='1.0'?>\n<domain type='kvm'>\n{}{cpu}{}\n</domain>\n<!-- end -->\n",
            before.concat(),
            after.concat()
        )
    })
}

proptest! {
    #[test]
    fn an_attribute_set_and_set_back_is_the_same_text(xml in documents(), value in "[ -~]{0,12}") {
        let edited = edit(&xml).set_attribute(&["cpu"], "mode", &value).expect("edited");
        let back = edited.clone().set_attribute(&["cpu"], "mode", "custom").expect("edited");
        prop_assert_eq!(back.xml(), &xml);
        let document = roxmltree::Document::parse(edited.xml()).expect("well-formed");
        let cpu = document.descendants().find(|node| node.has_tag_name("cpu")).expect("cpu");
        prop_assert_eq!(cpu.attribute("mode"), Some(value.as_str()));
    }

    #[test]
    fn a_new_attribute_removed_again_is_the_same_text(xml in documents()) {
        let edited = edit(&xml).set_attribute(&["cpu"], "new", "1").expect("edited");
        prop_assert!(edited.xml() != xml);
        let back = edited.remove_attribute(&["cpu"], "new").expect("edited");
        prop_assert_eq!(back.xml(), &xml);
    }

    #[test]
    fn an_insertion_is_nothing_but_an_insertion(xml in documents()) {
        let edited = edit(&xml).insert(&[], "<fresh a='1'/>").expect("edited").into_xml();
        let same = |pair: &(u8, u8)| pair.0 == pair.1;
        let before = xml.bytes().zip(edited.bytes()).take_while(same).count();
        let after = xml.bytes().rev().zip(edited.bytes().rev()).take_while(same).count();
        prop_assert!(before + after >= xml.len(), "{edited}");
        let added = edited.len() - xml.len();
        let piece = &edited[before.min(xml.len())..][..added.min(edited.len() - before)];
        prop_assert_eq!(edited.matches("<fresh a='1'/>").count(), 1);
        prop_assert!(piece.len() <= "\n  <fresh a='1'/>\n".len() + 8, "{piece:?}");
    }

    #[test]
    fn the_cpu_mode_touches_the_cpu_only(xml in documents()) {
        let edited = edit(&xml).cpu_mode(CpuMode::HostPassthrough).expect("edited").into_xml();
        let range = |text: &str| {
            let document = roxmltree::Document::parse(text).expect("well-formed");
            let root = document.root_element();
            let cpu = root.children().find(|node| node.has_tag_name("cpu")).expect("cpu");
            cpu.range()
        };
        let (old, new) = (range(&xml), range(&edited));
        prop_assert_eq!(&xml[..old.start], &edited[..new.start]);
        prop_assert_eq!(&xml[old.end..], &edited[new.end..]);
    }
}

#[test]
fn an_exact_cpu_replaces_model_and_flags_and_keeps_the_topology() {
    let xml = "<domain>\n  <name>l1</name>\n  <cpu mode='host-passthrough' check='none' migratable='on'>\n    \
               <topology sockets='1' dies='1' cores='4' threads='1'/>\n    <feature policy='require' name='vmx'/>\n  </cpu>\n</domain>\n";
    let edited = edit(xml).cpu_exact("EPYC", Some("AMD"), &["svm".to_string()]).expect("edited").into_xml();
    assert_eq!(
        edited,
        "<domain>\n  <name>l1</name>\n  <cpu match='exact' mode='custom'>\n    \
         <topology sockets='1' dies='1' cores='4' threads='1'/>\n    <model fallback='forbid'>EPYC</model>\n    \
         <vendor>AMD</vendor>\n    <feature policy='require' name='svm'/>\n  </cpu>\n</domain>\n"
    );
    let none =
        edit("<domain><name>x</name></domain>").cpu_exact("EPYC", None, &[]).expect("edited").into_xml();
    assert!(none.contains("<cpu match='exact' mode='custom'>"), "{none}");
    // Back to a mode: nothing of the model stays, and what only passthrough has is gone with host-model.
    let back = edit(xml).cpu_mode(CpuMode::HostModel).expect("edited").into_xml();
    assert!(back.contains("<cpu mode='host-model'>") && !back.contains("vmx"), "{back}");
}

#[test]
fn cells_replace_cells_and_nothing_else() {
    let xml = "<domain>\n  <cpu mode='maximum'/>\n  <on_poweroff>destroy</on_poweroff>\n</domain>\n";
    let cells = |text: &str| text.parse::<smog::Cpuset>().expect("cpus");
    let two = edit(xml).numa_cells(&[(cells("0-1"), 1024), (cells("2-3"), 2048)]).expect("edited");
    let expected = "<domain>\n  <cpu mode='maximum'>\n    <numa>\n      \
                    <cell id='0' cpus='0-1' memory='1024' unit='KiB'/>\n      \
                    <cell id='1' cpus='2-3' memory='2048' unit='KiB'/>\n    </numa>\n  </cpu>\n  \
                    <on_poweroff>destroy</on_poweroff>\n</domain>\n";
    assert_eq!(two.xml(), expected);
    let again = two.numa_cells(&[(cells("0-1"), 1024), (cells("2-3"), 2048)]).expect("edited");
    assert_eq!(again.xml(), expected);
    let parsed = smog::libvirt::Domain::parse(
        again.xml().replace(
            "<domain>",
            "<domain type='qemu'><name>x</name><uuid>u</uuid><memory>3072</memory><vcpu>4</vcpu>",
        ),
        "here",
    );
    assert_eq!(parsed.expect("a domain").cells().len(), 2);
}
