"""Owns the section `alerts` of the configuration file. Read with the rest by `settings`."""

from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from callwarden.setting_values import QuietHours, Section, Zone


class Alerts(Section):
    """What a person is called for."""

    least: Literal["info", "minor", "major", "critical"] = Field(
        "major", description="least severity of an alert"
    )
    window_s: int = Field(
        300, ge=10, le=86_400, description="what falls again within this is counted, not raised"
    )
    uncovered_s: float = Field(
        10, ge=1, description="seconds of a call that were not analysed, for an alert"
    )
    quiet_hours: tuple[QuietHours, ...] = Field(
        (), description="HH:MM-HH:MM, in which alerts neither ring nor notify"
    )
    zone: Zone = Field(
        "", description="of quiet_hours, e.g. Asia/Shanghai; this box's if not given"
    )
    webhook: str = Field(
        "", pattern=r"^(|https?://[^\s]+)$", description="URL that each alert is posted to as JSON"
    )
    webhook_secret: str = Field(
        "",
        pattern="^([!-~]{16,256})?$",
        description="what the webhook's requests are signed with (HMAC-SHA256)",
    )

    @model_validator(mode="after")
    def _webhook_is_signed(self) -> "Alerts":
        if self.webhook and not self.webhook_secret:
            raise ValueError("webhook needs webhook_secret, so that it can tell who posts to it")
        return self

    @property
    def zone_info(self) -> ZoneInfo | None:
        """None: this box's own."""
        return ZoneInfo(self.zone) if self.zone else None
