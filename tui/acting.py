"""Owns what a person does from the console: the question before it, the request, and what is said
afterwards.

Begun by the app with an action's id. The one invariant: nothing is asked of the gateway before the
person chose it in a dialog, acknowledging apart, and whatever is refused is said with what to do.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from google.protobuf.message import Message
from textual.notifications import SeverityLevel

from callwarden.v1 import oversight_pb2 as oversight
from tui import phrasing, roles
from tui.actions import Action
from tui.call import Call, Raised
from tui.language import Language
from tui.oversight import Kind, Refused, Reply
from tui.ringing import title
from tui.roles import may, why_not
from tui.target import Target
from tui.widgets.question import Answer, Choice, Question

if TYPE_CHECKING:
    from tui.app import Console

_MOST_CHOICES = 9


class Acting:
    """The acts of one console."""

    def __init__(self, console: "Console", operator: str) -> None:
        """`operator`: who goes on record where the site names no people."""
        self._console = console
        self._operator = operator
        self.who: oversight.WhoAmIResponse | None = None
        self.listening: dict[str, str] = {}
        """What one listens in by, by the ids of the calls."""
        self._acts: Mapping[str, Callable[[Target], Awaitable[None]]] = {
            "listen": self._listen,
            "end-listening": self._end_listening,
            "hang-up": self._hang_up,
            "review": self._review,
            "suppress": self._suppress,
            "retrain": self._retrain,
            "shadow-rule": self._shadow_rule,
            "acknowledge": self._acknowledge,
        }

    async def ask_who(self) -> None:
        """Who sits here, in the gateway's eyes. A gateway that does not say leaves nothing greyed:
        it refuses by itself what is not allowed."""
        try:
            self.who = await self._console.source.ask(
                oversight.WhoAmIRequest(), oversight.WhoAmIResponse
            )
        except Refused:
            self.who = None

    async def begin(self, action: Action, target: Target) -> None:
        """Does it as far as the person and the gateway agree. Never raises Refused."""
        barred = why_not(self.who, action, self._language)
        if barred:
            self._tell(barred, "warning")
            return
        try:
            await self._acts[action.id](target)
        except Refused as refused:
            said = self._language.say(refused.kind.value, why=str(refused))
            self._tell(said, "information" if refused.kind is Kind.DEMO else "error")

    @property
    def _language(self) -> Language:
        return self._console.language

    def _tell(self, text: str, severity: SeverityLevel = "information") -> None:
        self._console.notify(text, severity=severity, markup=False, timeout=8)

    def _done(self, text: str, **filled: str) -> None:
        self._tell(self._language.say(text, **filled))

    def _nothing(self, text: str) -> None:
        self._tell(self._language.say(text), "warning")

    async def _request(self, request: Message, reply: type[Reply]) -> Reply:
        return await self._console.source.ask(request, reply)

    async def _asked(self, question: Question) -> Answer | None:
        return await self._console.push_screen_wait(question)

    def _on_record(self) -> str:
        name = self.who.name if self.who else self._operator
        return self._language.say("ask.record", who=name)

    async def _sure(
        self, act: str, body: str, *, note: bool, grave: bool = True, **filled: str
    ) -> Answer | None:
        """Yes or no, with a note where one can be given."""
        say = self._language.say
        return await self._asked(
            Question(
                self._language,
                title=say(f"{act}.title", **filled),
                body=f"{body}\n{self._on_record()}",
                choices=[Choice("y", say(f"{act}.yes"), "yes", "error" if grave else "primary")],
                asked=say("ask.note") if note else "",
                grave=grave,
            )
        )

    async def _hang_up(self, target: Target) -> None:
        call = target.call
        if call is None or not call.live:
            self._nothing("none.call")
            return
        said = _said(call)
        if await self._sure("hangup", self._language.say("hangup.body", **said), note=False):
            request = oversight.HangUpRequest(call_id=call.change.call_id, operator=self._operator)
            await self._request(request, oversight.HangUpResponse)
            self._done("hangup.done", **said)

    async def _listen(self, target: Target) -> None:
        call, say = target.call, self._language.say
        if call is None or not call.live:
            self._nothing("none.call")
            return
        extension = self.who.extension if self.who else ""
        own = extension or say("listen.no.extension")
        answer = await self._asked(
            Question(
                self._language,
                title=say("listen.title", **_said(call)),
                body=f"{say('listen.body', extension=own)}\n{self._on_record()}",
                choices=[
                    Choice("l", say("listen.listen"), "listen", "primary"),
                    *(
                        Choice(key, say(f"listen.{mode}"), mode, "warning", self._barred(act))
                        for key, mode, act in (
                            ("w", "whisper", oversight.ACT_WHISPER),
                            ("b", "barge", oversight.ACT_BARGE),
                        )
                    ),
                    Choice("k", say("listen.browser"), "browser"),
                ],
                asked=say("listen.extension", extension=own),
            )
        )
        if answer is None:
            return
        browser = answer.value == "browser"
        response = await self._request(
            oversight.ListenInRequest(
                call_id=call.change.call_id,
                mode=_MODES[answer.value],
                extension="" if browser else answer.words,
                browser=browser,
            ),
            oversight.ListenInResponse,
        )
        self.listening[call.change.call_id] = response.listening_id
        if response.link:
            await self._show_link(response.link)
        else:
            self._done("listen.ringing", agent=call.change.agent or "—")

    def _barred(self, act: oversight.Act.ValueType) -> str:
        if self.who is None or may(self.who, act):
            return ""
        role = roles.role(self.who.role, self._language)
        return self._language.say("act.barred", who=self.who.name, role=role)

    async def _show_link(self, link: str) -> None:
        self._console.copy_to_clipboard(link)
        say = self._language.say
        await self._asked(
            Question(
                self._language,
                title=say("listen.link.title"),
                body=f"{say('listen.link.body')}\n\n{link}",
                choices=[Choice("y", say("listen.link.close"), "yes", "primary")],
                cancel=False,
            )
        )

    async def _end_listening(self, target: Target) -> None:
        at = target.call.change.call_id if target.call else ""
        call_id = at if at in self.listening else next(iter(self.listening), "")
        if not call_id:
            self._nothing("none.listening")
            return
        request = oversight.EndListenInRequest(listening_id=self.listening.pop(call_id))
        await self._request(request, oversight.EndListenInResponse)
        self._done("listen.ended")

    async def _review(self, target: Target) -> None:
        found = target.finding or await self._which(target.call)
        say = self._language.say
        if found is None:
            if target.call is None or not target.call.findings:
                self._nothing("none.finding")
            return
        finding, standing = found.finding, found.raised.standing
        appealed = standing == oversight.STANDING_APPEALED
        settle = self._barred(oversight.ACT_SETTLE_APPEAL) if appealed else ""
        uphold = "judge.settle.uphold" if appealed else "judge.uphold"
        dismiss = "judge.settle.dismiss" if appealed else "judge.dismiss"
        choices = [
            Choice("u", say(uphold), "upheld", "primary", settle),
            Choice("d", say(dismiss), "dismissed", "warning", settle),
        ]
        if standing in (oversight.STANDING_UPHELD, oversight.STANDING_DISMISSED):
            choices = [Choice("p", say("judge.appeal"), "appealed", "primary")]
        heard = finding.heard_text or finding.heard_pinyin or finding.matched or "—"
        body = say(
            "judge.body",
            agent=found.raised.agent or "—",
            heard=heard,
            standing=phrasing.standing(standing, self._language),
        )
        answer = await self._asked(
            Question(
                self._language,
                title=say("judge.title", finding=self._language.title(finding)),
                body=f"{body}\n{self._on_record()}",
                choices=choices,
                asked=say("ask.note.needed"),
                needed=True,
            )
        )
        if answer is None:
            return
        judged = _STANDINGS[answer.value]
        await self._request(
            oversight.ReviewRequest(
                call_id=found.raised.call_id,
                finding_id=finding.finding_id,
                standing=judged,
                note=answer.words,
            ),
            oversight.ReviewResponse,
        )
        self._done("judge.done", standing=phrasing.standing(judged, self._language))

    async def _which(self, call: Call | None) -> Raised | None:
        """The finding of this call that is meant: its only one, or the one chosen."""
        findings = sorted(call.findings.values(), key=lambda each: -each.weight) if call else []
        if len(findings) < 2:
            return findings[0] if findings else None
        shown = findings[:_MOST_CHOICES]
        answer = await self._asked(
            Question(
                self._language,
                title=self._language.say("judge.which"),
                body="\n".join(
                    f"{place}  {phrasing.finding(each, self._language)[0][0]}"
                    for place, each in enumerate(shown, start=1)
                ),
                choices=[
                    Choice(
                        str(place), str(place), str(place), "primary" if place == 1 else "default"
                    )
                    for place in range(1, len(shown) + 1)
                ],
            )
        )
        return shown[int(answer.value) - 1] if answer else None

    async def _suppress(self, target: Target) -> None:
        call = target.call
        if call is None:
            self._nothing("none.any.call")
            return
        number = call.change.number_masked
        body = self._language.say("suppress.body")
        answer = await self._sure("suppress", body, note=True, number=number)
        if answer:
            request = oversight.SuppressRequest(call_id=call.change.call_id, note=answer.words)
            await self._request(request, oversight.SuppressResponse)
            self._done("suppress.done", number=number)

    async def _retrain(self, target: Target) -> None:
        agent, found = target.agent, target.finding
        if not agent:
            self._nothing("none.agent")
            return
        say = self._language.say
        body = say("retrain.body.none")
        if found:
            body = say("retrain.body", finding=self._language.title(found.finding))
        answer = await self._sure("retrain", body, note=True, grave=False, agent=agent)
        if answer:
            await self._request(
                oversight.AssignRetrainingRequest(
                    agent=agent,
                    call_id=found.raised.call_id if found else "",
                    finding_id=found.finding.finding_id if found else "",
                    note=answer.words,
                ),
                oversight.AssignRetrainingResponse,
            )
            self._done("retrain.done", agent=agent)

    async def _shadow_rule(self, target: Target) -> None:
        found = target.finding or await self._which(target.call)
        if found is None:
            self._nothing("none.finding")
            return
        rule = found.finding.rule
        body = self._language.say(
            "shadow.body", rule=f"{self._language.title(found.finding)} · {rule}"
        )
        answer = await self._sure("shadow", body, note=True)
        if answer:
            request = oversight.ShadowRuleRequest(rule=rule, note=answer.words)
            response = await self._request(request, oversight.ShadowRuleResponse)
            self._done("shadow.done", rule=rule, version=response.rulebook.version)

    async def _acknowledge(self, target: Target) -> None:
        """The alert under the cursor, else the worst that is open."""
        alert = target.alert
        if alert is None or not alert.open:
            alert = next(iter(self._console.view.open_alerts()), None)
        if alert is None:
            self._nothing("none.alert")
            return
        request = oversight.AcknowledgeAlertRequest(alert_id=alert.alert.alert_id)
        await self._request(request, oversight.AcknowledgeAlertResponse)
        self._done("acknowledge.done", alert=title(alert, self._language))


_MODES = {
    "listen": oversight.LISTEN_IN_MODE_LISTEN,
    "whisper": oversight.LISTEN_IN_MODE_WHISPER,
    "barge": oversight.LISTEN_IN_MODE_BARGE,
    "browser": oversight.LISTEN_IN_MODE_LISTEN,
}
_STANDINGS = {
    "upheld": oversight.STANDING_UPHELD,
    "dismissed": oversight.STANDING_DISMISSED,
    "appealed": oversight.STANDING_APPEALED,
}


def _said(call: Call) -> dict[str, str]:
    return {"agent": call.change.agent or "—", "number": call.change.number_masked}
