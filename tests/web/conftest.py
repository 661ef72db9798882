"""State documents as agents make them, and a headless Chromium that talks to loopback only."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

from tests.timing import PATIENCE
from vedette.clock import MICROSECONDS
from vedette.messages.state import (
    AgentState,
    BehaviourState,
    Cell,
    ContactState,
    MessageState,
    Panel,
    PresenceState,
)

NOW = 1_795_305_600 * MICROSECONDS
_CHROMIUM_ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    # Whatever a page names, nothing but loopback is ever looked up.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)


def _before(seconds: float) -> int:
    return NOW - int(seconds * MICROSECONDS)


def _behaviours() -> list[BehaviourState]:
    return [
        BehaviourState(
            name="probe tls-certificate www.example.org",
            state="waiting",
            runs=288,
            failures=1,
            last_error="TimeoutError: no answer from www.example.org:443 within 10 s",
            last_error_at=_before(3 * 3600 + 120),
            last_run_at=_before(41),
            counters={"as expected": 285, "deviates": 2},
        ),
        BehaviourState(
            name="deliver", state="running", runs=1204, last_run_at=_before(3), counters={"delivered": 1200}
        ),
        BehaviourState(
            name="register",
            state="backing off",
            runs=4,
            failures=3,
            last_error="ConnectionFailedError: registry@localhost did not answer within 5 s; trying again in 8 s",
            last_error_at=_before(6),
            last_run_at=_before(6),
        ),
        BehaviourState(name="answer state", state="paused", runs=18, last_run_at=_before(900)),
        BehaviourState(name="watch configuration", state="stopped", runs=1, last_run_at=_before(86_000)),
        BehaviourState(name="migrate outbox", state="finished", runs=1, last_run_at=_before(86_300)),
    ]


def _messages() -> list[MessageState]:
    batch = '{"manifest":{"text":"{\\"agent\\":\\"probe1@localhost\\",\\"epoch\\":\\"7c1e\\",\\"first\\":1198}"}}' * 4
    return [
        MessageState(
            at=_before(3),
            direction="in",
            peer="aggregation@localhost",
            performative="confirm",
            action="deliver",
            size=1_184,
            excerpt='{"receipt":{"engine":"aggregation@localhost","log_index":5120,"head":"9f3a…"}}',
            outcome="accepted: 3 items confirmed",
        ),
        MessageState(
            at=_before(3.2),
            direction="out",
            peer="aggregation@localhost",
            performative="inform",
            action="deliver",
            size=23_411,
            excerpt=batch[:400],
            outcome="confirmed in 182 ms",
        ),
        MessageState(
            at=_before(75),
            direction="in",
            peer="stranger@example.net",
            performative="request",
            action="state",
            size=2,
            excerpt="{}",
            outcome="refused: stranger@example.net is not enrolled",
        ),
        MessageState(
            at=_before(86_290),
            direction="out",
            peer="registry@localhost",
            performative="request",
            action="register",
            size=812,
            excerpt='{"card":{"kind":"vedette-card/1","jid":"probe1@localhost","role":"probe"}}',
        ),
    ]


def _contacts() -> list[ContactState]:
    return [
        ContactState(jid="registry@localhost", role="registry", show="available", since=_before(86_300)),
        ContactState(
            jid="aggregation@localhost",
            role="aggregation",
            show="dnd",
            status="queue full: 10,000 items wait for the store",
            since=_before(65),
        ),
        ContactState(
            jid="probe2@localhost", role="probe", show="away", status="paused by operator", since=_before(4000)
        ),
        ContactState(jid="rt@localhost", role="rt", show="gone", status="lost its connection", since=_before(7400)),
        ContactState(jid="misp@localhost", show="unknown"),
    ]


def _panel() -> Panel:
    def row(seconds: float, target: str, verdict: Cell, size: str, took: str) -> list[Cell]:
        return [
            Cell(text=str(_before(seconds)), kind="time"),
            Cell(text=target),
            verdict,
            Cell(text=size, kind="bytes"),
            Cell(text=took, kind="count"),
            Cell(text=f"tls-certificate --timeout 10 -- {target}", kind="code"),
        ]

    return Panel(
        title="Last runs",
        columns=["Started", "Target", "Verdict", "Result", "Milliseconds", "Command"],
        rows=[
            row(41, "www.example.org:443", Cell(text="as expected", kind="good"), "4182", "183"),
            row(341, "www.example.org:443", Cell(text="deviates: expires in 6 days", kind="bad"), "4182", "1120"),
            row(641, "mail.example.org:993", Cell(text="slow answer", kind="warn"), "3977", "9480"),
        ],
    )


@pytest.fixture
def full_state() -> AgentState:
    """A probe in the middle of its work, with something of everything."""
    return AgentState(
        jid="probe1@localhost",
        role="probe",
        software="0.1.0",
        place="Rack 4, Luxembourg",
        fingerprint="3fa19c02d5b84e7788a0c1f2e3d4b5a697887766554433221100ffeeddcc77e0",
        server="127.0.0.1:5222",
        started_at=_before(86_400 + 4000),
        now=NOW,
        presence=PresenceState(show="available", status="3 checks scheduled", since=_before(86_350)),
        counters={"runs": 1_204, "delivered": 1_200, "waiting": 4, "deviations": 2, "refused": 1, "dead letters": 0},
        notes=["Self-asserted time: the proofs of this fleet come from its own time-stamping authority."],
        behaviours=_behaviours(),
        messages=_messages(),
        contacts=_contacts(),
        panels=[_panel(), Panel(title="Deviations", columns=["Seen", "What"], rows=[], empty="No deviation so far.")],
    )


@pytest.fixture
def empty_state() -> AgentState:
    """An agent that has just been made."""
    return AgentState(
        jid="probe1@localhost",
        role="probe",
        software="0.1.0",
        fingerprint="",
        server="",
        started_at=NOW,
        now=NOW,
        presence=PresenceState(show="unknown", since=NOW),
    )


HOSTILE = (
    "<script>window.ran = 1</script>",
    "<img src=x onerror=window.ran=1>",
    '"><svg onload=window.ran=1>',
    "' onmouseover='window.ran=1' x='",
    "javascript:window.ran=1",
    '<a href="javascript:window.ran=1">click</a>',
    "</title></style></textarea><script>window.ran=1</script>",
    "<!--<script>window.ran=1</script>-->",
    "<iframe srcdoc='<script>parent.ran=1</script>'></iframe>",
    "<base href=//example.invalid/><link rel=stylesheet href=//example.invalid/x.css>",
    "<meta http-equiv=refresh content='0;url=//example.invalid/'>",
    "{{ 7 * 7 }}{% raw %}${7*7}",
    "&lt;script&gt;window.ran=1&lt;/script&gt;",
    "invoice\u202egpj.exe\u2066\u200f",
    "nul\x00bell\x07escape\x1b[31mdelete\x7fnext\x85",
    "line\u2028paragraph\u2029zero\u200bwidth\ufeff",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1f1\U0001f1fa \u0635\u0628\u0627\u062d z\u0351\u0352\u0353",
    "A" * 100_000,
    "<b>" * 33_000,
)
"""Texts that a peer could send in place of every string."""


def hostile(base: AgentState, text: str) -> AgentState:
    """Return the state with `text` in every string that is free."""

    def poison(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {(text if key == "counters" else name): poison(item, name) for name, item in value.items()}
        if isinstance(value, list):
            return [poison(item, key) for item in value]
        fixed = key in {"show", "state", "direction", "kind"}
        return text if isinstance(value, str) and not fixed else value

    return AgentState.model_validate(poison(base.model_dump()))


MakeHostile = Callable[[AgentState, str], AgentState]


@pytest.fixture(scope="session")
def make_hostile() -> MakeHostile:
    """What puts one text everywhere."""
    return hostile


@pytest.fixture(params=range(len(HOSTILE)), ids=lambda index: f"text{index}")
def hostile_text(request: pytest.FixtureRequest) -> str:
    """One of the corpus."""
    return HOSTILE[request.param]


@pytest.fixture
def hostile_state(full_state: AgentState) -> AgentState:
    """Every part of the state, once for each text of the corpus."""
    states = [hostile(full_state, text) for text in HOSTILE]
    first = hostile(full_state, HOSTILE[1])
    return first.model_copy(
        update={
            "notes": list(HOSTILE),
            "counters": dict.fromkeys(HOSTILE, 10**15),
            "behaviours": [state.behaviours[0] for state in states],
            "messages": [state.messages[0] for state in states],
            "contacts": [state.contacts[1] for state in states],
            "panels": [
                Panel(title=text, columns=[text] * 16, rows=[[Cell(text=text, kind="code")] * 20]) for text in HOSTILE
            ],
        }
    )


def _unavailable(reason: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}, and CI must run the browser tests", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """A headless Chromium of its own, ended with its driver."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        _unavailable("chromium or chromedriver is not installed (packages chromium, chromium-driver)")
    options = Options()
    options.binary_location = chromium
    for argument in (*_CHROMIUM_ARGUMENTS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = webdriver.Chrome(options=options, service=Service(executable_path=driver))
    chrome.set_page_load_timeout(PATIENCE)
    chrome.set_script_timeout(PATIENCE)
    try:
        yield chrome
    finally:
        chrome.quit()


@pytest.fixture(scope="session")
def screenshots() -> Path | None:
    """The folder to leave screenshots in, when somebody wants to look (VEDETTE_SCREENSHOTS)."""
    folder = os.environ.get("VEDETTE_SCREENSHOTS")
    if not folder:
        return None
    Path(folder).mkdir(parents=True, exist_ok=True)
    return Path(folder)
