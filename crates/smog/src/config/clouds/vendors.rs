//! The vendor profiles that a cloud of clouds.yaml may name (`profile: NAME`): the public
//! facts of openstacksdk's own table (version 4.22), as far as they matter for a login.

/// What is known of a vendor.
pub(super) enum Vendor {
    /// Its keystone (`{region_name}` is filled in later), its regions, and whether users and
    /// projects are of the domain `Default`.
    Known { auth_url: &'static str, regions: &'static [&'static str], default_domains: bool },
    /// The cloud has closed.
    Closed,
    /// openstacksdk reads the profile from this address; smog fetches no profiles.
    Published(&'static str),
}

const fn known(auth_url: &'static str, regions: &'static [&'static str]) -> Vendor {
    Vendor::Known { auth_url, regions, default_domains: false }
}

const fn in_default(auth_url: &'static str, regions: &'static [&'static str]) -> Vendor {
    Vendor::Known { auth_url, regions, default_domains: true }
}

/// The profile of this name.
pub(super) fn vendor(name: &str) -> Option<Vendor> {
    Some(match name {
        "auro" => in_default("https://api.van2.auro.io:5000/v3", &["RegionOne"]),
        "binero" => known("https://auth.binero.cloud:5000/v3", &["europe-se-1"]),
        "catalyst" => known("https://api.cloud.catalyst.net.nz:5000/v2.0", &["nz-por-1", "nz_wlg_2"]),
        "citycloud" => known(
            "https://{region_name}.citycloud.com:5000/v3/",
            &["Buf1", "Fra1", "Sto2", "Kna1", "dx1", "tky1"],
        ),
        "conoha" => known("https://identity.{region_name}.conoha.io", &["sin1", "sjc1", "tyo1"]),
        "dreamcompute" => known("https://iad2.dream.io:5000", &["RegionOne"]),
        "elastx" => known("https://ops.elastx.cloud:5000/v3", &["se-sto"]),
        "entercloudsuite" => known("https://api.entercloudsuite.com/", &["it-mil1", "nl-ams1", "de-fra1"]),
        "fuga" => in_default("https://identity.api.fuga.io:5000", &["cystack"]),
        "limestonenetworks" => known("https://auth.cloud.lstn.net:5000/v3", &["us-dfw-1", "us-slc"]),
        "otc" => known("https://iam.{region_name}.otc.t-systems.com/v3", &["eu-de", "eu-nl"]),
        "ovh-us" => in_default(
            "https://auth.cloud.ovh.us/",
            &["US-EAST-VA-1", "US-WEST-OR-1", "US-EAST-VA", "US-WEST-OR"],
        ),
        "rackspace" => known(
            "https://identity.api.rackspacecloud.com/v2.0/",
            &["DFW", "HKG", "IAD", "ORD", "SYD", "LON"],
        ),
        "switchcloud" => known("https://identity.compute.cloud.switch.ch/v3", &["zhw", "zhc"]),
        "switchengines" => known("https://keystone.cloud.switch.ch:5000/v3", &["LS", "ZH"]),
        "zetta" => known("https://identity.api.zetta.io/v3", &["no-osl1"]),
        "ovh" => Vendor::Published("https://ovhcloud.com"),
        "vexxhost" => Vendor::Published("https://vexxhost.com"),
        "betacloud" | "ibmcloud" | "internap" | "ultimum" | "unitedstack" => Vendor::Closed,
        _ => return None,
    })
}
