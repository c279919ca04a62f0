"""The methods of `Guest` that carry out a server action, made from the core's table of them.

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


def attach() -> None:
    """Give `Guest` its methods."""
    for row in _smog._server_actions():
        setattr(_smog.Guest, row["method"], _method(row))
