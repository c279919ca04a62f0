//! `smog config` on the lab.

mod lab;

use lab::lab;

#[test]
fn init_writes_a_file_that_check_accepts_and_discover_uses() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("smog.yml");
    let path = path.to_str().expect("UTF-8");
    lab().run(&["config", "init", path]).expect(0);
    // What is there is not written over.
    let again = lab().run(&["config", "init", path]).expect(2);
    assert!(again.err.contains("is there already") && again.err.contains("--force"), "{}", again.err);
    lab().run(&["config", "check", path]).expect(0);
    let own = lab().without("SMOG_CONFIG");
    let shown = own.run(&["--config", path, "config", "show", "-o", "json"]).expect(0).json();
    let shown = shown.as_array().expect("settings");
    for host in ["ctl", "cmp1", "cmp2"] {
        assert!(shown.iter().any(|line| line["value"] == host), "{host} is missing: {shown:#?}");
    }
    own.run(&["--config", path, "discover"]).expect(0);
    let hosts = own.run(&["--config", path, "host", "run", "ctl", "--", "hostname"]).expect(0);
    assert!(hosts.out.contains("ctl"), "{}", hosts.out);
}

#[test]
fn without_a_cloud_init_writes_the_skeleton_and_says_so() {
    let nobody = lab().with("OS_CLOUD", "no-such-cloud");
    let ran = nobody.run(&["config", "init", "--stdout"]).expect(0);
    assert!(ran.err.contains("no cloud answered"), "{}", ran.err);
    assert!(ran.out.contains("# hosts:"), "{}", ran.out);
}
