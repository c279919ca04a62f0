"""The prompt of `smog shell`: connected, with `cloud`, `hosts`, `guests()` and `smog` in it."""

from __future__ import annotations

import argparse
import sys
from importlib.util import find_spec
from typing import Any

import smog

from . import session


def namespace(cloud: smog.Cloud) -> dict[str, Any]:
    """What is at hand at the prompt."""
    return {
        "smog": smog,
        "cloud": cloud,
        "hosts": cloud.hosts,
        "guests": cloud.guests,
        "boot": cloud.boot,
        "FlavorSpec": smog.FlavorSpec,
    }


def greeting(cloud: smog.Cloud) -> str:
    """Four lines: where we are, what is here, how to go on, how to keep it."""
    names = ", ".join(cloud.hosts.names())
    return (
        f"smog {smog.__version__}, cloud {cloud.name} at {cloud.auth_url}; hosts {names}\n"
        "cloud, hosts, guests() are here: guests() lists, guests[\"NAME\"].compare(), hosts[\"NAME\"].facts(), boot(\"NAME\")\n"
        "help(cloud) documents everything; Ctrl-C stops a call and cleans up; Ctrl-D leaves\n"
        "history() shows what you typed; save_test(\"NAME\", lines=\"2-5\") makes a test of it"
    )


def main(arguments: list[str] | None = None) -> int:
    """Log in and give the prompt: IPython if it is installed, else Python's own."""
    asked = _arguments(arguments)
    try:
        settings = dict(one.partition("=")[::2] for one in asked.set)
        cloud = smog.connect(asked.os_cloud, rc=asked.rc, config=asked.config, settings=dict(settings))
        text = greeting(cloud)
    except smog.SmogError as why:
        sys.stderr.write(f"error: {why}\n" + (f"hint: {why.hint}\n" if why.hint else ""))
        return int(why.exit_code)
    names = namespace(cloud)
    memory = session.start(names, _login(asked))
    # Found without an exception, which every traceback at the prompt would show as its context.
    if asked.plain or find_spec("IPython") is None:
        from .session.prompt import interact

        interact(memory, text)
    else:
        import IPython
        from traitlets.config import Config  # comes with IPython

        config = Config()
        config.TerminalInteractiveShell.banner1 = text + "\n"
        config.TerminalInteractiveShell.banner2 = ""
        config.TerminalIPythonApp.display_banner = True
        config.InteractiveShellApp.extensions = ["smog.session"]
        IPython.start_ipython(argv=[], user_ns=names, config=config)
    cloud.close()
    return 0


def _login(asked: argparse.Namespace) -> dict[str, str]:
    """How a test that is run from here logs in: options of pytest, and variables."""
    login = {"--smog-cloud": asked.os_cloud, "--smog-rc": asked.rc, "SMOG_CONFIG": asked.config}
    for one in asked.set:
        path, _, value = one.partition("=")
        login["SMOG_" + path.upper().replace(".", "__")] = value
    return {name: value for name, value in login.items() if value}


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("smog shell", description=__doc__)
    parser.add_argument("--plain", action="store_true", help="Python's own prompt, also where IPython is installed")
    parser.add_argument("--os-cloud", help="the cloud of clouds.yaml")
    parser.add_argument("--rc", help="a keystonerc or openrc file")
    parser.add_argument("--config", help="the one smog.yml to read")
    parser.add_argument("--set", action="append", default=[], metavar="PATH=VALUE", help="overrules smog.yml")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
