"""Owns the sipp scenarios: what an agent's phone and a carrier say, as XML.

Called by `calls` and `load`. What a caller of the lab hands in is escaped for SIP here (`sip_user`,
`header_value`), so that a test can dial any character and sipp still sends one request.
"""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

_REFUSALS = (*range(400, 424), *range(480, 494), *range(500, 506), 580, 600, 603, 604, 606, 607)
_END = '<label id="9"/>'

_SDP = """\
v=0
o=lab 1 1 IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=audio [{port}] RTP/AVP 0
a=rtpmap:0 PCMU/8000
a=ptime:20
"""

_REQUEST = """\
{method} sip:{number}@127.0.0.1:[remote_port] SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:[local_port];branch=z9hG4bK-[pid]-[call_number]-{branch}
From: <sip:{agent}@127.0.0.1:[local_port]>;tag=[pid]a[call_number]
To: <sip:{number}@127.0.0.1:[remote_port]>{tag}
Call-ID: [call_id]
CSeq: {sequence} {method}
Max-Forwards: 70
Contact: <sip:{agent}@127.0.0.1:[local_port]>
"""

_RESPONSE = """\
SIP/2.0 {status}
[last_Via:]
[last_From:]
[last_To:]{tag}
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:carrier@127.0.0.1:[local_port]>
"""

_CARRIER_TAG = ";tag=[pid]c[call_number]"

_CANCELLED = f"""\
SIP/2.0 487 Request Terminated
Via:[$via]
[last_From:]
[last_To:]{_CARRIER_TAG}
[last_Call-ID:]
CSeq: [$sequence] INVITE
"""

_CARRIER_BYE = f"""\
BYE [next_url] SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:[local_port];branch=z9hG4bK-[pid]-[call_number]-bye
From: <sip:carrier@127.0.0.1:[local_port]>{_CARRIER_TAG}
To:[$from]
Call-ID: [call_id]
CSeq: 1 BYE
Max-Forwards: 70
Reason: Q.850;cause=16
"""

_NO_BODY = "Content-Length: 0\n\n"

_CARRIER_INVITE = """\
<recv request="INVITE" rrs="true"><action>
<ereg regexp=".*" search_in="hdr" header="From:" assign_to="from"/>
<ereg regexp=".*" search_in="hdr" header="Via:" assign_to="via"/>
<ereg regexp="[0-9]+" search_in="hdr" header="CSeq:" assign_to="sequence"/>
</action></recv>
<Reference variables="from,via,sequence"/>"""

_PHRASES = {200: "OK", 404: "Not Found", 480: "Temporarily Unavailable", 486: "Busy Here"}


@dataclass(frozen=True)
class Sound:
    """Raw mu-law samples at 8 kHz, played `loops` times (-1: for ever)."""

    file: Path
    loops: int = 1


def sip_user(number: str) -> str:
    """A number, or what claims to be one, as the user part of a SIP URI."""
    return quote(number, safe="+*")


def header_value(text: str) -> str:
    """`text` on one line and without brackets, which sipp takes for its keywords."""
    return " ".join(text.split()).replace("[", "(").replace("]", ")")


def agent_phone(
    *, number: str, agent: str, headers: dict[str, str], audio: Sound | None, talk_ms: int
) -> str:
    """Calls `number` (a SIP user part), plays `audio` from the answer on, and hangs up `talk_ms`
    after the answer or at an INFO request, which is how the lab asks for it; or is hung up on."""

    def request(method: str, sequence: int, branch: str, tag: str = "[peer_tag_param]") -> str:
        return _REQUEST.format(
            method=method, number=number, branch=branch, agent=agent, tag=tag, sequence=sequence
        )

    invite = (
        request("INVITE", 1, "1", "")
        + "".join(f"{name}: {value}\n" for name, value in headers.items())
        + "Content-Type: application/sdp\nContent-Length: [len]\n\n"
        + _SDP.format(port="rtpstream_audio_port" if audio else "media_port")
    )
    hang_up, cancel, refused, bye_crossed = 1, 2, 3, 4
    limit = f'timeout="{talk_ms}" ontimeout="{hang_up}"'
    return _scenario(
        _send(invite, retransmitted=True),
        *(_recv(f'response="{code}" optional="true"') for code in (100, 180, 181, 183)),
        *(_recv(f'response="{code}" optional="true" next="{refused}"') for code in _REFUSALS),
        _recv(f'request="INFO" optional="true" next="{cancel}"'),
        _recv('response="200"'),
        _send(request("ACK", 1, "2") + _NO_BODY),
        _play(audio),
        # sipp takes the time limit from the first of the messages that may come.
        _recv(f'request="INFO" optional="true" next="{hang_up}" {limit}'),
        _recv(f'request="BYE" {limit}'),
        _send(_response("200 OK"), then=9),
        f'<label id="{hang_up}"/>',
        _send(request("BYE", 2, "3") + _NO_BODY, retransmitted=True),
        _recv(f'request="BYE" optional="true" next="{bye_crossed}"'),
        _recv('response="200" next="9"'),
        f'<label id="{bye_crossed}"/>',
        _send(_response("200 OK"), then=9),
        f'<label id="{cancel}"/>',
        _send(request("CANCEL", 1, "1", "") + _NO_BODY, retransmitted=True),
        _recv('response="200" optional="true"'),
        _recv('response="487"'),
        f'<label id="{refused}"/>',
        _send(request("ACK", 1, "1") + _NO_BODY),
        _END,
    )


def carrier(*, ring_ms: int, status: int, audio: Sound | None, talk_ms: int | None) -> str:
    """Takes calls: rings, gives `status` after `ring_ms`; having answered (200), plays `audio`, and
    hangs up `talk_ms` after the answer where that is given."""
    answer, hang_up = 1, 2
    ringing = (
        _recv(f'request="CANCEL" timeout="{ring_ms}" ontimeout="{answer}"'),
        _send(_response("200 OK", _CARRIER_TAG)),
        _send(_CANCELLED + _NO_BODY, retransmitted=True),
        _recv('request="ACK" next="9"'),
        f'<label id="{answer}"/>',
    )
    if status == 200:
        final = (
            _RESPONSE.format(status="200 OK", tag=_CARRIER_TAG)
            + "Content-Type: application/sdp\nContent-Length: [len]\n\n"
            + _SDP.format(port="rtpstream_audio_port" if audio else "media_port")
        )
    else:
        final = _response(f"{status} {_PHRASES.get(status, 'Refused')}", _CARRIER_TAG)
    bound = f'timeout="{talk_ms}" ontimeout="{hang_up}"' if talk_ms is not None else ""
    talking = (
        _play(audio),
        _recv(f'request="BYE" {bound}'),
        _send(_response("200 OK"), then=9),
        f'<label id="{hang_up}"/>',
        _send(_CARRIER_BYE + _NO_BODY, retransmitted=True),
        _recv('response="200"'),
    )
    return _scenario(
        _CARRIER_INVITE,
        _send(_response("180 Ringing", _CARRIER_TAG)),
        *(ringing if ring_ms else ()),
        _send(final, retransmitted=True),
        _recv('request="ACK"'),
        *(talking if status == 200 else ()),
        _END,
    )


def _response(status: str, tag: str = "") -> str:
    return _RESPONSE.format(status=status, tag=tag) + _NO_BODY


def _send(message: str, *, retransmitted: bool = False, then: int | None = None) -> str:
    attributes = (' retrans="500"' if retransmitted else "") + (f' next="{then}"' if then else "")
    return f"<send{attributes}><![CDATA[\n{message}\n]]></send>"


def _recv(attributes: str) -> str:
    return f"<recv {attributes}/>"


def _play(audio: Sound | None) -> str:
    if audio is None:
        return ""
    return (
        f'<nop><action><exec rtp_stream="{audio.file},{audio.loops},0,PCMU/8000"/></action></nop>'
    )


def _scenario(*steps: str) -> str:
    lines = "\n".join(step for step in steps if step)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<!DOCTYPE scenario SYSTEM "sipp.dtd">\n'
        f'<scenario name="lab">\n{lines}\n</scenario>\n'
    )
