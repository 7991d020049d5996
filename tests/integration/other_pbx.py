"""Owns what surrounds the hooks on the systems they are made for: just so much of their dialplans
that the hook is reached, and left, as FreePBX 16 and 17, VICIdial and Wazo do it.

Written from how those systems behave, with their names; what their own servers do (FreePBX's AstDB,
Wazo's agid) is written out as what it would have set. Trunks are the lab's `trunk1` and `trunk2`.
"""

import re
from pathlib import Path

HOOKS = Path(__file__).resolve().parents[2] / "deploy" / "asterisk"

_FREEPBX = r"""
[from-internal]
; An outbound route with two trunks, as its page "Trunk Sequence" makes it.
exten => _[+0-9].,1,Set(AMPUSER=${PJSIP_HEADER(read,X-Lab-Agent)})
 same => n,Set(CALLERID(num)=${AMPUSER})
 same => n,Macro(dialout-trunk,1,${EXTEN},,off)
 same => n,Macro(dialout-trunk,2,${EXTEN},,off)
 same => n,Macro(outisbusy,)
exten => h,1,Macro(hangupcall,)

[macro-dialout-trunk]
exten => s,1,Set(DIAL_TRUNK=${ARG1})
 same => n,Set(DIAL_NUMBER=${ARG2})
 same => n,Macro(outbound-callerid,${DIAL_TRUNK})
 same => n,GosubIf($["${PREFIX_TRUNK_${DIAL_TRUNK}}" != ""]?sub-flp-${DIAL_TRUNK},s,1())
 same => n,Set(OUTNUM=${OUTPREFIX_${DIAL_TRUNK}}${DIAL_NUMBER})
 same => n,Macro(dialout-trunk-predial-hook,)
 same => n,GotoIf($["${PREDIAL_HOOK_RET}" = "BYPASS"]?bypass,1)
 same => n,Dial(PJSIP/${OUTNUM}@${TRUNK_${DIAL_TRUNK}},30,${DIAL_TRUNK_OPTIONS})
 same => n,Goto(s-${DIALSTATUS},1)
exten => s-BUSY,1,Busy(1)
exten => _s-.,1,NoOp(TRUNK failed with ${DIALSTATUS}: continue to the next)
 same => n,MacroExit()
exten => bypass,1,NoOp(BYPASSING because of the hook)
 same => n,MacroExit()
exten => h,1,Macro(hangupcall,)

[macro-outbound-callerid]
exten => s,1,Set(CALLERID(num)=${TRUNKCID_${ARG1}})
 same => n,MacroExit()

[macro-outisbusy]
exten => s,1,Congestion(1)

[macro-hangupcall]
exten => s,1,Hangup()
"""

_VICIDIAL = r"""
[default]
; What VICIdial has in its own context: the carrier's entry, and where an answered call of the
; auto-dialler is handed to an agent.
{carrier}
exten => h,1,Hangup()
exten => 8368,1,Wait(20)
"""

_WAZO = r"""
[wazo-internal]
exten = _[+0-9].,1,Set(XIVO_BASE_EXTEN=${EXTEN})
same = n,Set(CALLERID(num)=${PJSIP_HEADER(read,X-Lab-Agent)})
same = n,Set(WAZO_BASE_CONTEXT=to-extern)
same = n,Gosub(outcall,s,1(7))
exten = h,1,Hangup()

[outcall]
exten = s,1,Set(WAZO_DSTID=${ARG1})
same = n,Set(WAZO_SRCNUM=${CALLERID(num)})
same = n,Set(WAZO_DSTNUM=${XIVO_BASE_EXTEN})
; What agid's outgoing_user_set_features sets for an outcall of two trunks.
same = n,Set(WAZO_INTERFACE0=PJSIP)
same = n,Set(WAZO_INTERFACE1=PJSIP)
same = n,Set({name}0=${WAZO_DSTNUM}@trunk1)
same = n,Set({name}1=${WAZO_DSTNUM}@trunk2)
same = n,Set(XIVO_OUTCALLPREPROCESS_SUBROUTINE=callwarden-wazo)
same = n,Gosub(wazo-subroutine,s,1(${XIVO_OUTCALLPREPROCESS_SUBROUTINE}))
same = n,Set(TRUNKINDEX=0)
same = n,Goto(dial,1)
exten = dial,1,Set(INTERFACE=${WAZO_INTERFACE${TRUNKINDEX}})
same = n,Set(TRUNKEXTEN=${{name}${TRUNKINDEX}})
same = n,Dial(${INTERFACE}/${TRUNKEXTEN},30,o(${XIVO_BASE_EXTEN}))
same = n,Goto(${DIALSTATUS},1)
exten = BUSY,1,Hangup()
exten = ANSWER,1,Hangup()
exten = _C.,1,Set(TRUNKINDEX=$[${TRUNKINDEX} + 1])
same = n,GotoIf(${WAZO_INTERFACE${TRUNKINDEX}}?dial,1)
same = n,Hangup()
exten = h,1,Hangup()

[wazo-subroutine]
exten = s,1,GotoIf($["${ARG1}" = ""]?done)
same = n,Gosub(${ARG1},s,1)
same = n(done),Return()
"""


def as_gosub(macros: str) -> str:
    """Macros as subroutines, line by line as FreePBX 17 made its own of those of 16."""
    called = re.sub(r"\bMacro\(([\w-]+),([^\n]*)\)", r"Gosub(macro-\1,s,1(\2))", macros)
    return called.replace("MacroExit()", "Return()")


def freepbx(hook: str, *, macro: bool) -> str:
    """FreePBX around the hook in the file `hook`. Without `macro`, as subroutines."""
    around = _FREEPBX if macro else as_gosub(_FREEPBX)
    return f"{around}\n{(HOOKS / hook).read_text(encoding='utf-8')}"


def vicidial() -> str:
    """VICIdial with the carrier entry for the lab's first trunk."""
    entry = (HOOKS / "vicidial.conf").read_text(encoding="utf-8")
    return _VICIDIAL.replace("{carrier}", entry.replace("TESTCARRIER", "trunk1"))


def wazo(name: str) -> str:
    """Wazo around its hook; `name` is what this release calls the trunk's number."""
    return _WAZO.replace("{name}", name) + (HOOKS / "wazo.conf").read_text(encoding="utf-8")
