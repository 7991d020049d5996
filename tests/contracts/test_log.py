"""The last fence before a log line: no phone number and no word spoken gets past it."""

import io
import json
import logging
from collections.abc import Iterator
from contextlib import redirect_stderr

import pytest
import structlog

from callwarden import log
from callwarden.settings import Log


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What the log writes, as JSON lines; the process's logging is as it was afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    written = io.StringIO()
    with redirect_stderr(written):
        log.configure(Log(level="debug", form="json"), "gateway")
        yield written
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_number_in_a_message_or_a_value_is_masked(lines: io.StringIO) -> None:
    structlog.get_logger().info("calling +8613800138000 now", target="sip:13800138000@pbx")
    assert "13800138000" not in lines.getvalue()
    assert json.loads(lines.getvalue())["event"] == "calling <digits> now"


def test_a_number_that_is_no_text_is_masked(lines: io.StringIO) -> None:
    structlog.get_logger().info(
        "odd", target=13800138000, list=["13800138000"], map={"k": "13800138000"}
    )
    assert "13800138000" not in lines.getvalue()


def test_keys_that_carry_persons_are_dropped(lines: io.StringIO) -> None:
    structlog.get_logger().info("heard", text="不要再打", number="110", customer="C-7", leg="agent")
    said = json.loads(lines.getvalue())
    assert not {"text", "number", "customer"} & set(said)
    assert (said["leg"], said["room"]) == ("agent", "gateway")


def test_our_own_names_stay_whole(lines: io.StringIO) -> None:
    structlog.get_logger().info("settled", nonce="1772434800.7-1234567890", linkedid="1772434800.7")
    said = json.loads(lines.getvalue())
    assert said["nonce"] == "1772434800.7-1234567890"
    assert said["linkedid"] == "1772434800.7"


def test_a_number_in_an_exception_is_masked(lines: io.StringIO) -> None:
    try:
        raise ValueError("cannot dial 13800138000")
    except ValueError:
        structlog.get_logger().exception("failed")
    assert "cannot dial <digits>" in json.loads(lines.getvalue())["exception"]
    assert "13800138000" not in lines.getvalue()


def test_a_librarys_own_line_is_masked_too(lines: io.StringIO) -> None:
    logging.getLogger("some.library").warning("GET /channels/%s", "13800138000")
    said = json.loads(lines.getvalue())
    assert (said["event"], said["level"]) == ("GET /channels/<digits>", "warning")
