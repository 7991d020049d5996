"""Listening in a browser: a link works once and not for long, and what comes is the call, the
agent on the left and the customer on the right."""

import asyncio
import ssl
from array import array
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from callwarden.settings import Tls
from gateway.browser.pages import GOOD_S, Pages
from gateway.media.tap import FRAME, Tap
from policy.speech.utterance import Leg
from tests.calls.browser import Browser
from tests.calls.heard import Clock, tone
from tests.certificates import issue
from tests.gate.waiting import until

AGENT_HZ, CUSTOMER_HZ = 440.0, 1000.0


class Talk:
    """A call in which both parties say one tone, and who taps it."""

    def __init__(self) -> None:
        self.taps: set[Tap] = set()
        self.up = True
        self._speaking = asyncio.get_running_loop().create_task(self._speak())

    def tap(self) -> Tap:
        if not self.up:
            raise KeyError
        made = Tap(self.taps.discard)
        self.taps.add(made)
        return made

    def end(self) -> None:
        self.up = False
        self._speaking.cancel()
        for tap in self.taps:
            tap.ended()

    async def _speak(self) -> None:
        agent, customer = tone(AGENT_HZ, 1.0), tone(CUSTOMER_HZ, 1.0)
        began = asyncio.get_running_loop().time()
        for first in range(0, 1 << 20, FRAME):
            place = 2 * (first % 8000)
            for tap in self.taps:
                tap.hear(Leg.AGENT, first, agent[place : place + 2 * FRAME])
                tap.hear(Leg.CUSTOMER, first, customer[place : place + 2 * FRAME])
            due = began + (first + FRAME) / 8000
            await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))


@pytest.fixture
async def talk() -> AsyncIterator[Talk]:
    made = Talk()
    yield made
    made.end()


@pytest.fixture
async def clock() -> Clock:
    return Clock()


@pytest.fixture
async def pages(clock: Clock) -> AsyncIterator[Pages]:
    made = Pages(clock)
    await made.start("127.0.0.1:0", Tls())
    yield made
    await made.close()


async def hears_the_call(browser: Browser) -> None:
    await until(
        lambda: (
            browser.seconds() > 1
            and browser.heard(0, AGENT_HZ) > 2000
            and browser.heard(1, CUSTOMER_HZ) > 2000
        ),
        within_s=15,
    )
    assert browser.heard(0, CUSTOMER_HZ) < 100
    assert browser.heard(1, AGENT_HZ) < 100


async def test_both_legs_are_heard_until_the_call_is_over(pages: Pages, talk: Talk) -> None:
    _, link = pages.offer(talk.tap)
    async with Browser(link) as browser:
        await hears_the_call(browser)
        talk.end()
        assert await browser.over() == "over"
    await until(lambda: not talk.taps)


async def test_a_link_works_once(pages: Pages, talk: Talk) -> None:
    _, link = pages.offer(talk.tap)
    async with Browser(link):
        with pytest.raises(InvalidStatus, match="403"):
            await Browser(link).__aenter__()
        async with httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get(link)).status_code == 410
    await until(lambda: not talk.taps)
    with pytest.raises(InvalidStatus, match="403"):
        await Browser(link).__aenter__()


async def test_a_link_is_good_for_minutes(pages: Pages, talk: Talk, clock: Clock) -> None:
    listening_id, link = pages.offer(talk.tap)
    clock.at_s += GOOD_S + 1
    with pytest.raises(InvalidStatus, match="403"):
        await Browser(link).__aenter__()
    with pytest.raises(KeyError):
        await pages.end(listening_id)


async def test_it_ends_when_it_is_ended(pages: Pages, talk: Talk) -> None:
    listening_id, link = pages.offer(talk.tap)
    async with Browser(link) as browser:
        await until(lambda: talk.taps)
        await pages.end(listening_id)
        assert await browser.over() == "ended"
    unused, link = pages.offer(talk.tap)
    await pages.end(unused)
    with pytest.raises(InvalidStatus, match="403"):
        await Browser(link).__aenter__()


async def test_the_page_is_whole_and_says_what_it_may(pages: Pages, talk: Talk) -> None:
    _, link = pages.offer(talk.tap)
    async with httpx.AsyncClient(trust_env=False) as client:
        page = await client.get(link)
        guessed = await client.get(f"{link}x")
        elsewhere = await client.get(link.replace("/listen/", "/"))
    assert (page.status_code, guessed.status_code, elsewhere.status_code) == (200, 410, 404)
    assert "http:" not in page.text.replace("replace(/^http/", "")
    assert "src=" not in page.text
    assert "旁听通话" in page.text
    assert "Listening in" in page.text
    assert page.headers["Cache-Control"] == "no-store"
    nonce = page.headers["Content-Security-Policy"].partition("script-src 'nonce-")[2][:22]
    assert page.text.count(f'nonce="{nonce}"') == 2


async def test_over_tls(talk: Talk, tmp_path: Path) -> None:
    certificate, key = issue(tmp_path, "gateway")
    pages = Pages()
    await pages.start("127.0.0.1:0", Tls(certificate=certificate, key=key))
    _, link = pages.offer(talk.tap)
    assert link.startswith("https://")
    trusted = ssl.create_default_context(cafile=certificate)
    async with Browser(link, trusted) as browser:
        await until(lambda: browser.seconds() > 0.1, within_s=10)
    await pages.close()


def test_a_tap_gives_what_was_said_in_its_place_and_silence_else() -> None:
    tap = Tap(lambda _: None)
    one = array("h", [1] * FRAME).tobytes()
    for first in range(0, 20 * FRAME, FRAME):
        tap.hear(Leg.AGENT, first, one)
    heard = [array("h", tap.read()) for _ in range(10)]
    assert all(set(each[0::2]) == {1} and set(each[1::2]) == {0} for each in heard)
    assert set(array("h", tap.read())) == {0}, "nothing has come yet"
    tap.hear(Leg.CUSTOMER, 500 * FRAME, one)
    later = [array("h", tap.read()) for _ in range(11)]
    assert any(set(each[1::2]) == {1} for each in later)
    assert not any(1 in each[0::2] for each in later), "what is long past is not heard again"
