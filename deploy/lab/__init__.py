"""A real Asterisk 22 to test against: `with Lab.start() as lab: lab.call("+8613800138000")`."""

from deploy.lab.calls import Carrier, Invite, Outcome, PlacedCall
from deploy.lab.configuration import Addresses
from deploy.lab.lab import Lab
from deploy.lab.load import LoadedCall, LoadResult
from deploy.lab.rootfs import LabError

__all__ = [
    "Addresses",
    "Carrier",
    "Invite",
    "Lab",
    "LabError",
    "LoadResult",
    "LoadedCall",
    "Outcome",
    "PlacedCall",
]
