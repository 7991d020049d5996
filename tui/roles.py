"""Owns what whoever sits at the console may do, as the gateway told it.

Asked by the bar, the help, the palette and the acts. It only greys what would be refused: the
gateway alone decides. While it has not said who this is, nothing is greyed.
"""

from callwarden.v1 import oversight_pb2 as oversight
from tui.actions import Action
from tui.language import Language

_ROLES: dict[oversight.Role.ValueType, str] = {
    oversight.ROLE_OPERATOR: "role.operator",
    oversight.ROLE_SUPERVISOR: "role.supervisor",
    oversight.ROLE_AUDITOR: "role.auditor",
    oversight.ROLE_ADMIN: "role.admin",
}

Who = oversight.WhoAmIResponse


def role(of: oversight.Role.ValueType, language: Language) -> str:
    return language.say(_ROLES.get(of, "role.unknown"))


def may(who: Who | None, act: oversight.Act.ValueType) -> bool:
    """Whether it is worth asking."""
    return who is None or act == oversight.ACT_UNSPECIFIED or act in who.may


def why_not(who: Who | None, action: Action, language: Language) -> str:
    """Why this action is greyed, and what to do; empty where it is not."""
    if who is None or may(who, action.act):
        return ""
    return language.say("act.barred", who=who.name, role=role(who.role, language))
