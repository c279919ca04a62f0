"""Hides secrets in what was typed and seen, before it is remembered."""

from __future__ import annotations

import ast
import os
import re
from typing import Any

__all__ = ["HIDDEN", "is_secret_name", "redact", "redact_value"]

#: What stands in a secret's place.
HIDDEN = "***"

_NAME = r"[\w.-]*(?:password|passwd|passphrase|secret|token|api_?key|private_?key|adminpass|credential)[\w.-]*"
#: `password="…"`, `{"password": "…"}`, `d["password"] = "…"`, whichever quotes.
_QUOTED = re.compile(rf"""(?i)((?<!\w){_NAME}["']?\]?\s*(?:[=:,]|==)\s*[rbfu]{{0,2}})("{{3}}|'{{3}}|"|')(.*?)(?<!\\)\2""", re.S)
#: Flags of passwords, `OS_PASSWORD=x`, `X-Auth-Token: x`: without quotes, as in a shell.
_BARE = re.compile(rf"(?i)(--{_NAME}[= ]+|\bOS_\w*(?:PASSWORD|TOKEN|SECRET)=|\bX-Auth-Token:\s*)([^\s\"',)]+)")
_IN_URL = re.compile(r"(\w+://[^\s/:@]+:)([^\s/@]+)(@)")
_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.S)
_TOKEN = re.compile(r"\bgAAAAA[\w-]{20,}={0,2}")
#: Calls whose argument of this number is a secret.
_POSITIONS = {"create_user": 1, "create_new_user": 1}


def is_secret_name(text: str) -> bool:
    """Whether an expression's own name says that its value is a secret."""
    return re.search(rf"(?i){_NAME}\W*$", text) is not None


def redact(text: str) -> str:
    """The text with `***` in the place of passwords, tokens and private keys."""
    for secret in _of_environment():
        text = text.replace(secret, HIDDEN)
    text = _KEY.sub(HIDDEN, text)
    text = _TOKEN.sub(HIDDEN, text)
    text = _QUOTED.sub(lambda found: f"{found[1]}{found[2]}{HIDDEN}{found[2]}", text)
    text = _IN_URL.sub(rf"\1{HIDDEN}\3", text)
    text = _BARE.sub(rf"\1{HIDDEN}", text)
    for literal in _by_position(text):
        text = text.replace(literal, f'"{HIDDEN}"')
    return text


def redact_value(value: Any) -> Any:
    """Plain data without secrets."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {
            key: HIDDEN if isinstance(key, str) and is_secret_name(key) and one else redact_value(one)
            for key, one in value.items()
        }
    if isinstance(value, (list, tuple, set, frozenset)):
        return type(value)(redact_value(one) for one in value)
    return value


def _of_environment() -> list[str]:
    names = ("PASSWORD", "TOKEN", "SECRET")
    found = [value for name, value in os.environ.items() if name.startswith("OS_") and name.endswith(names)]
    return [value for value in found if len(value) > 5]


def _by_position(text: str) -> list[str]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return []
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _POSITIONS:
            place = _POSITIONS[node.func.attr]
            if len(node.args) > place and isinstance(node.args[place], ast.Constant):
                literal = ast.get_source_segment(text, node.args[place])
                found += [literal] if literal else []
    return found
