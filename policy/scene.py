"""Owns which scenes a rule or a do-not-call entry holds in. Called by both kinds of rulebook.

A scene is a dotted name (`marketing.loan`); a pattern is a scene, a branch of scenes
(`marketing.*`) or `*`. A call that does not name its scene meets every rule.
"""

from collections.abc import Iterable

EVERY = "*"


def covers(patterns: Iterable[str], scene: str) -> bool:
    """Whether one of `patterns` holds for a call in `scene`."""
    return scene in ("", EVERY) or any(_covers(pattern, scene) for pattern in patterns)


def _covers(pattern: str, scene: str) -> bool:
    if pattern.endswith(".*"):
        return scene.startswith(pattern[:-1]) or scene == pattern[:-2]
    return pattern in (EVERY, scene)
