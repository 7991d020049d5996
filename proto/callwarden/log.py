"""Owns the form of a log line: one JSON object (or, for a person, one coloured line) on stderr.

Called once by each long-running command. Phone numbers and words spoken never reach a line: as a
last fence behind the rule that nobody logs them, runs of seven digits or more are masked, and the
keys that carry words or numbers are dropped.
"""

import logging
import re
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from callwarden.settings import Log

_DIGITS = re.compile(r"\+?\d{7,}")
_LEAST_NUMBER = 10**9  # an integer below it counts bytes or frames
_PERSONAL_KEYS = frozenset({"number", "text", "heard", "utterance", "customer", "tokens"})
# A run of digits in these is a name of ours or a time, not somebody's number.
_OWN_KEYS = frozenset({"timestamp", "nonce", "linkedid", "channel", "call", "digest", "decision"})


def configure(log: Log, room: str) -> None:
    """Sets up structlog and the standard library's loggers. `room` stands in every line."""
    last: Processor = (
        structlog.dev.ConsoleRenderer()
        if log.form == "console"
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        without_personal_data,
    ]
    structlog.configure(
        processors=[*shared, last],
        wrapper_class=structlog.make_filtering_bound_logger(log.level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(room=room)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


def without_personal_data(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Drops personal keys and masks long runs of digits in the rest."""
    return {
        key: value if key in _OWN_KEYS else _masked(value)
        for key, value in event.items()
        if key not in _PERSONAL_KEYS
    }


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return _DIGITS.sub("<digits>", value)
    if isinstance(value, dict):
        return {_masked(key): _masked(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(each) for each in value]
    if isinstance(value, int) and abs(value) >= _LEAST_NUMBER:
        return "<digits>"
    return value
