"""Logs that were saved: no cloud is asked."""

import asyncio
import datetime
import pathlib

import pytest

import smog
import smog.aio

REQUEST = "req-11111111-2222-4333-8444-555555555555"
HOST = "2026-11-24 10:00:0{second}.000 7 {level} nova.{logger} [None {request} u p - - - -] {text}\n"
THROWN = """nova.exception.NoValidHost: none
2026-11-24 10:00:02.000 7 ERROR nova.scheduler Traceback (most recent call last):
2026-11-24 10:00:02.000 7 ERROR nova.scheduler   File "/usr/lib/python3/dist-packages/nova/scheduler/manager.py", line 1, in select_destinations
2026-11-24 10:00:02.000 7 ERROR nova.scheduler nova.exception.NoValidHost: none"""
JUNIT = f"""<testsuite><testcase classname="c" name="test_boot" time="1"><failure>Details: {REQUEST}
AssertionError: no</failure></testcase></testsuite>"""


def line(second, level, logger, request, text):
    return HOST.format(second=second, level=level, logger=logger, request=request, text=text)


@pytest.fixture
def job(tmp_path: pathlib.Path):
    logs = {
        "controller/logs/nova-api.log": line(1, "INFO", "api", REQUEST, "POST") + line(3, "INFO", "api", "req-2", "GET"),
        "compute1/logs/nova-scheduler.log": line(2, "ERROR", "scheduler", REQUEST, THROWN),
    }
    for name, text in logs.items():
        (tmp_path / "job" / name).parent.mkdir(parents=True)
        (tmp_path / "job" / name).write_text(text)
    (tmp_path / "job" / "junit.xml").write_text(JUNIT)
    return tmp_path / "job"


def test_records_are_those_of_live_logs(job):
    with smog.logs(job) as logs:
        assert logs.hosts == ["compute1", "controller"]
        found = list(logs)
    assert [type(record) for record in found] == [smog.Record] * 3
    assert [(record.host, record.time.second) for record in found] == [("controller", 1), ("compute1", 2), ("controller", 3)]
    assert found[1].exception == "nova.exception.NoValidHost" and "select_destinations" in found[1].text
    assert (logs.unread, logs.problems) == ([], []) and logs.bytes > 400
    assert list(logs) == []  # At its end it stays there.


def test_records_are_chosen_as_live_ones(job):
    def times(**how):
        return [record.time.second for record in smog.logs([job], **how)]

    assert times(requests=[REQUEST]) == [1, 2]
    assert times(level="error") == times(exceptions=True) == times(hosts=["compute1"]) == [2]
    assert times(exceptions=True, allow=["NoValidHost"]) == []
    assert times(grep=["GET|POST"]) == [1, 3]
    at = datetime.datetime(2026, 11, 24, 10, 0, 2, tzinfo=datetime.timezone.utc)
    assert times(since=at) == [2, 3] and times(until=at) == [1, 2]
    assert next(iter(smog.logs(job, zone="+02:00"))).time.hour == 8
    with pytest.raises(smog.NotFound):
        smog.logs(job, hosts=["nobody"])
    for wrong in ({"zone": "Mars"}, {"level": "loud"}, {"grep": ["(x"]}):
        with pytest.raises(smog.ArgumentError):
            smog.logs(job, **wrong)
    with pytest.raises(smog.ArgumentError, match="no such file"):
        smog.logs(job / "missing")


def test_what_is_not_read_is_no_success(job, tmp_path):
    import gzip

    whole = gzip.compress(line(4, "INFO", "api", "req-3", "x" * 3000).encode() * 50)
    (job / "controller/logs/cut.log.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(smog.Unread, match="cut.log.gz"):
        with smog.logs(job, level="error") as logs:
            assert len(list(logs)) == 1
    with smog.logs(job, allow_unread=True) as logs:
        list(logs)
    assert "cut.log.gz" in logs.unread[0]
    with pytest.raises(smog.Unread, match="cut.log.gz"):
        smog.triage(job)
    assert smog.triage(job, allow_unread=True).unread
    binary = tmp_path / "some.log"
    binary.write_text("not a log\nat all\n")
    with pytest.raises(smog.Unread, match="no log form"):
        with smog.logs(binary, exceptions=True) as logs:
            list(logs)


def test_many_records_and_an_early_end(tmp_path):
    many = tmp_path / "nova-api.log"
    many.write_text("".join(line(1, "INFO", "api", REQUEST, f"line {number}") for number in range(5000)))
    assert [record.message for record in smog.logs(many)] == [f"line {number}" for number in range(5000)]
    with smog.logs(many) as logs:
        assert next(logs).message == "line 0"

    async def awaited():
        return [record async for record in smog.aio.records(smog.logs(many, grep=["line 1$"]))]

    assert len(asyncio.run(awaited())) == 1


def test_triage(job, tmp_path):
    triage = smog.triage(job)
    (kind,) = triage.kinds
    assert (kind.exception, kind.place, kind.count) == (
        "nova.exception.NoValidHost",
        "nova/scheduler/manager.py:select_destinations",
        1,
    )
    assert kind.hosts == {"compute1": 1} and kind.requests == [REQUEST] and not kind.is_noise
    (test,) = triage.failed_tests
    assert test.name.endswith("test_boot") and test.requests == [REQUEST]
    assert test.exceptions == [("nova.exception.NoValidHost", 1, "request")]
    assert "NoValidHost" in triage.likely and triage.likely_request == REQUEST and "failed tests" in triage.likely_why
    text = str(triage)
    assert text.startswith("likely first cause") and "COUNT" in text and "of its requests" in text
    assert "<h1>Triage of" in triage.html() and triage.to_dict()["exceptions"] == 1
    good = smog.triage(job, baseline=[job])
    assert good.kinds[0].in_baseline == 1 and good.news == []


def test_trace(job):
    trace = smog.trace(REQUEST, from_=job)
    assert trace.request_id == REQUEST and trace.seconds == pytest.approx(1.0)
    assert sum(phase[1] for phase in trace.phases) == pytest.approx(trace.seconds)
    with pytest.raises(smog.NotFound):
        smog.trace("req-9", from_=job)
