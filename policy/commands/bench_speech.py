"""Owns `callwarden bench speech`: what the speech rules cost, and that it does not grow with their
number.

The base pack and a generated one of 500 rules with 5,000 phrases hear the same sentences in turns,
within one run: everyday talk in which one syllable of ten is misheard, a phrase of the pack in
every third. Timed is one final utterance of 30 syllables from the first syllable to the findings,
on a call of its own. No sentence comes twice; what the rulebooks have learnt from earlier ones
they keep, as they do on calls.
"""

import gc
import random
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import cycle
from typing import Final

import click
from tqdm import tqdm

from callwarden.command import with_settings
from callwarden.figures import Figure, percentile, report
from callwarden.settings import Settings
from policy import rulebook
from policy.speech.circumstances import CallCircumstances
from policy.speech.conversation import Conversation
from policy.speech.dialogue_test import Turn, utterances
from policy.speech.pack import SpeechPack, parsed
from policy.speech.phrase import Choice, Gap, Reference, Sequence, Text
from policy.speech.rulebook import SpeechRulebook
from policy.speech.utterance import Token, Utterance

_BAR_MS: Final = 1.0
_BAR_RATIO: Final = 1.5
_RULES, _PHRASES_EACH = 500, 10
_SYLLABLES = 30
_MISHEARD = 0.1
_HIT_EVERY = 3
_SEED: Final = 20251123

_TALK: Final = """
您好我是银行的客户经理请问您现在说话方便吗 嗯你好我现在在外面你有什么事情就说吧
我们最近推出了一款新的产品想跟您介绍一下 这个产品的期限是一年风险等级是二级比较稳健
您之前有没有买过类似的产品呢 我之前买过一些基金但是去年跌了不少 那您平时主要是做什么投资呢
利率的话要看您的资质和用途审批下来才知道 您可以先在手机银行上看一下额度 每个月大概要还多少钱呢
我这边看到您有一笔账单还没有还清 上个月出差忘记了不好意思 您看什么时候方便处理一下呢
我下周三发了工资就可以还上 好的那我帮您备注一下到时候再跟您确认 合同已经发到您的邮箱里了请您查收
保险的话我们家里人都已经买过了 那您了解过重大疾病的保障范围吗 这个要交多少年才能拿回来
我先跟我爱人商量商量再给你答复 您的身份信息我这边跟您核对一下可以吗
今天外面雨下得特别大路上堵得要命 孩子马上要开学了最近比较忙 您稍等一下我这边帮您查询
系统显示您的申请正在审核当中 大概需要三到五个工作日 如果有问题您可以随时拨打客服热线
周末我们也有人值班的 我想问一下提前还款有没有手续费 这个是按照合同上面约定的比例收取的
我家楼下新开了一家超市东西又便宜又新鲜 昨天晚上看球赛看到半夜一点多 你们公司的地址是在哪里呀
坐地铁二号线出来走五分钟就到了 那麻烦您把资料准备一下我们约个时间 身份证和银行卡带上就可以了
行那就这样吧谢谢你啊 不客气祝您生活愉快再见
"""


@dataclass
class _Heard:
    """One rulebook, and how long its utterances took in milliseconds."""

    rules: SpeechRulebook
    said: list[list[str]]
    """Its phrases as syllables with tones, one way to say each."""
    compiled_s: float
    took_ms: list[float] = field(default_factory=list)
    growing_ms: list[float] = field(default_factory=list)
    found: int = 0

    @classmethod
    def of(cls, packs: list[SpeechPack], chosen: random.Random) -> "_Heard":
        identity = rulebook.load(None, (), ()).identity
        began_s = time.perf_counter()
        rules = SpeechRulebook.compile(packs, identity)
        took_s = time.perf_counter() - began_s
        said = []
        for each in packs:
            ways = parsed(each.patterns)
            for name in sorted(each.patterns):
                said += [_syllables(_one_way(way, ways, chosen)) for way in ways[name]]
        return cls(rules, said, took_s)

    def hear(self, utterance: Utterance) -> None:
        conversation = Conversation(self.rules, CallCircumstances("*"))
        began_s = time.perf_counter()
        self.found += len(conversation.hear(utterance))
        self.took_ms.append((time.perf_counter() - began_s) * 1000)

    def hear_growing(self, utterance: Utterance) -> None:
        """The same utterance as on a call: a partial for every second syllable."""
        conversation = Conversation(self.rules, CallCircumstances("*"))
        parts = [
            replace(utterance, tokens=utterance.tokens[:length], settled=length, final=False)
            for length in range(2, _SYLLABLES, 2)
        ]
        began_s = time.perf_counter()
        for part in [*parts, utterance]:
            conversation.hear(part)
        self.growing_ms.append((time.perf_counter() - began_s) * 1000)


@click.command(epilog="Example: callwarden bench speech --utterances 2000")
@click.option("--utterances", "count", default=2000, show_default=True, type=click.IntRange(100))
@click.option("--json", "as_json", is_flag=True, help="Figures as JSON.")
@with_settings
def speech(configured: Settings, count: int, as_json: bool) -> int:
    """Measure the speech rules: the base pack against 500 rules with 5,000 phrases.

    Exit code 1 when a figure misses its bar.
    """
    chosen = random.Random(_SEED)  # noqa: S311 -- the same sentences and rules in every run
    [base] = rulebook.read(None, (), ("base",)).speech
    heard = [_Heard.of([base], chosen), _Heard.of([_generated(base, chosen)], chosen)]
    gc.collect()
    gc.freeze()  # as a service does once its rules are loaded
    talk = _talk(chosen)
    try:
        for index in tqdm(range(count), desc="heard", unit="utterance", disable=None):
            around = [next(talk) for _ in range(_SYLLABLES)]
            # whichever is asked first meets the colder caches
            for one in heard if index % 2 else heard[::-1]:
                spoken = one.said[index % len(one.said)] if index % _HIT_EVERY == 0 else []
                utterance = _utterance(around, spoken, chosen)
                if index % 4 == 1:
                    one.hear_growing(utterance)
                else:
                    one.hear(utterance)
    finally:
        gc.unfreeze()
    return report("bench speech", list(_figures(*heard)), as_json=as_json)


def _figures(base: _Heard, many: _Heard) -> Iterator[Figure]:
    how = f"one utterance of {_SYLLABLES} syllables; {len(many.took_ms)} timed"
    for name, one in (("base pack", base), ("500 rules, 5,000 phrases", many)):
        bar = _BAR_MS if one is many else None
        yield Figure(f"{name}, p50", percentile(one.took_ms, 0.5), "ms", how=how)
        yield Figure(f"{name}, p99", percentile(one.took_ms, 0.99), "ms", bar=bar)
        grown = percentile(one.growing_ms, 0.5)
        yield Figure(f"{name}, growing in 15 partials, p50", grown, "ms")
        yield Figure(f"{name}, findings", one.found, "")
        yield Figure(f"{name}, compiled in", one.compiled_s, "s")
    ratio = statistics.median(many.took_ms) / statistics.median(base.took_ms)
    yield Figure("the one to the other, medians", ratio, "", bar=_BAR_RATIO)


def _utterance(around: list[str], spoken: list[str], chosen: random.Random) -> Utterance:
    """Talk with a phrase in the middle of it, some of it misheard."""
    before = max(0, (_SYLLABLES - len(spoken)) // 2)
    said = [*around[:before], *spoken, *around[before:]][:_SYLLABLES]
    said = [chosen.choice(around) if chosen.random() < _MISHEARD else each for each in said]
    heard = utterances([Turn(agent="好" * _SYLLABLES)])[0]
    tokens = tuple(Token(text, each.start_s) for text, each in zip(said, heard.tokens, strict=True))
    return replace(heard, tokens=tokens, text=" ".join(said))


def _talk(chosen: random.Random) -> Iterator[str]:
    """Everyday sentences in no order, syllable by syllable."""
    sentences = [_syllables(each) for each in _TALK.split()]
    while True:
        yield from chosen.choice(sentences)


def _syllables(text: str) -> list[str]:
    [heard] = utterances([Turn(agent=text)])
    return [each.text for each in heard.tokens]


def _generated(base: SpeechPack, chosen: random.Random) -> SpeechPack:
    """Phrases of the base pack's words, put together anew: a third of them plain, a third with a
    gap, a third with alternatives; with the base pack's guards."""
    words = sorted({each for ways in parsed(base.patterns).values() for each in _words(ways)})
    forms = cycle(
        ("{0}{1}", "{0}…{1}", "({0}|{1}){2}", "{0}{1}{2}", "{0}…3({1}|{2})", "[{0}]{1}{2}")
    )
    patterns: dict[str, object] = {
        name: pattern.model_dump() for name, pattern in base.patterns.items() if "words." in name
    }
    for rule in range(_RULES):
        patterns[f"generated.{rule}"] = {
            "phrases": [next(forms).format(*chosen.sample(words, 3)) for _ in range(_PHRASES_EACH)],
            "not_preceded_by": ["<words.denied>"],
            "not_followed_by": ["<words.denied-after>", "吗"],
        }
    rules = [
        {
            "id": f"generated.{rule}",
            "kind": "said",
            "title": {"zh": "生成", "en": "Generated"},
            "severity": "minor",
            "scenes": ["*"],
            "leg": "agent",
            "patterns": [f"generated.{rule}"],
            "citation": "house rule",
        }
        for rule in range(_RULES)
    ]
    return SpeechPack.model_validate(
        {"pack": "generated", "version": "1", "patterns": patterns, "rules": rules}
    )


def _words(ways: list[Sequence]) -> Iterator[str]:
    """Whole words of two to four characters."""
    for way in ways:
        for part in way:
            if isinstance(part, Text) and 2 <= len(part.marks) <= 4 and part.marks.isalpha():
                yield part.marks
            elif isinstance(part, Choice):
                yield from _words(list(part.ways))


def _one_way(said: Sequence, ways: dict[str, list[Sequence]], chosen: random.Random) -> str:
    words = ""
    for part in said:
        match part:
            case Text(marks):
                words += marks
            case Gap():
                words += "这个"
            case Reference(name):
                words += _one_way(chosen.choice(ways[name]), ways, chosen)
            case Choice(choices):
                words += _one_way(chosen.choice(choices), ways, chosen)
            case _:
                words += "百分之七"
    return words
