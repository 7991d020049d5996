"""Owns how what was heard and found on a call becomes a row: its columns, the words sealed.

Called by `Ledger`. What people said stands in `words_sealed` alone, so that it can be erased; what
stands open beside it are words of the rules.
"""

import json
from dataclasses import astuple
from datetime import datetime

from policy.ledger.moment import micros
from policy.ledger.rows import Value
from policy.ledger.seal import Seal
from policy.speech.doubt import Doubt, SecondLook
from policy.speech.finding import Finding
from policy.speech.utterance import Utterance


def utterance(keys: Seal, call_id: str, said: Utterance) -> dict[str, Value]:
    """A final utterance."""
    words = {
        "text": said.text,
        "tokens": [[each.text, round(each.start_s, 3)] for each in said.tokens],
        "voice": astuple(said.voice) if said.voice else None,
        "second_pass": said.second_pass,
    }
    return {
        "call_id": call_id,
        "utterance_id": said.utterance_id,
        "leg": said.leg.value,
        "start_s": float(said.start_s),
        "end_s": float(said.end_s),
        "words_sealed": keys.sealed_words(words),
    }


def second_look(keys: Seal, call_id: str, doubt: Doubt, look: SecondLook) -> dict[str, Value]:
    """Seconds in doubt, and what was heard in them."""
    return {
        "call_id": call_id,
        "doubt_id": doubt.doubt_id,
        "leg": doubt.leg.value,
        "start_s": float(doubt.start_s),
        "end_s": float(doubt.end_s),
        "phrases": json.dumps(doubt.phrases, ensure_ascii=False),
        "confidence": float(look.confidence),
        "looked": int(look.looked),
        "words_sealed": keys.sealed_words({"heard": look.heard}),
    }


def finding(keys: Seal, call_id: str, found: Finding, now: datetime) -> dict[str, Value]:
    """A finding, or a change of its status."""
    words = {
        "heard_text": found.heard_text,
        "heard_pinyin": found.heard_pinyin,
        "before": found.before,
        "after": found.after,
    }
    return {
        "call_id": call_id,
        "finding_id": found.finding_id,
        "at": micros(now),
        "rule": found.rule,
        "pack": found.pack,
        "title_zh": found.title.zh,
        "title_en": found.title.en,
        "severity": found.severity.value,
        "rulebook_version": found.rulebook.version,
        "rulebook_digest": found.rulebook.digest,
        "leg": found.leg.value,
        "start_s": float(found.start_s),
        "end_s": float(found.end_s),
        "matched": found.matched,
        "confidence": float(found.confidence),
        "status": found.status.value,
        "raised_s": float(found.raised_s),
        "words_sealed": keys.sealed_words(words),
    }
