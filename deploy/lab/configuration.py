"""Owns what the lab's Asterisk is told: every file in its `etc`, on loopback ports of the lab's
own, with the dialplan include that customers install.

Called by `Lab.start`. The agents' way to the carrier leads through the gate, and there is no other.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy.lab.ports import PortBlock
from deploy.lab.rootfs import Rootfs

DIALPLAN_INCLUDE = Path(__file__).resolve().parent.parent / "asterisk" / "callwarden.conf"

# Asterisk wants a file for each of these, empty or not, or leaves the module out.
_EMPTY = """\
acl amd ccss cli cli_permissions codecs confbridge dnsmgr dsp enum extconfig features followme
indications musiconhold pjproject pjsip_notify queuerules queues res_curl res_parking
resolver_unbound say sorcery stasis stir_shaken udptl users voicemail cel
chan_websocket geolocation aeap
"""

# Loaded, they only complain: a sound card, databases, and lines that a lab has not.
_NOT_LOADED = """\
chan_iax2 chan_unistim chan_skinny chan_mgcp chan_ooh323 chan_motif chan_console chan_dahdi
chan_mobile chan_alsa pbx_dundi pbx_ael pbx_lua app_voicemail app_voicemail_imap
app_voicemail_odbc app_minivm app_festival app_alarmreceiver app_ices app_jack app_meetme
app_sms app_adsiprog app_getcpeid app_agent_pool res_stir_shaken res_clialiases
res_http_media_cache app_flash app_dahdiras res_xmpp res_phoneprov res_hep res_hep_pjsip
res_hep_rtcp res_smdi res_config_ldap res_config_mysql res_config_odbc res_config_pgsql
res_config_sqlite3 res_odbc res_odbc_transaction res_ldap res_snmp res_corosync res_calendar
res_calendar_caldav res_calendar_ews res_calendar_exchange res_calendar_icalendar res_fax
res_fax_spandsp res_stun_monitor res_prometheus res_statsd res_timing_dahdi res_pktccops
res_adsi cdr_adaptive_odbc cdr_beanstalkd cdr_odbc cdr_pgsql cdr_radius cdr_sqlite3_custom
cdr_tds cdr_custom cel_beanstalkd cel_custom cel_odbc cel_pgsql cel_radius cel_sqlite3_custom
cel_tds func_odbc codec_dahdi res_pjsip_phoneprov_provider res_pjsip_config_wizard
res_pjsip_stir_shaken
"""


@dataclass(frozen=True)
class Addresses:
    """Ports (all on 127.0.0.1) and secrets of one lab. The gateway's are free until it starts;
    those of the trunks, to which `PJSIP/NUMBER@trunk1` leads, until a carrier takes one; those of
    the supervisors' phones, by their extensions, until a phone does."""

    sip: int
    http: int
    ami: int
    gate: int
    gate_http: int
    media: int
    recognizer: int
    oversight: int
    metrics: int
    trunks: Mapping[str, int]
    supervisors: Mapping[str, int]
    asterisk_rtp: tuple[int, int]
    gateway_rtp: tuple[int, int]
    secret: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)

    @classmethod
    def free(cls, ports: PortBlock) -> "Addresses":
        return cls(
            sip=ports.server(),
            http=ports.server(),
            ami=ports.server(),
            gate=ports.server(),
            gate_http=ports.server(),
            media=ports.server(),
            recognizer=ports.server(),
            oversight=ports.server(),
            metrics=ports.server(),
            trunks={name: ports.take_phone() for name in ("trunk1", "trunk2")},
            supervisors={name: ports.server() for name in ("8001", "8002")},
            asterisk_rtp=ports.asterisk_rtp,
            gateway_rtp=ports.gateway_rtp,
        )


def write(folder: Path, rootfs: Rootfs, addresses: Addresses) -> Path:
    """Fills `folder` (etc, var, log, run…) and returns its asterisk.conf."""
    etc = folder / "etc"
    for name in ("etc", "lib", "spool", "log/cdr-csv", "run", "keys/keys"):
        (folder / name).mkdir(parents=True)
    for name in _EMPTY.split():
        (etc / f"{name}.conf").touch()
    (etc / "callwarden.conf").write_bytes(DIALPLAN_INCLUDE.read_bytes())
    for name, text in _files(folder, rootfs, addresses).items():
        (etc / name).write_text(text, encoding="utf-8")
    return etc / "asterisk.conf"


def _files(folder: Path, rootfs: Rootfs, addresses: Addresses) -> dict[str, str]:
    rtp_first, rtp_last = addresses.asterisk_rtp
    return {
        "asterisk.conf": f"""\
[directories]
astetcdir => {folder}/etc
astmoddir => {rootfs.modules}
astvarlibdir => {folder}/lib
astdbdir => {folder}/lib
astkeydir => {folder}/keys
astdatadir => {rootfs.share}
astagidir => {rootfs.share}/agi-bin
astspooldir => {folder}/spool
astrundir => {folder}/run
astlogdir => {folder}/log
astsbindir => {rootfs.folder}/usr/sbin
[options]
verbose = 3
documentation_language = en_US
hideconnect = yes
""",
        "modules.conf": "[modules]\nautoload = yes\n"
        + "".join(f"noload = {each}.so\n" for each in _NOT_LOADED.split()),
        "logger.conf": """\
[general]
dateformat = %F %T.%3q
[logfiles]
messages.log => notice,warning,error
full.log => notice,warning,error,verbose(3)
""",
        "http.conf": f"""\
[general]
enabled = yes
bindaddr = 127.0.0.1
bindport = {addresses.http}
""",
        "ari.conf": f"""\
[general]
enabled = yes
[callwarden]
type = user
read_only = no
password = {addresses.secret}
""",
        "manager.conf": f"""\
[general]
enabled = yes
bindaddr = 127.0.0.1
port = {addresses.ami}
[callwarden]
secret = {addresses.secret}
read = system,call,reporting,cdr,dialplan,command
write = system,call,reporting,command,originate
""",
        "websocket_client.conf": f"""\
[callwarden]
type = websocket_client
connection_type = per_call_config
uri = ws://127.0.0.1:{addresses.media}/media
protocols = media
reconnect_attempts = 1
tls_enabled = no
""",
        "cdr_manager.conf": "[general]\nenabled = yes\n",
        "rtp.conf": f"""\
[general]
rtpstart = {rtp_first}
rtpend = {rtp_last}
strictrtp = no
icesupport = no
""",
        "cdr.conf": "[general]\nenable = yes\nunanswered = yes\n[csv]\nusegmtime = yes\n"
        "loguniqueid = yes\nloguserfield = yes\n",
        "pjsip.conf": f"""\
[global]
type = global
user_agent = Callwarden lab
taskprocessor_overload_trigger = pjsip_only
endpoint_identifier_order = header,ip,username,anonymous
[loopback]
type = transport
protocol = udp
bind = 127.0.0.1:{addresses.sip}
[agents]
type = endpoint
context = agents
disallow = all
allow = ulaw
direct_media = no
[agents]
type = identify
endpoint = agents
match = 127.0.0.1
[carrier]
type = endpoint
context = nowhere
disallow = all
allow = ulaw
direct_media = no
"""
        + "".join(_trunk(name, port) for name, port in addresses.trunks.items())
        + "".join(_phone(name, port) for name, port in addresses.supervisors.items()),
        "extensions.conf": f"""\
[general]
static = yes
writeprotect = yes
autofallthrough = yes
[globals]
CALLWARDEN_GATE = 127.0.0.1:{addresses.gate}
#include callwarden.conf
[agents]
; Everything matches, so that the gate is what stops a strange number.
exten => _.,1,Set(__carrier=${{FILTER(0-9,${{PJSIP_HEADER(read,X-Lab-Carrier-Port)}})}})
 same => n,Set(context=${{FILTER(a-z0-9\\-,${{PJSIP_HEADER(read,X-Lab-Context)}})}})
 same => n,GotoIf($[${{LEN(${{context}})}} = 0]?tell)
 same => n,Goto(${{context}},${{EXTEN}},1)
 same => n(tell),Set(CALLWARDEN_SCENE=${{PJSIP_HEADER(read,X-Lab-Scene)}})
 same => n,Set(CALLWARDEN_AGENT=${{PJSIP_HEADER(read,X-Lab-Agent)}})
 same => n,Set(CALLWARDEN_CUSTOMER=${{PJSIP_HEADER(read,X-Lab-Customer)}})
 same => n(gate),GoSub(callwarden-gate,s,1(${{EXTEN}}))
 same => n,Dial(PJSIP/carrier/sip:${{URIENCODE(${{CALLWARDEN_NUMBER}})}}@127.0.0.1:${{carrier}},60)
 same => n,Hangup(${{HANGUPCAUSE}})
; Hangup, because priorities that "h" lacks would come from the pattern.
exten => h,1,Hangup()
[agents-tell-all]
; The same with every variable that the gate can be told, from headers of their names.
exten => _.,1,Set(CALLWARDEN_SCENE=${{PJSIP_HEADER(read,X-Lab-Scene)}})
 same => n,Set(CALLWARDEN_AGENT=${{PJSIP_HEADER(read,X-Lab-Agent)}})
 same => n,Set(CALLWARDEN_CUSTOMER=${{PJSIP_HEADER(read,X-Lab-Customer)}})
 same => n,Set(CALLWARDEN_DEBT=${{PJSIP_HEADER(read,X-Lab-Debt)}})
 same => n,Set(CALLWARDEN_PRODUCT=${{PJSIP_HEADER(read,X-Lab-Product)}})
 same => n,Set(CALLWARDEN_CAMPAIGN=${{PJSIP_HEADER(read,X-Lab-Campaign)}})
 same => n,Set(CALLWARDEN_AGENCY=${{PJSIP_HEADER(read,X-Lab-Agency)}})
 same => n,Set(CALLWARDEN_PARTY=${{PJSIP_HEADER(read,X-Lab-Party)}})
 same => n,Set(CALLWARDEN_CALLER_ID=${{PJSIP_HEADER(read,X-Lab-Caller-Id)}})
 same => n,Goto(agents,${{EXTEN}},gate)
exten => h,1,Hangup()
[callwarden-dial]
; Where an allowed Local/NUMBER@callwarden-gate goes on; the originate sets the variable `carrier`.
exten => _[0-9+*#]!,1,Dial(PJSIP/carrier/sip:${{URIENCODE(${{EXTEN}})}}@127.0.0.1:${{carrier}},60)
 same => n,Hangup(${{HANGUPCAUSE}})
exten => wait,1,Wait(20)
[from-trunk]
; Inbound calls are taken, and hung up by the caller.
exten => _.,1,Answer()
 same => n,Wait(20)
exten => h,1,Hangup()
[nowhere]
#tryinclude site.conf
""",
    }


def _phone(name: str, port: int, context: str = "nowhere") -> str:
    """An endpoint with a place to send calls to."""
    return f"""\
[{name}]
type = endpoint
context = {context}
disallow = all
allow = ulaw
direct_media = no
aors = {name}
[{name}]
type = aor
contact = sip:127.0.0.1:{port}
"""


def _trunk(name: str, port: int) -> str:
    """A trunk: what comes with a header of its name comes from it."""
    return f"""\
{_phone(name, port, "from-trunk")}\
[{name}]
type = identify
endpoint = {name}
match_header = X-Lab-Trunk: {name}
"""
