"""The Analytics Hub in a browser, watched: what it asks, and what it complains of."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import httpx
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Request, WebSocket

from api.graphiql import STATIC
from tests.system.program import PROJECT, Up, succeeded

AXE: Final = PROJECT / "web" / "node_modules" / "axe-core" / "axe.min.js"
WIDE: Final = 1440
NARROW: Final = 390
HEIGHT: Final = 900
PATIENCE: Final = 60.0
"""Seconds; for busy machines."""
# What WCAG 2.2 asks at levels A and AA.
RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]

Role = Literal["VIEWER", "ANALYST", "MANAGER", "ADMIN"]
Scheme = Literal["light", "dark"]
Json = dict[str, Any]


@dataclass(slots=True)
class Product:
    """The whole product with the sample fund, and tokens of people with each role in it."""

    up: Up
    fund: str
    _tokens: dict[Role, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where it is."""
        return self.up.url

    def token(self, role: Role = "ADMIN") -> str:
        """The token of somebody who has this role in the sample fund, and no other."""
        if role not in self._tokens:
            email = f"{role.lower()}@example.org"
            options = ("--subject", email, "--role", role, "--fund", self.fund)
            self._tokens[role] = succeeded("token", *options, data_dir=self.up.data_dir).strip()
        return self._tokens[role]

    def answers(self) -> bool:
        """Whether the API is there and ready."""
        try:
            return httpx.get(f"{self.url}/readyz").is_success
        except httpx.TransportError:
            return False

    async def ask(self, query: str, role: Role = "ADMIN", **variables: object) -> Json:
        """What the API answers, without errors."""
        headers = {"authorization": f"Bearer {self.token(role)}"}
        async with httpx.AsyncClient(headers=headers, timeout=30) as client:
            answer = await client.post(f"{self.url}/graphql", json={"query": query, "variables": variables})
        told: Json = answer.json()
        assert "errors" not in told, told
        data: Json = told["data"]
        return data


class Window:
    """A window of the hub: one page, which keeps what it keeps to itself, and all that it did.

    Attributes:
        complaints: Errors and warnings of the console, broken policies, exceptions.
        strangers: Addresses of other servers that it asked.
        untrusted: Documents it sent that aren't in the manifest.
        told: Versions of the facts that its WebSockets were told of.
        bears_outage: Whether it may complain that the server is away.
    """

    def __init__(self, product: Product, page: Page) -> None:
        self.product = product
        self.page = page
        self.complaints: list[str] = []
        self.strangers: list[str] = []
        self.untrusted: list[str] = []
        self.told: list[int] = []
        self.bears_outage = False
        self._trusted = frozenset(json.loads((STATIC / "documents.json").read_text()).values())
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._see)
        page.on("websocket", self._watch)

    def _note(self, message: ConsoleMessage) -> None:
        lost = "ERR_CONNECTION" in message.text or "WebSocket connection" in message.text
        if message.type in ("error", "warning") and not (self.bears_outage and lost):
            self.complaints.append(message.text)

    def _see(self, request: Request) -> None:
        if not request.url.startswith((f"{self.product.url}/", "blob:", "data:")):
            self.strangers.append(request.url)
        if request.url == f"{self.product.url}/graphql" and request.method == "POST":
            self._check(json.loads(request.post_data or "{}"))

    def _watch(self, socket: WebSocket) -> None:
        socket.on("framesent", lambda text: self._check(json.loads(text).get("payload") or {}))
        socket.on("framereceived", self._hear)

    def _hear(self, text: str | bytes) -> None:
        message = json.loads(text)
        if message["type"] == "next" and (fact := (message["payload"].get("data") or {}).get("fundEvents")):
            self.told.append(fact["version"])

    def _check(self, asked: Json) -> None:
        if "query" in asked and asked["query"] not in self._trusted:
            self.untrusted.append(asked["query"])

    async def open(self, path: str = "", *, role: Role = "ADMIN") -> None:
        """Opens a link with the token of somebody with a role; `path` goes on after the fund's address."""
        address = f"{self.product.url}/funds/{self.product.fund}/{path}" if path else f"{self.product.url}/"
        await self.page.goto(f"{address}#token={self.product.token(role)}&fund={self.product.fund}")
        await self.settled()

    async def settled(self) -> None:
        """Returns once all that is shown answers what was asked last."""
        await self.page.locator("main#content").wait_for()
        await self.until("document.querySelector('main [aria-busy=true]') === null")

    async def until(self, holds: str) -> None:
        """Returns once an expression in JavaScript holds; as a function, for the page's policy forbids texts to run."""
        look = f"const look = () => ({holds}) ? resolve() : setTimeout(look, 10); look();"
        async with asyncio.timeout(PATIENCE):
            await self.page.evaluate(f"() => new Promise((resolve) => {{ {look} }})")

    async def figures(self) -> dict[str, str]:
        """The key figures that are shown, by name."""
        shown: dict[str, str] = await self.page.evaluate(
            """Object.fromEntries([...document.querySelectorAll('main dl > div')].map((entry) => [
                 entry.querySelector('dt').innerText, entry.querySelector('dd .figure').innerText.replace('minus ', ''),
               ]))"""
        )
        return shown

    async def axe(self, rule: str | None = None) -> list[str]:
        """What axe finds against WCAG 2.2 AA, or one rule of it: each violation's rule, and where."""
        if not await self.page.evaluate("'axe' in window"):
            await self.page.evaluate(AXE.read_text(encoding="utf-8"))
        asked = {"type": "tag", "values": RULES} if rule is None else {"type": "rule", "values": [rule]}
        # What answers an older question is dimmed until the answer is there: looked at again then.
        found: list[str] = []
        for _ in range(3):
            await self.until("document.querySelector('.stale') === null")
            found = await self.page.evaluate(
                """async (runOnly) => {
                     const { violations } = await axe.run({ runOnly });
                     return violations.flatMap(({ id, nodes }) =>
                       nodes.map(({ target, failureSummary }) => `${id} ${target}: ${failureSummary}`));
                   }""",
                asked,
            )
            if not any(fault.startswith("color-contrast") for fault in found):
                break
        return found

    async def overhang(self) -> int:
        """By how many pixels the page is wider than its window."""
        widths = "const { scrollWidth, clientWidth } = document.documentElement;"
        wider: int = await self.page.evaluate(f"() => {{ {widths} return scrollWidth - clientWidth; }}")
        return wider

    def check_kept_to_itself(self) -> None:
        """Nothing was complained of, and nobody else was asked for anything."""
        assert self.complaints == [], self.complaints
        assert self.strangers == [], self.strangers
        assert self.untrusted == []


async def profile(browser: Browser, width: int, scheme: Scheme) -> BrowserContext:
    """A new profile, whose windows are of this width and colour scheme."""
    made = await browser.new_context(
        viewport={"width": width, "height": HEIGHT},
        color_scheme=scheme,
        # Nothing fades: what is dimmed while it waits is whole again with its answer.
        reduced_motion="reduce",
        locale="en-US",
        timezone_id="America/New_York",
    )
    await made.grant_permissions(["clipboard-read", "clipboard-write"])
    return made


async def recorded(within: Locator, button: str, *, presses: int = 1) -> None:
    """Presses the button that records; what came to the fund since the check asks for another look."""
    done = within.get_by_text("Recorded", exact=True)
    again = within.get_by_role("button", name="Check again")
    while True:
        await within.get_by_role("button", name=button, exact=True).click(click_count=presses)
        await done.or_(again).wait_for()
        if await done.is_visible():
            return
        await again.click()
