"""What can be asserted of a value that was looked at.

A fact is about an expression: `{}` in its template is where the expression stands. What another run
gives otherwise (ids, addresses, times, the host that was chosen) is volatile: it is only held
against an earlier look at the same expression.
"""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass, replace
from typing import Any

from .redact import HIDDEN, is_secret_name, redact_value

__all__ = ["Fact", "facts", "facts_of"]


@dataclass(frozen=True)
class Fact:
    """`template` with the expression in it, compared by `relation` with `value`."""

    template: str
    relation: str
    value: Any
    #: Why it cannot be asserted as it stands: another run gives something else.
    volatile: str | None = None
    #: The requests of the records it is about.
    requests: frozenset[str | None] = frozenset()

    def __str__(self) -> str:
        return f"{self.template} {self.relation} {self.value!r}"


#: Attributes whose values another run gives otherwise.
_VOLATILE = {
    "id", "uuid", "pid", "tid", "last_cpu", "elapsed_s", "seconds", "updated", "created", "instance_name",
    "hypervisor_hostname", "memory_available_kib", "cell_free_kib", "cpus", "emulator_pin", "request_id",
    "requests", "addresses", "free", "user_id", "project_id", "count", "virt_name", "hypername",
}  # fmt: skip
_CHANGING = [
    (re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}"), "an id"),
    (re.compile(r"\b\d{1,3}(\.\d{1,3}){3}\b"), "an address"),
    (re.compile(r"\b([0-9a-f]{2}:){5}[0-9a-f]{2}\b"), "an address"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d"), "a time"),
    (re.compile(r"\binstance-[0-9a-f]{8}\b"), "libvirt's name of this one domain"),
    (re.compile(r"\breq-[0-9a-f]{8}"), "a request's id"),
]
_LONGEST = 100


def facts(value: Any) -> list[Fact]:
    """The facts about a value as it is now, without knowing how it was asked for."""
    from .. import _smog
    from ..display import Listing

    if isinstance(value, _smog.Guest):
        return _of_guest(value)
    if isinstance(value, list) and value and all(isinstance(row, _smog.Record) for row in value):
        return [_of_records("[one.exception for one in {}]", value)]
    if isinstance(value, Listing):
        return _of_listing(value)
    if isinstance(value, _smog.Domain):
        return [Fact("{}.is_pinned", "is", value.is_pinned), Fact("{}.has_huge_pages", "is", value.has_huge_pages)]
    if isinstance(value, _smog.Output):
        return [Fact("{}.ok", "is", value.ok)]
    if isinstance(value, _smog.Plan):
        return [Fact("{}.is_ready", "is", value.is_ready)]
    if isinstance(value, _smog.Watched):
        return [_of_records("[one.exception for one in {}.kept]", value.kept)]
    if isinstance(value, _smog.Trace):
        return [Fact("{}.outcome", "==", value.outcome)]
    if isinstance(value, _smog.Host):
        return [Fact("{}.name", "==", value.name, "the host that was chosen")]
    if isinstance(value, dict) and isinstance(value.get("findings"), list):
        rules = [one.get("rule") for one in value["findings"] if isinstance(one, dict)]
        return [Fact('[one["rule"] for one in {}["findings"]]', "==", rules)]
    if not _is_plain(value):
        return []
    return [Fact("{}", "is" if value is None or isinstance(value, bool) else "==", redact_value(value), _changes(value))]


def facts_of(text: str, found: list[Fact], own: set[str | None]) -> list[Fact]:
    """The same, now that the expression and the session's own requests are known."""
    if is_secret_name(text):
        return []
    attribute = re.search(r"\.(\w+)(?:\(\))?$", text)
    name = attribute[1] if attribute else ""
    known = []
    for fact in found:
        if HIDDEN in repr(fact.value):
            continue
        if not fact.requests <= own:
            known.append(replace(fact, volatile="exceptions of requests that are not of this session"))
        elif name == "vcpu_pins" and isinstance(fact.value, dict):
            sizes = [len(cpus) for _, cpus in sorted(fact.value.items())]
            known.append(Fact("[len(cpus) for _, cpus in sorted({}.items())]", "==", sizes))
        elif fact.template == "{}" and name == "kept" and fact.value == []:
            known.append(Fact("[one.exception for one in {}]", "==", []))
        elif fact.template == "{}" and name in _VOLATILE and fact.volatile is None:
            known.append(replace(fact, volatile="not the same in another run"))
        else:
            known.append(fact)
    return known


def _of_records(template: str, records: list[Any]) -> Fact:
    return Fact(template, "==", [one.exception for one in records], None, frozenset(one.request_id for one in records))


def _of_guest(guest: Any) -> list[Fact]:
    found = [Fact("{}.status", "==", guest.status)]
    if guest.server.host:
        found.append(Fact("{}.host.name", "==", guest.server.host, "the host that was chosen"))
    seen = guest.seen
    if seen is not None:
        found.append(Fact("{}.domain().is_pinned", "is", seen.is_pinned))
        if seen.has_huge_pages:
            found.append(Fact("{}.verify_hugepage()", "is", True))
    return found


def _of_listing(rows: Any) -> list[Fact]:
    from .. import _smog

    if rows and all(isinstance(row, _smog.Compared) for row in rows):
        wrong = [row.what for row in rows if not row.agrees]
        return [Fact("[row.what for row in {} if not row.agrees]", "==", wrong)]
    return [] if rows else [Fact("len({})", "==", 0)]


def _is_plain(value: Any) -> bool:
    if value is None or isinstance(value, (bool, int, float, str, datetime.datetime)):
        return not isinstance(value, str) or (len(value) <= _LONGEST and "\n" not in value.rstrip("\n"))
    if isinstance(value, dict):
        return type(value) is dict and all(map(_is_plain, value)) and all(map(_is_plain, value.values())) and _is_short(value)
    plain = type(value) in (list, tuple, set, frozenset)
    return plain and all(map(_is_plain, value)) and _is_short(value)


def _is_short(value: Any) -> bool:
    return len(repr(value)) <= 3 * _LONGEST


def _changes(value: Any) -> str | None:
    """Why another run gives something else, as far as the value itself shows it."""
    if isinstance(value, float):
        return "measured"
    if isinstance(value, datetime.datetime):
        return "a time"
    if isinstance(value, str):
        return next((what for pattern, what in _CHANGING if pattern.search(value)), None)
    parts: list[Any] = []
    if isinstance(value, dict):
        parts = [*value, *value.values()]
    elif isinstance(value, (list, tuple, set, frozenset)):
        parts = list(value)
    return next((why for why in map(_changes, parts) if why), None)
