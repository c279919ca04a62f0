"""Keystone, by the original's names.

What the original called a keystone client is here the `smog.Cloud`: one object for all
services. The modern way is `smog.connect()`.
"""

from __future__ import annotations

import os
from typing import Any

from .._smog import Cloud, Project, User, connect

__all__ = ["create_keystone", "create_tenant", "create_user", "get_endpoint", "get_keystone_init"]


def get_keystone_init(**kwargs: str | None) -> dict[str, str | None]:
    """The login of the `OS_*` variables, with what is given in its place. Nothing is asked.

    >>> get_keystone_init(username="demo")["username"]
    'demo'
    """
    variables = {"username": "OS_USERNAME", "password": "OS_PASSWORD", "auth_url": "OS_AUTH_URL"}
    found = {name: os.environ.get(variable) for name, variable in variables.items()}
    found["tenant_name"] = os.environ.get("OS_PROJECT_NAME") or os.environ.get("OS_TENANT_NAME")
    found.update({name: value for name, value in kwargs.items() if value is not None})
    return found


def create_keystone(**kwargs: Any) -> Cloud:
    """Log in: as the environment says, or with username, password, tenant_name, auth_url."""
    return connect(**kwargs)


def get_endpoint(key_cl: Cloud, name: str, end_type: str = "publicURL") -> str:
    """The URL of a service by its type ("compute") or name ("nova"). Three API calls.

    `end_type` is "publicURL", "internalURL" or "adminURL".
    """
    interface = end_type.removesuffix("URL")
    services = key_cl.call("identity", "GET", "/services")["services"]
    found = [service["id"] for service in services if name in (service["type"], service.get("name"))]
    endpoints = key_cl.call("identity", "GET", "/endpoints", query={"interface": interface})["endpoints"]
    for endpoint in endpoints:
        if endpoint["service_id"] in found:
            return str(endpoint["url"])
    from ..errors import NotFound

    raise NotFound(f"no {interface} endpoint of `{name}`", what="endpoint", name=name, near=[])


def create_tenant(key_cl: Cloud, name: str, **kwargs: Any) -> Project:
    """Make a project (called tenant in 2015). One API call."""
    return key_cl.create_project(name, description=kwargs.get("description") or "")


def create_user(key_cl: Cloud, tenant_id: str, name: str, **kwargs: Any) -> User:
    """Make a user in a project: `password`, and `role` ("member" unless named)."""
    return key_cl.create_user(name, kwargs["password"], project=tenant_id, role=kwargs.get("role", "member"))
