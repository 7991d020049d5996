"""Owns how the ledger writes an instant: whole microseconds since 1970-01-01 UTC."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros(at: datetime) -> int:
    """Raises ValueError when `at` has no zone."""
    if at.tzinfo is None:
        raise ValueError("the ledger takes no time without its zone")
    return (at - _EPOCH) // _MICROSECOND


def instant(microseconds: int) -> datetime:
    """In UTC."""
    return _EPOCH + timedelta(microseconds=microseconds)
