"""The web UI in headless Chromium, against a suite with the sample business.

HEADWATER_TEST_SUITE names the folder of one that runs; otherwise one is started and filled, which takes minutes.
HEADWATER_TEST_WEB is where the UI is looked at, when that is not the suite's own gateway (a development server).
A page that writes an error to the console fails its test.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from headwater.home import Home
from testkit.private_servers import suite_folder
from testkit.servers import AMQP, POSTGRES, RABBITMQ_API, wanted_kind

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Playwright

ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = ROOT / "build" / "screenshots"
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
ROLES = {
    "rep": "sales_rep",
    "manager": "sales_manager",
    "leader": "leader",
    "agent": "agent",
    "supervisor": "agent_supervisor",
    "marketer": "marketer",
    "finance": "finance",
}
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
LONGEST_MS = 15_000
SIGN_IN_TRIES = 20
AWAY = (502, 503, 504)

if find_spec("playwright") is None:  # `make test` needs neither a browser nor its driver
    collect_ignore_glob = ["test_*.py"]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test of this folder is one of the browser."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def home() -> Iterator[Home]:
    """The folder of a suite with the sample business."""
    if running := os.environ.get("HEADWATER_TEST_SUITE"):
        yield Home(Path(running))
        return
    with suite_folder() as folder:
        yield from _demo(folder)


def _demo(folder: Path) -> Iterator[Home]:
    servers = {}
    if wanted_kind(os.environ) == "environment":
        servers = {
            "HEADWATER_POSTGRES_URL": os.environ[POSTGRES],
            "HEADWATER_AMQP_URL": os.environ[AMQP],
            "HEADWATER_RABBITMQ_API": os.environ[RABBITMQ_API],
        }
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("HEADWATER_", "PYTEST_"))} | {
        "HEADWATER_RUN": str(folder),
        "HEADWATER_NAME": f"e2e_{secrets.token_hex(3)}",
        **servers,
    }

    def headwater(*words: str, seconds: int) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "headwater", *words],
            env=environment,
            capture_output=True,
            text=True,
            timeout=seconds,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"

    try:
        headwater("demo", "--detach", "--months", "3", seconds=900)
        yield Home(folder)
    finally:
        headwater("down", seconds=120)


@pytest.fixture(scope="session")
def address(home: Home) -> str:
    """Where the UI is."""
    return os.environ.get("HEADWATER_TEST_WEB", home.url()).rstrip("/")


@pytest.fixture(scope="session")
def driver() -> Iterator[Playwright]:
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=LONGEST_MS)
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def browser(driver: Playwright) -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if not chromium:
        pytest.fail("the browser tests need chromium: apt-get install chromium fonts-wqy-microhei")
    arguments = ["--disable-background-networking"]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")
    browser = driver.chromium.launch(executable_path=chromium, args=arguments)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def signed_in(browser: Browser, home: Home, address: str) -> Callable[[str], Any]:
    """`signed_in("rep")`: the cookies of the one session that all tests share of that role's person."""

    @cache
    def sign_in(role: str) -> Any:
        context = browser.new_context(base_url=address)
        headers = {"Headwater-Session": "cookie", "Headwater-Csrf": "1"}
        for _ in range(SIGN_IN_TRIES):
            answer = context.request.post("/v1/session", data=somebody(home, role), headers=headers)
            if answer.status not in AWAY:
                break
        assert answer.ok, answer.text()
        state = context.storage_state()
        context.close()
        return state

    return sign_in


@pytest.fixture
def page_as(browser: Browser, address: str, signed_in: Callable[[str], Any]) -> Iterator[Callable[..., Page]]:
    """`page_as("rep", language="zh", theme="dark", phone=True)`: a page of somebody in that role, signed in.

    Each call is a browser of its own. The end of the test fails on what any of them wrote to its console, but for
    what `page_as.allowed` (patterns) lets pass.
    """
    contexts = []
    said: list[str] = []

    def open_page(
        role: str = "", *, language: str = "en", theme: str = "light", phone: bool = False, worker: bool = False
    ) -> Page:
        context = browser.new_context(
            **({"storage_state": signed_in(role)} if role else {}),
            base_url=address,
            viewport=PHONE if phone else DESKTOP,
            has_touch=phone,
            is_mobile=phone,
            color_scheme=theme,
            locale={"zh": "zh-CN", "en": "en-GB"}[language],
            service_workers="allow" if worker else "block",
        )
        contexts.append(context)
        context.set_default_timeout(LONGEST_MS)
        page = context.new_page()
        page.on("pageerror", lambda error: said.append(f"{page.url}: {error}"))
        page.on(
            "console",
            lambda line: (
                said.append(f"{page.url}: {line.text} {line.location.get('url', '')}") if line.type == "error" else None
            ),
        )
        return page

    open_page.allowed = []  # type: ignore[attr-defined]
    yield open_page
    for context in contexts:
        context.close()
    allowed: list[str] = open_page.allowed  # type: ignore[attr-defined]
    assert [line for line in said if not any(re.search(pattern, line) for pattern in allowed)] == []


def somebody(home: Home, role: str) -> dict[str, str]:
    """Login and password of the first of the sample business's people in that role; "admin" is the administrator."""
    state: dict[str, Any] = home.read()
    people = [state["administrator"] | {"role": "admin"}, *state.get("people", [])]
    wanted = ROLES.get(role, role)
    found = next((person for person in people if person["role"] == wanted), None)
    assert found, f"nobody is {wanted}; there are {sorted({person['role'] for person in people})}"
    return {"login": found["login"], "password": found["password"]}


@pytest.fixture(scope="session")
def login_of(home: Home) -> Callable[[str], dict[str, str]]:
    """`login_of("rep")`: login and password, for tests that sign in by hand."""
    return lambda role: somebody(home, role)


@pytest.fixture
def shot() -> Callable[[Page, str], None]:
    """`shot(page, "customers-en-light")`: build/screenshots/customers-en-light.png."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)

    def take(page: Page, name: str) -> None:
        page.screenshot(path=SCREENSHOTS / f"{name}.png", animations="disabled")

    return take


@pytest.fixture
def faults() -> Callable[[Page], list[str]]:
    """`faults(page)`: what axe finds that is serious or critical, by rule and place."""

    def find(page: Page) -> list[str]:
        if not page.evaluate("() => 'axe' in window"):
            page.evaluate(AXE.read_text(encoding="utf-8"))
        found = page.evaluate(
            "() => axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']})"
        )
        return [
            f"{each['id']} ({each['impact']}): {node['target']} {node['failureSummary']}"
            for each in found["violations"]
            if each["impact"] in ("serious", "critical")
            for node in each["nodes"][:5]
        ]

    return find
