"""Owns the configuration file, `/etc/callwarden/callwarden.yaml`: its keys, their defaults, and
reading it with every problem named at its line and column.

Every room reads its section from here. A missing file means the defaults; a missing file that was
named by hand is a problem.
"""

import ipaddress
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from callwarden import located_yaml
from callwarden.alert_settings import Alerts
from callwarden.problems import Problem, ProblemsFound
from callwarden.setting_values import Dialect, Endpoint, Mirror, Section, SupervisorEndpoint

DEFAULT_FILE = Path("/etc/callwarden/callwarden.yaml")

Address = Annotated[
    str,
    StringConstraints(pattern=r"^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):\d{1,5}$"),
    Field(description="HOST:PORT"),
]


RecognizerAddress = Annotated[
    str,
    StringConstraints(
        pattern=r"^((dns:///)?(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):\d{1,5}|xds:///[A-Za-z0-9._:-]+)$"
    ),
    Field(description="HOST:PORT, dns:///HOST:PORT or xds:///NAME"),
]


class Rules(Section):
    """Which rulebook is in force."""

    folder: Path | None = Field(None, description="rulebooks; the shipped ones when not given")
    packs: tuple[str, ...] = Field(("house",), description="dialling packs, all must allow")
    speech: tuple[str, ...] = Field(("base",), description="speech packs")


class Speech(Section):
    """What is known of calls before a word is said on them."""

    products: Path | None = Field(
        None, description="file of products: annual_rate_percent, risk_level, fees_percent of each"
    )
    dialect: Dialect = Field("", description='what most customers speak: "cmn", "yue", …')
    campaign_dialects: dict[str, Dialect] = Field(
        {}, description="the same for single campaigns, by their ids"
    )
    region_dialects: dict[str, Dialect] = Field(
        {},
        description="the same by where a number is from, where the campaign says nothing: "
        "`广东: yue`, `Sichuan: cmn-sichuan`, `HK: yue`",
    )


class Gate(Section):
    """Deciding before a call is dialled."""

    listen: Address = Field("127.0.0.1:4573", description="FastAGI")
    http: Address | None = Field(
        None,
        description="the same over HTTP, for `CURL()`, e.g. 127.0.0.1:4577; off when not given",
    )
    http_token: str = Field(
        "",
        pattern="^([!-~]{16,256})?$",
        description="what its field `token` must hold; needed off loopback",
    )
    deadline_ms: int = Field(1000, ge=50, le=1400, description="refuse when not decided by then")
    region: str = Field(
        "CN", pattern="^[A-Z]{2}$", description="country of numbers without a prefix"
    )

    @model_validator(mode="after")
    def _http_needs_a_token(self) -> "Gate":
        if self.http and not self.http_token and not is_loopback(self.http):
            raise ValueError("http is not on loopback: set http_token, or use 127.0.0.1")
        return self


class Asterisk(Section):
    """The PBX."""

    ari_url: str = Field("http://127.0.0.1:8088", pattern="^https?://", description="http.conf")
    ari_user: str = Field("callwarden", description="section in ari.conf")
    ari_password: str = Field("", description="its password")
    ari_application: str = Field(
        "callwarden",
        pattern="^[a-z][a-z0-9_-]{0,38}$",
        description="name of the Stasis application, and prefix of all that the fork makes",
    )
    trunks: tuple[Endpoint, ...] = Field(
        (),
        description="endpoints towards customers, such as PJSIP/trunk or PJSIP/carrier-*: a call "
        "that reaches one without a decision is reported",
    )
    supervisor_endpoint: SupervisorEndpoint | None = Field(
        None,
        description="the phone that is rung to listen in, such as PJSIP/{extension}; needs trunks",
    )
    ami: Address = Field("127.0.0.1:5038", description="manager.conf")
    ami_user: str = Field("callwarden", description="section in manager.conf")
    ami_secret: str = Field("", description="its secret")

    @model_validator(mode="after")
    def _no_trunk_is_rung(self) -> "Asterisk":
        if self.supervisor_endpoint and not self.trunks:
            raise ValueError(
                "supervisor_endpoint needs trunks: name the endpoints towards customers, so that "
                "none of them is ever rung to listen in"
            )
        return self


class Media(Section):
    """The fork of each party's audio out of Asterisk."""

    transport: Literal["websocket", "rtp"] = Field(
        "websocket", description="websocket: 20.16, 21.11, 22.6 and later; rtp: 16.6 and later"
    )
    listen: Address = Field("127.0.0.1:4575", description="where Asterisk brings the audio")
    websocket_client: str = Field("callwarden", description="section in websocket_client.conf")
    rtp_ports: tuple[int, int] = Field((14000, 14998), description="first and last port")
    message_ms: int = Field(100, ge=20, le=500, multiple_of=20, description="audio a message")

    @field_validator("rtp_ports")
    @classmethod
    def _ascending(cls, ports: tuple[int, int]) -> tuple[int, int]:
        if not 1024 <= ports[0] < ports[1] <= 65535:
            raise ValueError("must be two ports between 1024 and 65535, the lower one first")
        return ports


Device = Annotated[
    str,
    StringConstraints(pattern=r"^(cpu|cuda(:\d{1,2})?)$"),
    Field(description="cpu, cuda or cuda:N"),
]


class RecognizerPool(Section):
    """Workers that hold one model, for the calls of some dialects."""

    model: Path = Field(description="model folder, or the name of one")
    dialects: tuple[Dialect, ...] = Field(
        (), description="whose calls it takes; none: those that no other pool is for"
    )
    workers: int = Field(1, ge=1, le=64, description="processes that hold the model")
    threads: int = Field(1, ge=1, le=16, description="decoding threads a worker")
    device: Device = Field("cpu", description="where it computes: cpu, cuda or cuda:N")
    second_pass: Path | None = Field(
        None, description="folder of a stronger model that hears finished utterances once more"
    )


class Recognizer(Section):
    """Turning audio into utterances and findings."""

    address: RecognizerAddress | Annotated[tuple[RecognizerAddress, ...], Field(min_length=1)] = (
        Field(
            "127.0.0.1:4576",
            description="where the gateway finds it; several as a list, or all of a name as "
            "dns:///HOST:PORT",
        )
    )
    listen: Address = Field("127.0.0.1:4576", description="where it serves")
    model: Path | None = Field(None, description="model folder; searched for when not given")
    second_pass: Path | None = Field(
        None, description="folder of a stronger model that hears finished utterances once more"
    )
    workers: int = Field(1, ge=1, le=64, description="processes that hold the model")
    threads: int = Field(1, ge=1, le=16, description="decoding threads a worker")
    device: Device = Field("cpu", description="where it computes: cpu, cuda or cuda:N")
    pools: tuple[RecognizerPool, ...] = Field(
        (),
        description="several models, by the dialect of calls, in place of model, second_pass, "
        "workers, threads and device: a list of those keys with `dialects`",
    )
    identify_s: float = Field(
        0.0,
        ge=0,
        le=8,
        description="seconds of a customer's speech by which a call of no known dialect is given "
        "to a pool, held back until then; needs a SenseVoice or Whisper model in a pool; 0: not",
    )
    metrics: Address | None = Field(None, description="Prometheus, e.g. 127.0.0.1:9474")
    most_lag_s: float = Field(
        1.0,
        ge=0,
        le=30,
        description="when words come later, calls are refused and running ones go without what "
        "matters least; 0: never",
    )
    most_calls: int = Field(0, ge=0, description="never more at once, however fast; 0: no limit")
    drain_s: float = Field(
        30.0, ge=0, le=3600, description="what running calls may still take after SIGTERM"
    )
    pin: bool = Field(False, description="keep each worker on a processor core of its own")
    silence: Literal["skip", "decode"] = Field(
        "skip", description="what becomes of silence; skip: a gate hears it, the model does not"
    )

    @field_validator("pools")
    @classmethod
    def _one_pool_a_dialect(cls, pools: tuple[RecognizerPool, ...]) -> tuple[RecognizerPool, ...]:
        taken = [each for pool in pools for each in pool.dialects or ("",)]
        twice = sorted({each for each in taken if taken.count(each) > 1})
        if twice:
            raise ValueError(f"two pools take the calls of {twice[0] or 'every other dialect'}")
        return pools

    @property
    def addresses(self) -> tuple[str, ...]:
        """All of `address`."""
        return (self.address,) if isinstance(self.address, str) else self.address


class Models(Section):
    """Where speech models are fetched."""

    mirrors: tuple[Mirror, ...] = Field(
        (), description="tried in this order before upstream: URL/ARCHIVE.tar.bz2"
    )


class Oversight(Section):
    """The operator API that the console uses."""

    listen: Address = Field("127.0.0.1:4574", description="where the gateway serves it")
    address: Address = Field("127.0.0.1:4574", description="where the console finds it")
    browser: Address | None = Field(
        None,
        description="pages to listen to a call in a browser, e.g. 127.0.0.1:4578: the name by "
        "which browsers reach this box; off when not given",
    )
    people: Path | None = Field(
        None,
        description="file of people and teams: who may see and do what; without one only this box "
        "is served, and everybody on it is admin",
    )
    token_file: Path | None = Field(
        None, description="the console's: file that holds the token of whoever sits at it"
    )


class LedgerKeeping(Section):
    """Proving that the ledger is as it was written, and what it keeps."""

    checkpoint_every_s: int = Field(
        60, ge=1, le=86_400, description="how often the ledger's head is signed and sent"
    )
    checkpoint_file: Path | None = Field(
        None, description="file that checkpoints are appended to, on another machine's disk"
    )
    checkpoint_syslog: str = Field(
        "",
        pattern=r"^(|(udp|tcp)://[A-Za-z0-9.-]+(:\d{1,5})?|unix:///[^\s]+)$",
        description="udp://HOST:PORT, tcp://HOST:PORT or unix:///dev/log (RFC 5424)",
    )
    checkpoint_webhook: str = Field(
        "", pattern=r"^(|https?://[^\s]+)$", description="URL that each one is posted to as JSON"
    )
    retain_days: int | None = Field(
        None,
        ge=1,
        le=36_600,
        description="`log retain` erases personal data older than that, never sooner than a pack "
        "wants it kept; the packs' longest term when not given",
    )


Notify = Literal["off", "osc9", "osc777"]


class Console(Section):
    """The terminal that a supervisor keeps open."""

    theme: Literal["dark", "light"] = Field("dark", description="colours it begins with")
    bell: bool = Field(False, description="the terminal's bell at a new alert")
    notify: Notify = Field(
        "off",
        description="a desktop notification by the terminal, over SSH too: osc9 (iTerm2, Windows "
        "Terminal, WezTerm, Ghostty) or osc777 (GNOME Terminal, foot, Konsole, urxvt)",
    )
    keys: dict[str, str] = Field(
        {}, description="other keys, by the ids of actions (`?` lists them): `hang-up: ctrl+x`"
    )


class Tls(Section):
    """Certificates for gRPC (PEM files). With `client_ca`, clients must show one of theirs."""

    certificate: Path | None = Field(None, description="this end's certificate")
    key: Path | None = Field(None, description="its private key")
    ca: Path | None = Field(None, description="whom clients trust")
    client_ca: Path | None = Field(None, description="whom servers trust: mutual TLS")


class Log(Section):
    level: Literal["debug", "info", "warning", "error"] = Field("info", description="least level")
    form: Literal["json", "console"] = Field("json", description="a line's form")


class Settings(Section):
    """The whole file. Every key has a default; the file needs only what differs."""

    state: Path = Field(Path("/var/lib/callwarden"), description="ledger, keys, models")
    rules: Rules = Rules()
    speech: Speech = Speech()
    gate: Gate = Gate()
    asterisk: Asterisk = Asterisk()
    media: Media = Media()
    recognizer: Recognizer = Recognizer()
    models: Models = Models()
    oversight: Oversight = Oversight()
    alerts: Alerts = Alerts()
    ledger: LedgerKeeping = LedgerKeeping()
    console: Console = Console()
    tls: Tls = Tls()
    metrics: Address | None = Field(None, description="Prometheus, e.g. 127.0.0.1:9473")
    log: Log = Log()
    locale: Literal["zh", "en"] = Field("zh", description="language of screens and messages")

    @property
    def ledger_file(self) -> Path:
        return self.state / "ledger.sqlite3"

    @property
    def ledger_key_file(self) -> Path:
        return self.state / "keys" / "ledger.key"

    @property
    def models_folder(self) -> Path:
        return self.state / "models"


def load(file: Path | None) -> Settings:
    """Settings from `file`, or from the default place, or the defaults where there is no file.

    Raises ProblemsFound: unreadable, not YAML, unknown keys, values out of bounds, all at once.
    """
    found = document(file)
    return Settings() if found is None else located_yaml.validate(found, Settings)


def document(file: Path | None) -> located_yaml.LocatedDocument | None:
    """The same file with the places of its values, for what a room checks itself; None where there
    is none. Raises ProblemsFound: unreadable, not YAML."""
    chosen = file or DEFAULT_FILE
    if file is None and not chosen.exists():
        return None
    try:
        text = chosen.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ProblemsFound(
            [Problem(str(chosen), 1, 1, "(document)", f"cannot be read: {why}")]
        ) from None
    return located_yaml.read(text, str(chosen))


def is_loopback(address: str) -> bool:
    """Whether only this box reaches HOST:PORT."""
    if address.startswith("xds:"):
        return False
    host, _ = split_address(address)
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def split_address(address: str) -> tuple[str, int]:
    """`"127.0.0.1:4573"` as host and port; an IPv6 host loses its brackets."""
    host, _, port = address.removeprefix("dns:///").rpartition(":")
    return host.strip("[]"), int(port)
