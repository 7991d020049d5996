"""What was known at an instant of the past: nothing that came later."""

from datetime import UTC, datetime, timedelta

from policy.dialling.facts import Attempt, Facts, Suppression, Waiver
from policy.dialling.past import as_of

AT = datetime(2026, 3, 2, 4, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_what_came_later_is_not_known() -> None:
    before, later = AT - HOUR, AT + HOUR
    settled = Attempt(before - HOUR, connected=True, talk_seconds=30.0, ended_at=before)
    unsettled_then = Attempt(before, connected=True, talk_seconds=30.0, ended_at=later)
    refused = Suppression("s1", "refusal", before)
    agreed = Waiver("w1", ("*",), "form 7", before)
    facts = Facts(
        (settled, unsettled_then, Attempt(AT), Attempt(later)),
        (refused, Suppression("s2", "refusal", AT)),
        (agreed, Waiver("w2", ("*",), "form 8", later)),
        {"registry": later},
    )
    assert as_of(facts, AT) == Facts(
        (settled, Attempt(before)), (refused,), (agreed,), {"registry": later}
    )
