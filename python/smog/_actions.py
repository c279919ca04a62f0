"""Methods that are made from the core's tables: a guest's server actions, and `Cloud.environment`.

The core says what there is, what each takes and what it does; nothing of it is said again here.
"""

from __future__ import annotations

import inspect
from typing import Any, Callable

from . import _smog

_WAITING = """

Returns when it is done (`wait=False`: when Nova has accepted the request). Ctrl-C stops the waiting;
Nova goes on. Raises `ApiError` when the guest's state does not allow it, `Fault` with Nova's reason
when it fails, `Timeout` after `timeout` seconds."""


def signature(row: dict[str, Any]) -> inspect.Signature:
    """The signature of an action's method."""
    parameters = [inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)]
    for one in row["parameters"]:
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD if one["positional"] else inspect.Parameter.KEYWORD_ONLY
        is_flag = one["annotation"] == "bool"
        annotation = one["annotation"] if is_flag or one["required"] else f"{one['annotation']} | None"
        default = inspect.Parameter.empty if one["required"] else False if is_flag else None
        parameters.append(inspect.Parameter(one["name"], kind, default=default, annotation=annotation))
    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters.append(inspect.Parameter("wait", keyword, default=True, annotation="bool"))
    parameters.append(inspect.Parameter("timeout", keyword, default=300.0, annotation="float"))
    return inspect.Signature(parameters, return_annotation="None")


def document(row: dict[str, Any]) -> str:
    """The document of an action's method."""
    lines = [f"`{one['name']}`: {one['help'][0].lower()}{one['help'][1:]}." for one in row["parameters"]]
    return "\n\n".join([f"{row['help']}.", *(["\n".join(lines)] if lines else [])]) + _WAITING


def _method(row: dict[str, Any]) -> Callable[..., None]:
    shape = signature(row)

    def method(*args: Any, **keywords: Any) -> None:
        given = shape.bind(*args, **keywords).arguments
        guest, wait, timeout = given.pop("self"), given.pop("wait", True), given.pop("timeout", 300.0)
        given = {name: value for name, value in given.items() if value is not None}
        guest._carry_out(row["action"], given, wait, timeout)

    method.__name__ = row["method"]
    method.__qualname__ = f"Guest.{row['method']}"
    method.__doc__ = document(row)
    method.__signature__ = shape  # type: ignore[attr-defined]
    return method


_ENVIRONMENT = """The desired state of hosts; nothing is asked before `check()`, `prepare()` or `with`.

`settings` are options of files, `[WHO/]FILE:[SECTION.]KEY=VALUE`; when nothing is requested, what smog.yml asks
for is wanted. WHO is a host, "computes", "controllers" or "all".

{}

`suite` (a name or a path) adds what a suite's file asks for, on the hosts it lists; `hosts` are these only.

>>> with cloud.environment("nova.conf:libvirt.virt_type=kvm", huge_pages=["2M=256"]):
...     ...
"""


def environment_signature() -> inspect.Signature:
    """The signature of `Cloud.environment`."""
    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [
        inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD),
        inspect.Parameter("settings", inspect.Parameter.VAR_POSITIONAL, annotation="str"),
    ]
    for name, form, _ in _smog._preparable():
        default, annotation = ((), "str | Sequence[str]") if form else (False, "bool")
        parameters.append(inspect.Parameter(name, keyword, default=default, annotation=annotation))
    others: list[tuple[str, Any, str]] = [
        ("hosts", (), "Sequence[str | Host]"),
        ("suite", None, "str | os.PathLike[str] | None"),
        ("journal", None, "str | os.PathLike[str] | None"),
        ("timeout", 180.0, "float"),
    ]
    for name, preset, annotation in others:
        parameters.append(inspect.Parameter(name, keyword, default=preset, annotation=annotation))
    return inspect.Signature(parameters, return_annotation="Environment")


def environment_document() -> str:
    """The document of `Cloud.environment`."""
    lines = [
        f"`{name}`{f' ({form})' if form else ''}: {text[0].lower()}{text[1:]}."
        for name, form, text in _smog._preparable()
    ]
    return _ENVIRONMENT.format("\n".join(lines))


def _environment() -> Callable[..., Any]:
    shape = environment_signature()

    def environment(*args: Any, **keywords: Any) -> Any:
        bound = shape.bind(*args, **keywords)
        bound.apply_defaults()
        given = bound.arguments
        cloud, settings = given.pop("self"), list(given.pop("settings"))
        rest = [given.pop(name) for name in ("hosts", "suite", "journal", "timeout")]
        return cloud._environment(settings, dict(given), *rest)

    environment.__qualname__ = "Cloud.environment"
    environment.__doc__ = environment_document()
    environment.__signature__ = shape  # type: ignore[attr-defined]
    return environment


def attach() -> None:
    """Give `Guest` and `Cloud` these methods."""
    setattr(_smog.Cloud, "environment", _environment())
    for row in _smog._server_actions():
        setattr(_smog.Guest, row["method"], _method(row))
