"""What AMI's events tell of a call sent to a trunk, in every form Dial is given a number in."""

import re

import asterisk.manager
import pytest

from gateway.asterisk.ami import AmiEvent
from gateway.asterisk.trunk_call import filters, trunk_call
from policy.dialling.number import same_number

_TRUNKS = ("PJSIP/trunk", "SIP/carrier-*", "DAHDI/g1")


def _dial(dialled: str, channel: str = "PJSIP/trunk-0000000a") -> AmiEvent:
    headers = {
        "DestChannel": channel,
        "DestUniqueid": "1.2",
        "DestLinkedid": "1.1",
        "Uniqueid": "1.1",
        "DialString": dialled,
        "DestCallerIDNum": "<unknown>",
    }
    return AmiEvent("DialBegin", headers, {})


@pytest.mark.parametrize(
    ("dialled", "number"),
    [
        ("+8613800138000@trunk", "+8613800138000"),
        ("trunk/+8613800138000", "+8613800138000"),
        ("trunk/sip:%2B8613800138000@10.0.0.1:5060", "+8613800138000"),
        ("trunk/sips:13800138000@host,30,tT", "13800138000"),
        ("trunk", ""),
        ("", ""),
    ],
)
def test_the_number_is_read_out_of_what_was_dialled(dialled: str, number: str) -> None:
    call = trunk_call(_dial(dialled), _TRUNKS)
    assert call is not None
    assert (call.number, call.trunk, call.channel_id, call.asked_on) == (
        number,
        "PJSIP/trunk",
        "1.2",
        "1.1",
    )
    assert number.lstrip("+") not in repr(call) or not number


@pytest.mark.parametrize(
    ("channel", "is_trunk"),
    [
        ("PJSIP/trunk-00000001", True),
        ("SIP/carrier-north-00000001", True),
        ("PJSIP/trunk2-00000001", False),
        ("PJSIP/my-trunk-00000001", False),
        ("Local/1@trunk-00000001;1", False),
        ("DAHDI/g1-1", True),
    ],
)
def test_only_named_endpoints_are_trunks(channel: str, is_trunk: bool) -> None:
    event = _dial("1@x", channel)
    assert (trunk_call(event, _TRUNKS) is not None) is is_trunk
    whole = f"Event: DialBegin\r\nChannel: PJSIP/1001-1\r\nDestChannel: {channel}\r\n"
    found = any(re.search(each, whole, re.DOTALL) for each in filters(_TRUNKS))
    assert found >= is_trunk
    assert filters(()) == []


@pytest.mark.parametrize(
    ("sent", "decided", "same"),
    [
        ("13800138000", "+8613800138000", True),
        ("008613800138000", "+8613800138000", True),
        ("9,13800138000", "+8613800138000", True),
        ("13800138001", "+8613800138000", False),
        ("138000", "+8613800138000", False),
        ("12345", "12345", True),
        ("2345", "12345", False),
        ("", "+8613800138000", False),
    ],
)
def test_prefixes_do_not_make_another_number(sent: str, decided: str, same: bool) -> None:
    assert same_number(sent, decided) is same


def test_manager_confs_channelvars_do_not_end_the_session() -> None:
    message = asterisk.manager.ManagerMsg(
        ["Event: DialBegin\r\n", "DestChanVariable: X=1\r\n", "DestChannel: SIP/a-1\r\n"]
    )
    assert message.headers == {"Event": "DialBegin", "DestChannel": "SIP/a-1"}
