"""The prompt of `smog shell`: connected, with `cloud`, `hosts`, `guests()` and `smog` in it."""

from __future__ import annotations

import argparse
import sys
from typing import Any

import smog


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
    """Three lines: where we are, what is here, how to go on."""
    names = ", ".join(cloud.hosts.names())
    return (
        f"smog {smog.__version__}, cloud {cloud.name} at {cloud.auth_url}; hosts {names}\n"
        "cloud, hosts, guests() are here: guests() lists, guests[\"NAME\"].compare(), hosts[\"NAME\"].facts(), boot(\"NAME\")\n"
        "help(cloud) documents everything; Ctrl-C stops a call and cleans up; Ctrl-D leaves"
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
    try:
        if asked.plain:
            raise ImportError("Python's own prompt was asked for")
        import IPython
    except ImportError:
        _plain(names, text)
    else:
        from traitlets.config import Config  # comes with IPython

        config = Config()
        config.TerminalInteractiveShell.banner1 = text + "\n"
        config.TerminalInteractiveShell.banner2 = ""
        config.TerminalIPythonApp.display_banner = True
        IPython.start_ipython(argv=[], user_ns=names, config=config)
    cloud.close()
    return 0


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("smog shell", description=__doc__)
    parser.add_argument("--plain", action="store_true", help="Python's own prompt, also where IPython is installed")
    parser.add_argument("--os-cloud", help="the cloud of clouds.yaml")
    parser.add_argument("--rc", help="a keystonerc or openrc file")
    parser.add_argument("--config", help="the one smog.yml to read")
    parser.add_argument("--set", action="append", default=[], metavar="PATH=VALUE", help="overrules smog.yml")
    return parser.parse_args(arguments)


def _plain(names: dict[str, Any], text: str) -> None:
    import code

    try:
        import readline
        import rlcompleter

        readline.set_completer(rlcompleter.Completer(names).complete)
        readline.parse_and_bind("tab: complete")
    except ImportError:
        pass  # A Python without readline has no completion.
    code.interact(banner=text, local=names, exitmsg="")


if __name__ == "__main__":
    sys.exit(main())
