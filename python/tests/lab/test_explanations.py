"""What smog says why: one guest, the whole cloud, a flavor, a host."""

import smog


def test_explain_audit_why_not_and_topology(lab: smog.Cloud, one: smog.Guest):
    page = one.explain()
    assert [part["topic"] for part in page["sections"]][:3] == ["server", "placement", "cpu"]
    assert page["name"] == one.name
    found = lab.audit()
    about = [finding["sentence"] for finding in found["findings"] if one.id in finding["subject"]["id"]]
    assert about == [] and len(found["rules"]) > 40
    why = lab.why_not(flavor="m1.nano")
    assert "<table" in why._repr_html_() and "cmp1" in str(why)
    drawn = lab.host(one.host.name).topology()
    assert one.name in str(drawn) and "smog-topology" in drawn._repr_html_()
