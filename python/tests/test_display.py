"""Lists are tables, at the prompt and in notebooks."""

import pytest

import smog
from smog.display import Listing


class Row:
    def __init__(self, name: str, **more: str) -> None:
        self.name, self.more = name, more

    def _row(self) -> list[tuple[str, str]]:
        return [("name", self.name), *self.more.items()]

    def __str__(self) -> str:
        return self.name


def test_a_table():
    rows = Listing([Row("web", ram="64 MiB", empty=""), Row("a-longer-name", ram="1 GiB", empty="")])
    assert repr(rows) == "NAME           RAM\nweb            64 MiB\na-longer-name  1 GiB"


def test_many_rows_are_counted():
    assert repr(Listing([Row(str(number)) for number in range(25)])).endswith("\n19\n… 5 more")


def test_html_is_escaped():
    html = Listing([Row("<script>&\"'")])._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;&amp;&quot;&#39;" in html


def test_by_name():
    rows = Listing([Row("web"), Row("db"), Row("db")])
    assert rows["web"] is rows[0]
    assert rows._ipython_key_completions_() == ["web", "db", "db"]
    with pytest.raises(smog.NotFound) as missing:
        rows["wep"]
    assert missing.value.hint == "did you mean `web`?"
    with pytest.raises(smog.AmbiguityException):
        rows["db"]


def test_problems_are_told():
    rows = Listing([Row("web")])
    rows.problems.append(("cmp9", "no answer"))
    assert repr(rows).endswith("cmp9 was not asked: no answer")


def test_an_empty_list():
    assert repr(Listing()) == "[]"
    assert repr(Listing([], "servers")) == repr(Listing([Row("web")], "servers")[1:]) == "no servers"
    assert Listing([], "servers")._repr_html_() == "<p>no servers</p>"
    assert repr(Listing([Row("web")], "servers")) != "no servers"
    assert repr(smog.cases()[:0]) == "no cases"
