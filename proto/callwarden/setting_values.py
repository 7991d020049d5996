"""Owns what values of the configuration may be, and what all its sections have in common.

Used by `settings` and the modules of its sections.
"""

import re
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints


def _dialect(code: str) -> str:
    if not re.fullmatch(r"([a-z]{3}(-[a-z]+)*)?", code):
        raise ValueError("must be an ISO 639-3 code such as yue, or a branch such as cmn-sichuan")
    return code


Dialect = Annotated[str, AfterValidator(_dialect)]


Endpoint = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9]+/[^\s,/]+$"),
    Field(description="TECHNOLOGY/NAME, * and ? standing for anything"),
]


Mirror = Annotated[str, StringConstraints(pattern=r"^https?://[^\s]+$"), Field(description="URL")]


def _supervisor_endpoint(template: str) -> str:
    if not re.fullmatch(r"(PJSIP|SIP)/[A-Za-z0-9_.-]*\{extension\}[A-Za-z0-9_.-]*", template):
        raise ValueError("must be PJSIP/ or SIP/ and a name with {extension} in it, no @, no /")
    return template


def _quiet_hours(written: str) -> str:
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d", written):
        raise ValueError("must be HH:MM-HH:MM, such as 22:00-07:00")
    return written


def _zone(name: str) -> str:
    if name and name not in available_timezones():
        raise ValueError("must be a zone of the IANA database, such as Asia/Shanghai")
    return name


QuietHours = Annotated[str, AfterValidator(_quiet_hours)]
Zone = Annotated[str, AfterValidator(_zone)]
SupervisorEndpoint = Annotated[str, AfterValidator(_supervisor_endpoint)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
