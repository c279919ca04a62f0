//! On a lab with simulated NUMA nodes: what smog shows, and that it says "simulated".

mod lab;

use lab::{Guests, lab, unique};

#[test]
fn a_guest_over_two_cells_and_the_word_simulated() {
    let name = unique("cells");
    let _guests = Guests::named(&[&name]);
    lab().run(&["boot", &name, "--vcpus", "2", "--ram", "128", "--numa", "2"]).expect(0);
    let guests = lab().run(&["discover", "-o", "json"]).expect(0).json();
    let guest =
        guests.as_array().expect("a list").iter().find(|guest| guest["name"] == *name).expect("our guest");
    let cells = guest["domain"]["cpu"]["cells"].as_array().expect("guest cells");
    assert_eq!(cells.len(), 2, "{cells:#?}");

    let pins = lab().run(&["pins", &name]).expect(0);
    assert!(pins.out.contains("simulated, really"), "{}", pins.out);

    let host = guest["host"].as_str().expect("a host");
    let facts = lab().run(&["host", "show", host]).expect(0);
    assert!(facts.out.contains("2 simulated NUMA nodes"), "{}", facts.out);
    lab().run(&["delete", &name]).expect(0);
}
