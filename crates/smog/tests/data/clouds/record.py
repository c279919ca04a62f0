#!/usr/bin/env python3
"""Record what openstacksdk reads: python3 record.py >recorded.json, with openstacksdk installed.

Each case is a cloud in a clouds.yaml (or more files) of our own making. The forms are those of the
openstacksdk user guide (configuration, vendor support, multi-cloud), python-openstackclient's and
keystoneauth's plugin documentation, Horizon's download, osism's and gophercloud's guides.
Without variables the answer is OpenStackConfig().get_one()'s; with variables it is what the
`openstack` command hands on: each OS_* variable as an argument over the cloud.
"""
import json
import os
import subprocess
import sys
import tempfile

A = "auth_url: 'http://192.0.2.1:5000/v3'"
U = f"{A}, username: u, password: p"
P = f"{U}, project_name: pr"


def c(text, auth=P):
    return f"clouds:\n  c:\n    auth: {{{auth}}}\n{text}"


def auth(text):
    return c("", text)


CASES = {
    "plain": c(""),
    "domains": auth(f"{P}, user_domain_name: D, project_domain_name: E"),
    "domain-ids": auth(f"{P}, user_domain_id: d, project_domain_id: e"),
    "domain-once": auth(f"{P}, domain_name: D"),
    "domain-once-id": auth(f"{P}, domain_id: d"),
    "domain-once-and-user": auth(f"{P}, domain_name: D, user_domain_name: E"),
    "domain-scope": auth(f"{U}, domain_name: D, user_domain_name: E"),
    "domain-scope-id": auth(f"{U}, domain_id: d, user_domain_id: e"),
    "domain-outside": c("    domain_name: D\n"),
    "default-domain": auth(f"{P}, default_domain_name: D"),
    "project-id": auth(f"{U}, project_id: '1234'"),
    "tenant-name": auth(f"{U}, tenant_name: pr"),
    "tenant-id": auth(f"{U}, tenant_id: x"),
    "tenant-and-project": auth(f"{P}, tenant_name: old"),
    "unscoped": auth(U),
    "system": auth(f"{U}, user_domain_name: D, system_scope: all"),
    "trust": auth(f"{U}, trust_id: t"),
    "user-id": auth(f"{A}, user_id: x, password: p, project_name: pr"),
    "user-name-old": auth(f"{A}, user_name: u, password: p, project_name: pr"),
    "hyphens": auth("auth-url: 'http://192.0.2.1:5000/v3', username: u, password: p, project-name: pr, user-domain-name: D"),
    "hyphens-outside": c("    region-name: R1\n    auth-type: password\n"),
    "beside-auth": "clouds:\n  c:\n    username: u\n    password: p\n    project_name: pr\n    auth: {" + A + "}\n",
    "no-auth": "clouds:\n  c:\n    auth_url: 'http://192.0.2.1:5000/v3'\n    username: u\n    password: p\n    project_name: pr\n",
    "both-places": c("    project_name: outside\n    username: outside\n"),
    "numbers": auth(f"{A}, username: 7, password: 1234, project_id: 99"),
    "number-octal": auth(f"{A}, username: u, password: 0123, project_name: pr"),
    "word-as-password": auth(f"{A}, username: u, password: yes, project_name: pr"),
    "quoted-number": auth(f"{A}, username: u, password: '0123', project_name: pr"),
    "token": c("    auth_type: token\n", f"{A}, token: t, project_name: pr"),
    "token-auth-token": c("    auth_type: token\n", f"{A}, auth_token: t, project_name: pr"),
    "token-v3": c("    auth_type: v3token\n", f"{A}, token: t, project_name: pr, project_domain_name: E"),
    "token-beside-password": c("    auth_type: token\n", f"{P}, token: t"),
    "appcred-id": c("    auth_type: v3applicationcredential\n", f"{A}, application_credential_id: i, application_credential_secret: s"),
    "appcred-name": c("    auth_type: v3applicationcredential\n", f"{A}, application_credential_name: n, application_credential_secret: s, username: u, user_domain_name: D"),
    "appcred-no-id": c("    auth_type: v3applicationcredential\n", f"{A}, application_credential_secret: s"),
    "totp": c("    auth_type: v3totp\n", f"{A}, username: u, user_domain_name: D, passcode: '123456', project_name: pr, project_domain_name: E"),
    "multifactor": c("    auth_type: v3multifactor\n    auth_methods: [v3password, v3totp]\n", f"{P}, user_domain_name: D, project_domain_name: E, passcode: '123456'"),
    "multifactor-text": c("    auth_type: v3multifactor\n    auth_methods: v3password,v3totp\n", f"{P}, user_domain_name: D, project_domain_name: E, passcode: '123456'"),
    "oidc": c("    auth_type: v3oidcpassword\n", f"{P}, identity_provider: i, protocol: openid, client_id: c, client_secret: none, discovery_endpoint: 'https://x'"),
    "unknown-type": c("    auth_type: v3nosuchthing\n"),
    "type-v2": c("    auth_type: v2password\n"),
    "type-none": c("    auth_type: none\n"),
    "type-admin-token": c("    auth_type: admin_token\n", "endpoint: 'http://192.0.2.1', token: t"),
    "region": c("    region_name: R1\n"),
    "regions": c("    regions: [R2, R1]\n"),
    "regions-values": c("    regions:\n    - {name: R2, values: {interface: internal}}\n    - R1\n"),
    "regions-values-auth": c("    regions:\n    - {name: R2, values: {auth: {auth_url: 'http://192.0.2.2/v3'}}}\n"),
    "regions-and-name": c("    region_name: R1\n    regions: [R2, R1]\n"),
    "region-list": c("    region_name: [R2, R1]\n"),
    "region-commas": c("    region_name: R2,R1\n"),
    "region-in-url": c("    region_name: R1\n", "auth_url: 'http://{region_name}.example.net/v3', username: u, password: p, project_name: pr"),
    "interface": c("    interface: internal\n"),
    "endpoint-type": c("    endpoint_type: internal\n"),
    "cacert-home": c("    cacert: ~/ca.pem\n"),
    "cacert": c("    cacert: /etc/ca.pem\n"),
    "cacert-relative": c("    cacert: certs/ca.pem\n"),
    "verify-false": c("    verify: false\n"),
    "verify-path": c("    verify: /etc/ca.pem\n"),
    "verify-zero": c("    verify: 0\n"),
    "verify-word": c("    verify: 'false'\n"),
    "insecure": c("    insecure: true\n"),
    "insecure-no": c("    insecure: no\n"),
    "insecure-over-cacert": c("    insecure: true\n    cacert: /etc/ca.pem\n"),
    "client-cert": c("    cert: /c.pem\n    key: ~/k.pem\n"),
    "client-cert-alone": c("    cert: ~/both.pem\n"),
    "endpoint-override": c("    compute_endpoint_override: 'http://n/v2.1'\n"),
    "profile": c("    profile: rackspace\n    region_name: DFW\n", "username: u, password: p, project_id: '1'"),
    "profile-regions": c("    profile: switchengines\n", "username: u, password: p, project_name: pr"),
    "profile-url-with-region": c("    profile: otc\n", "username: u, password: p, project_name: pr"),
    "profile-own-url": c("    profile: auro\n"),
    "profile-by-cloud": c("    cloud: dreamcompute\n", "username: u, password: p, project_name: pr"),
    "profile-unknown-with-url": c("    profile: nosuchvendor\n"),
    "profile-closed": c("    profile: internap\n"),
    "profile-of-file": {"clouds.yaml": c("    profile: mine\n", "username: u, password: p, project_name: pr"),
                        "clouds-public.yaml": "public-clouds:\n  mine:\n    auth: {" + A + ", user_domain_name: D}\n    region_name: R9\n"},
    "secure": {"clouds.yaml": auth(f"{A}, project_name: pr"), "secure.yaml": "clouds: {c: {auth: {username: u, password: p}}}\n"},
    "secure-over": {"clouds.yaml": c(""), "secure.yaml": "clouds: {c: {auth: {username: other, password: q}}}\n"},
    "secure-only": {"secure.yaml": c("")},
    "secure-outside-auth": {"clouds.yaml": c(""), "secure.yaml": "clouds: {c: {region_name: R7}}\n"},
    "json": {"clouds.json": json.dumps({"clouds": {"c": {"auth": {"auth_url": "http://k/v3", "username": "u", "password": "p", "project_name": "pr"}}}})},
    "yml": {"clouds.yml": c("")},
    "anchors": "base: &b {region_name: R1}\nclouds:\n  c:\n    <<: *b\n    auth: {" + P + "}\n",
    "odd-null-neighbour": c("") + "  empty:\n",
    "odd-verify-neighbour": c("") + "  odd: {verify: [1], interface: {a: b}}\n",
    "odd-text-neighbour": c("") + "  odd: text\n",
    "duplicate-key": c("    region_name: R1\n    region_name: R2\n"),
    "duplicate-cloud": c("") + "  c: {auth: {" + P + "}, region_name: R3}\n",
    "no-password": auth(f"{A}, username: u, project_name: pr"),
    "no-url": auth("username: u, password: p, project_name: pr"),
    "missing-cloud": "clouds: {other: {auth: {" + P + "}}}\n",
    "other-keys": c("    networks: [{name: n, routes_externally: true}]\n    image_api_version: '2'\n    volume_api_version: 3\n    api_timeout: 30\n"),
    "empty-project": auth(f"{U}, project_name: ''"),
    "identity-version": c("    identity_api_version: 3\n"),
}

WITH_VARIABLES = {
    "env-project": (c(""), {"OS_PROJECT_NAME": "x"}),
    "env-region": (c(""), {"OS_REGION_NAME": "R5"}),
    "env-region-of-list": (c("    regions: [R2, R1]\n"), {"OS_REGION_NAME": "R1"}),
    "env-region-not-of-list": (c("    regions: [R2, R1]\n"), {"OS_REGION_NAME": "r1"}),
    "env-user": (c(""), {"OS_USERNAME": "v", "OS_PASSWORD": "q"}),
    "env-password": (auth(f"{A}, username: u, project_name: pr"), {"OS_PASSWORD": "q"}),
    "env-domain": (c(""), {"OS_USER_DOMAIN_NAME": "D"}),
    "env-cacert": (c("    cacert: /a\n"), {"OS_CACERT": "/b"}),
    "env-interface": (c("    interface: public\n"), {"OS_INTERFACE": "internal"}),
    "env-type": (auth(f"{A}, project_name: pr, project_domain_name: E"), {"OS_AUTH_TYPE": "v3token", "OS_TOKEN": "t"}),
    "env-url-and-login": (c(""), {"OS_AUTH_URL": "http://192.0.2.9/v3", "OS_USERNAME": "v", "OS_PASSWORD": "q"}),
    "env-url-alone": (c(""), {"OS_AUTH_URL": "http://192.0.2.9/v3"}),
    "env-project-over-id": (auth(f"{U}, project_id: i"), {"OS_PROJECT_NAME": "x"}),
    "env-system": (auth(U), {"OS_SYSTEM_SCOPE": "all"}),
}

WORKER = r"""
import json, os, sys, warnings
warnings.simplefilter("ignore")
from openstack.config import OpenStackConfig
variables = json.loads(sys.argv[1])
config = OpenStackConfig(load_envvars=False)
arguments = {name[3:].lower(): value for name, value in variables.items()}
try:
    found = (config.get_one_cloud_osc if variables else config.get_one)("c", **arguments)
    verify, cert = found.get_requests_verify_args()
    auth, names = found.config["auth"], ("auth_url username user_id password token passcode project_name project_id user_domain_name "
        "user_domain_id project_domain_name project_domain_id domain_name domain_id system_scope trust_id "
        "application_credential_id application_credential_name application_credential_secret").split()
    answer = {name: str(auth[name]) for name in names if auth.get(name)}
    if found.config["auth_type"] in ("token", "v3token"):
        answer = {name: value for name, value in answer.items() if name not in ("username", "password")}
    for half in ("user", "project"):
        if not any(f"{half}_domain_{kind}" in answer for kind in ("name", "id")):
            answer.update({f"{half}_domain_{kind}": auth[f"default_domain_{kind}"] for kind in ("name", "id") if auth.get(f"default_domain_{kind}")})
    answer["region"] = found.config.get("region_name") or None
    answer["interface"] = found.config.get("interface")
    answer["verify"] = bool(verify)
    answer["cacert"] = verify if isinstance(verify, str) else None
    answer["cert"], answer["key"] = cert if isinstance(cert, tuple) else (cert, None)
    answer["compute"] = found.get_endpoint("compute")
    answer = {name: value for name, value in answer.items() if value is not None}
except Exception as why:
    answer = {"error": type(why).__name__}
print(json.dumps(answer))
"""


def read(files, variables):
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            with open(os.path.join(folder, name), "w") as file:
                file.write(text)
        out = subprocess.run([sys.executable, "-c", WORKER, json.dumps(variables)], cwd=folder, text=True, check=True,
                             capture_output=True, env={"HOME": "/home/u", "PATH": os.environ["PATH"]})
        return json.loads(out.stdout.splitlines()[-1])


def main():
    from importlib.metadata import version
    cases = [(name, one if isinstance(one, dict) else {"clouds.yaml": one}, {}) for name, one in CASES.items()]
    cases += [(name, {"clouds.yaml": text}, variables) for name, (text, variables) in WITH_VARIABLES.items()]
    recorded = [{"name": name, "files": files, "variables": variables, "sdk": read(files, variables)} for name, files, variables in cases]
    print(json.dumps({"openstacksdk": version("openstacksdk"), "cases": recorded}, indent=1))


if __name__ == "__main__":
    main()
