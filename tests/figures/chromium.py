"""Open a page in headless Chromium and ask it things, over the DevTools protocol on a pair of pipes.

Chromium sees the page as it is: nothing is put into it, and every request that it makes is told (Network events)."""

import json
import os
import select
import shutil
import subprocess
import tempfile
import time

TIMEOUT = 300  # seconds until a hanging browser is a failure; no test depends on how fast it is
PROGRAM = next(filter(None, map(shutil.which, (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser"))), None)
# No name resolves, so that nothing can be fetched from elsewhere; root may not use the sandbox.
OPTIONS = ["--headless", "--remote-debugging-pipe", "--host-resolver-rules=MAP * ~NOTFOUND", "--disable-gpu",
           "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update", "--disable-sync",
           "--no-first-run"] + (["--no-sandbox"] if os.getuid() == 0 else [])


class Page:
    """A page that is loaded. Use as a context manager; requests holds the addresses asked for."""

    def __init__(self, url):
        self.url, self.requests, self._next, self._rest, self._events = url, [], 0, b"", []

    def __enter__(self):
        self._profile = tempfile.mkdtemp(prefix="spectrain-chromium-")
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        command = f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}'
        self._process = subprocess.Popen(
            ["bash", "-c", command, "bash", PROGRAM, *OPTIONS, f"--user-data-dir={self._profile}"],
            pass_fds=(theirs_in, theirs_out), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        os.close(theirs_in)
        os.close(theirs_out)
        try:
            self._load()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        os.close(self._in)
        os.close(self._out)
        shutil.rmtree(self._profile, ignore_errors=True)

    def _load(self):
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime"):
            self.ask(f"{domain}.enable")
        self.ask("Page.navigate", url=self.url)
        while "Page.loadEventFired" not in self._events:
            self._take(self._message())
        self.evaluate("Promise.all([...document.images].map(one => one.decode().catch(() => 0))).then(() => 0)")

    _session = None

    def ask(self, method, **parameters):
        """Send a command; its result."""
        self._next += 1
        message = {"id": self._next, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._message()
            if answer.get("id") == self._next:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self._take(answer)

    def evaluate(self, expression):
        """The value of a JavaScript expression in the page."""
        answer = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def _take(self, event):
        self._events.append(event.get("method"))
        if event.get("method") == "Network.requestWillBeSent":
            self.requests.append(event["params"]["request"]["url"])

    def _message(self):
        deadline = time.monotonic() + TIMEOUT
        while b"\0" not in self._rest:
            if not select.select([self._in], [], [], max(0, deadline - time.monotonic()))[0]:
                raise TimeoutError(f"{PROGRAM} has said nothing for {TIMEOUT} s")
            part = os.read(self._in, 1 << 16)
            if not part:
                raise RuntimeError(f"{PROGRAM} has ended")
            self._rest += part
        one, self._rest = self._rest.split(b"\0", 1)
        return json.loads(one)
