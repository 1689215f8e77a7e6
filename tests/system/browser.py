"""A real Chromium over the Chrome DevTools Protocol: what a page shows, asks for and complains about."""

import asyncio
import base64
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import websockets

WAIT_SECONDS = 30.0
FLAGS = (
    "--headless",
    "--no-sandbox",  # it refuses to run as root otherwise
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",  # small in containers
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Nothing but this machine can be reached, even by a request that escaped our notice.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--window-size=1600,1000",
    "--remote-debugging-port=0",
)

# Playwright talks to it by a pipe, and chooses how it hides.
PIPED_FLAGS = [flag for flag in FLAGS if not flag.startswith(("--headless", "--remote-debugging"))]

Json = dict[str, Any]


NO_BROWSER = "no browser: neither DRYPOWDER_TEST_BROWSER nor /usr/bin/chromium"
"""Why a test of pages is skipped."""


def browser_path() -> str | None:
    """DRYPOWDER_TEST_BROWSER, or a Chromium where Debian puts it."""
    return os.environ.get("DRYPOWDER_TEST_BROWSER") or shutil.which("/usr/bin/chromium")


class DevToolsError(Exception):
    """A command that the browser refused."""


@dataclass
class Page:
    """One tab.

    Attributes:
        requested: Every address that the page or one of its workers asked for, WebSockets too.
        sent: What it sent through WebSockets.
        complaints: Errors of the console, exceptions, blocked and failed requests, breaches of its policy.
    """

    socket: websockets.ClientConnection
    requested: list[str] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    session: str = ""
    _numbers: Any = field(default_factory=lambda: count(1))
    _waiting: dict[int, "asyncio.Future[Json]"] = field(default_factory=dict)
    _attaching: set["asyncio.Task[None]"] = field(default_factory=set)

    async def call(self, method: str, session: str | None = None, **parameters: object) -> Json:
        """A command's answer."""
        number = next(self._numbers)
        answered = self._waiting[number] = asyncio.get_running_loop().create_future()
        message: Json = {"id": number, "method": method, "params": parameters}
        if session or self.session:
            message["sessionId"] = session or self.session
        await self.socket.send(json.dumps(message))
        answer = await asyncio.wait_for(answered, WAIT_SECONDS)
        if "error" in answer:
            raise DevToolsError(f"{method}: {answer['error']['message']}")
        result: Json = answer["result"]
        return result

    async def listen(self) -> None:
        """Takes in what the browser tells, until it ends."""
        # Told to end, it just goes.
        with suppress(websockets.ConnectionClosedError):
            async for text in self.socket:
                message = json.loads(text)
                if "id" in message:
                    self._waiting.pop(message["id"]).set_result(message)
                else:
                    self._note(message["method"], message["params"])

    def _note(self, method: str, told: Json) -> None:
        match method:
            case "Network.requestWillBeSent":
                self.requested.append(told["request"]["url"])
            case "Network.webSocketCreated":
                self.requested.append(told["url"])
            case "Network.webSocketFrameSent":
                self.sent.append(told["response"]["payloadData"])
            case "Network.loadingFailed" if not told.get("canceled"):
                self.complaints.append(f"failed: {told['errorText']}")
            case "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(told["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if told["type"] in ("error", "warning", "assert"):
                self.complaints.append(json.dumps(told["args"]))
            case "Log.entryAdded" if told["entry"]["level"] in ("error", "warning"):
                self.complaints.append(json.dumps(told["entry"]))
            case "Audits.issueAdded" if told["issue"]["code"] == "ContentSecurityPolicyIssue":
                self.complaints.append(json.dumps(told["issue"]))
            case "Target.attachedToTarget" if self.session:
                task = asyncio.get_running_loop().create_task(self._watch(told["sessionId"]))
                self._attaching.add(task)
                task.add_done_callback(self._attaching.discard)

    async def _watch(self, worker: str) -> None:
        """Has a worker's requests and errors told from its first instruction on."""
        for method in ("Network.enable", "Runtime.enable", "Runtime.runIfWaitingForDebugger"):
            await self.call(method, worker)

    async def open(self) -> None:
        """Opens the tab, empty."""
        target = await self.call("Target.createTarget", url="about:blank")
        attached = await self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "Audits"):
            await self.call(f"{domain}.enable")
        await self.call("Target.setAutoAttach", autoAttach=True, waitForDebuggerOnStart=True, flatten=True)

    async def go(self, url: str) -> None:
        """Loads an address anew, even where only its fragment is another."""
        await self.call("Page.navigate", url="about:blank")
        answer = await self.call("Page.navigate", url=url)
        assert "errorText" not in answer, answer

    async def evaluate(self, script: str) -> Any:  # noqa: ANN401 - whatever JSON the script gives
        """What a piece of JavaScript gives."""
        answer = await self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise DevToolsError(json.dumps(answer["exceptionDetails"]))
        return answer["result"].get("value")

    async def until(self, script: str) -> None:
        """Returns once an expression in JavaScript holds."""
        async with asyncio.timeout(WAIT_SECONDS):
            while not await self.evaluate(script):
                await asyncio.sleep(0.05)

    async def has_sent(self, text: str) -> None:
        """Returns once a WebSocket has sent a text."""
        async with asyncio.timeout(WAIT_SECONDS):
            while not any(text in frame for frame in self.sent):
                await asyncio.sleep(0.02)

    async def text(self, selector: str) -> str:
        """What an element shows; empty while there is none."""
        return str(await self.evaluate(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''"))

    async def shows(self, selector: str, text: str) -> None:
        """Returns once an element shows a text, however it is broken into lines.

        Raises:
            AssertionError: If it doesn't in time.
        """
        shown = ""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                while _unspaced(text) not in _unspaced(shown):
                    shown = await self.text(selector)
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"{selector} shows {shown!r} instead of {text!r}; {self.complaints}") from None

    async def click(self, selector: str, place: int = 0) -> None:
        """Clicks into the middle of an element, the first unless another is meant, once nothing covers it."""
        at = None
        async with asyncio.timeout(WAIT_SECONDS):
            while at is None:
                at = await self.evaluate(
                    f"""(() => {{
                      const element = document.querySelectorAll({json.dumps(selector)})[{place}];
                      const box = element?.getBoundingClientRect();
                      const at = box && {{ x: box.x + box.width / 2, y: box.y + box.height / 2 }};
                      return at && element.contains(document.elementFromPoint(at.x, at.y)) ? at : null;
                    }})()"""
                )
        for kind in ("mousePressed", "mouseReleased"):
            await self.call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **at)

    async def paste(self, selector: str, text: str) -> None:
        """Replaces the whole text of an editor: all selected, then pasted over."""
        await self.click(selector)
        for kind in ("rawKeyDown", "keyUp"):
            await self.call(
                "Input.dispatchKeyEvent",
                type=kind,
                modifiers=2,  # Ctrl
                key="a",
                code="KeyA",
                windowsVirtualKeyCode=65,
            )
        await self.evaluate(
            f"""(() => {{
              const clipboardData = new DataTransfer();
              clipboardData.setData('text/plain', {json.dumps(text)});
              const paste = new ClipboardEvent('paste', {{ clipboardData, bubbles: true, cancelable: true }});
              document.activeElement.dispatchEvent(paste);
            }})()"""
        )

    async def screenshot(self, path: Path) -> None:
        """Writes what the tab shows as PNG."""
        answer = await self.call("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(answer["data"]))


def _unspaced(text: str) -> str:
    return "".join(text.split())


@asynccontextmanager
async def browsing(executable: str, folder: Path) -> AsyncIterator[Page]:
    """A browser of its own with one empty tab; its profile and log lie in `folder`."""
    profile = folder / "profile"
    with (folder / "browser.log").open("w") as log:
        process = await asyncio.create_subprocess_exec(
            executable,
            *FLAGS,
            f"--user-data-dir={profile}",
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            port, path = await _debugging_address(process, profile / "DevToolsActivePort")
            async with websockets.connect(f"ws://127.0.0.1:{port}{path}", max_size=None) as socket:
                page = Page(socket)
                listening = asyncio.ensure_future(page.listen())
                await page.open()
                yield page
                page.session = ""
                await page.call("Browser.close")
                await asyncio.wait_for(listening, WAIT_SECONDS)
        finally:
            if process.returncode is None:
                try:
                    await asyncio.wait_for(process.wait(), 10)
                except TimeoutError:
                    process.kill()
                    await process.wait()


async def _debugging_address(process: asyncio.subprocess.Process, told: Path) -> tuple[str, str]:
    async with asyncio.timeout(WAIT_SECONDS):
        while not told.exists() or len(told.read_text().splitlines()) < 2:
            assert process.returncode is None, (told.parent.parent / "browser.log").read_text()
            await asyncio.sleep(0.02)
    port, path = told.read_text().splitlines()
    return port, path
