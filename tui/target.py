"""Owns what an act is about: the thing under the cursor, with its call, finding and agent.

Asked by the app. Pure.
"""

from dataclasses import dataclass

from tui.call import Call, Raised, Suppressed
from tui.view import Alerted, Made, View


@dataclass(frozen=True)
class Target:
    """What is known of it; an act says what it lacks."""

    call: Call | None = None
    finding: Raised | None = None
    agent: str = ""
    alert: Alerted | None = None


def call_id_of(item: object) -> str:
    """The call that an item of any list belongs to; empty where there is none."""
    match item:
        case Call() as call:
            return call.change.call_id
        case Raised(raised=raised):
            return raised.call_id
        case Suppressed(suppression=suppression):
            return suppression.call_id
        case Alerted(alert=alert):
            return alert.call_id
    return ""


def place_of(item: object) -> float | None:
    """The second of its call that an item is about; None where it is about none."""
    return item.finding.start_s if isinstance(item, Raised) else None


def target_of(item: object, view: View) -> Target:
    """The item with what the view knows of its call and finding."""
    call = view.calls.get(call_id_of(item))
    if call is not None and not call.known:
        call = None
    found = item if isinstance(item, Raised) else None
    if isinstance(item, Suppressed):
        key = (item.suppression.call_id, item.suppression.finding_id)
        found = view.findings.get(key)
    agent = call.change.agent if call else found.raised.agent if found else ""
    if isinstance(item, Made):
        agent = item.decision.agent
    alert = item if isinstance(item, Alerted) else None
    if alert and not agent:
        agent = alert.alert.agent
    return Target(call, found, agent, alert)
