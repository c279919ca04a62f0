"""Wishes become extra specs, or are refused with Nova's rule."""

import pytest

import smog
from smog import FlavorSpec


def test_steps_in_any_order():
    one = FlavorSpec("lp", vcpus=4, ram_mib=1024).numa_nodes(2).pages("large").pinned()
    other = FlavorSpec("lp", vcpus=4, ram_mib=1024).pinned().pages("large").numa_nodes(2)
    assert one.extra_specs() == other.extra_specs()
    assert one.extra_specs() == {"hw:cpu_policy": "dedicated", "hw:mem_page_size": "large", "hw:numa_nodes": "2"}


def test_a_step_changes_no_other_spec():
    plain = FlavorSpec()
    plain.pinned()
    assert plain.extra_specs() == {}


@pytest.mark.parametrize("cpus", ["0-1", [0, 1], (1, 0), {0, 1}])
def test_cpus_in_every_form(cpus):
    specs = FlavorSpec(vcpus=2).numa_cell(cpus, 128).extra_specs()
    assert specs["hw:numa_cpus.0"] in ("0,1", "0-1")


def test_page_sizes_in_every_form():
    assert {FlavorSpec().pages(size).extra_specs()["hw:mem_page_size"] for size in (2048, "2048", "2MB", "2MiB")} == {"2048"}


def test_contradictions_name_the_rule():
    with pytest.raises(smog.ArgumentError, match="3 vCPUs") as refused:
        FlavorSpec("odd", vcpus=3).numa_nodes(2).extra_specs()
    assert "Nova's rule" in refused.value.hint
    assert isinstance(refused.value, ValueError)


def test_unknown_words_name_the_known_ones():
    with pytest.raises(smog.ArgumentError) as refused:
        FlavorSpec().cpu_policy("dedicatd")
    assert "dedicated" in f"{refused.value} {refused.value.hint}"


def test_image_properties():
    assert FlavorSpec(vcpus=2).numa_nodes(2).image_properties() == {"hw_numa_nodes": "2"}


def test_repr_answers():
    assert repr(FlavorSpec("lp", ram_mib=64).pages("large")) == "<FlavorSpec lp, 1 vCPU, 64 MiB, hw:mem_page_size=large>"
