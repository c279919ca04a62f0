#!/usr/bin/env python3
"""Record what oslo.config reads: python3 record.py >recorded.json, with oslo.config installed.

Section names are normalised as oslo.config looks them up; null where it refuses the file.
"""
import json
import tempfile
from importlib.metadata import version

from oslo_config import cfg, iniparser

TEXTS = [
    "[a]\nb = c\n", "[a]\nb: c\n", "[a]\nb=c=d\n", "[a]\nb:c=d\n", "[a]\nb = c:d\n", "[a]\nb =\n", "[a]\n= b\n",
    "[a]\n: b\n", "[a]\nb\n", "b = c\n", "[a\nb = c\n", "[]\nb = c\n", "[a] # x\nb = c\n", "[a]  \nb = c\n",
    "[ a ]\nb = c\n", " [a]\nb = c\n", "[a]\n b = c\n", "[a]\nb = c\n d\n", "[a]\nb = c\n\td\n", "[a]\nb = c\n\n d\n",
    "[a]\nb = c\n# x\n d\n", "[a]\nb = c\n; x\n d\n", "[a]\nb = c\n # x\n", "[a]\nb = c\n ; x\n d\n", "[a]\nb = c # x\n",
    "[a]\n  # x\nb = c\n", "# x\n[a]\nb = c\n", "[a]\nb = c\n   \n d\n", "[a]\nb = c\n[A]\nb = d\n", "[A]\nb = c\n[a]\ne = d\n",
    "[DEFAULT]\nb = c\n[default]\nb = d\n", "[Default]\nb = c\n[DEFAULT]\nb = d\n", "[a]\nb = \"c\"\n", "[a]\nb = 'c'\n",
    "[a]\nb = \"c'\n", "[a]\nb = \"\n", "[a]\nb = '\n", "[a]\nb = \"\"\n", "[a]\nb = \"c\" \"d\"\n", "[a]\nb = \"c\n d\"\n",
    "[a]\nb = c\nb = d\n", "[a]\nb = c\nB = d\n", "[a]\nb = c\r\n d\r\n", "[a]\n\nb = c\n", "[a]\nb = c\n[d]\n e\n",
    "[a]\nb = c", "", "\n\n", "[a]\n", "[a]\n#b = c\n", "[a]]\nb = c\n", "[[a]\nb = c\n", "[a]\nb   =   c d  \n",
    "[a]\n\"b\" = c\n", "[a]\nb-c = d\n", "[a]\nb.c = d\n", "[a]\nb =\n c\n d\n", "[libvirt]\nb = c\n[LIBVIRT]\nd = e\n[LibVirt]\nb = f\n",
    # Lines that end with a carriage return alone; blanks that are no space or tab.
    "[a]\rb = c\r", "[a]\rb = c\r d\r", "[a]\nb = c\rd = e\n", "[a]\r\rb = c", "[a]\nb = c\x1d\n", "[a]\n\x0b[c]\nb = d\n",
    "[a]\n\u00a0[c]\nb = d\n", "[a]\nb = \u00a0c\u3000\n", "[a]\nb = c\u2028d\n", "[a]\nb = c\x0cd\x85e\n", "[a]\n\u00a0b = c\n",
]


def read(text):
    with tempfile.NamedTemporaryFile("w", newline="", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        sections, normalized = {}, {}
        parser = cfg.ConfigParser(file.name, sections)
        parser._add_normalized(normalized)
        try:
            parser.parse()
        except iniparser.ParseError:
            return None
        return normalized


cases = [{"text": text, "sections": read(text)} for text in TEXTS]
print(json.dumps({"oslo.config": version("oslo.config"), "cases": cases}, indent=1))
