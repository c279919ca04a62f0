"""XML trees searched, by the original's names. `smog.Domain` has most of it as attributes."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["filter_xml", "get_xml_children"]


def get_xml_children(root: ElementTree.Element, tag_list: list[str]) -> dict[str, Any] | None:
    """What a descent of tags ends at: {"tag", "attrib", "text"}, or `None`.

    >>> root = ElementTree.fromstring("<domain><cpu mode='host-model'/></domain>")
    >>> get_xml_children(root, ["cpu"])["attrib"]
    {'mode': 'host-model'}
    """
    found = root.find("./" + "/".join(tag_list))
    return None if found is None else {"tag": found.tag, "attrib": found.attrib, "text": found.text}


def filter_xml(
    root: ElementTree.Element,
    tag: str | None = None,
    filter_fn: Callable[[ElementTree.Element], bool] | None = None,
) -> Iterator[tuple[str, str | None, dict[str, str]]]:
    """(tag, text, attributes) of each element of a tag for which a predicate holds."""
    for element in root.iter(tag):
        if filter_fn is None or filter_fn(element):
            yield element.tag, element.text, element.attrib
