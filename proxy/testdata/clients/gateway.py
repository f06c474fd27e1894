"""The gateway of one client's cases: the built binary, with a folder of its own, before the black-box provider."""

import json
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request

BODY_LIMIT = 10 << 20
READ_SECONDS = 3
START_SECONDS = 60
ANNOUNCED = re.compile(r"msg=serving address=127\.0\.0\.1:(\d+)")
# Planted in the environment of every gateway: what a run leaves is searched for them.
PROVIDER_KEY = "sk-planted-provider-key-3f9d27c1"
ADMIN_TOKEN = "planted-admin-token-5b0a9be2d1f84c67a3e0"
SEAL_KEY = "5ea1" * 16


class Gateway:
    """One gateway, started, stopped and killed at the drivers' word. Its log lives through restarts."""

    def __init__(self, binary, folder):
        folder.mkdir()
        self.binary, self.folder, self.log = binary, folder, folder / "log"
        self.database = folder / "cache.db"
        self.process = self.url = None

    def configure(self, provider):
        settings = {
            "listen": "127.0.0.1:0",
            "db": str(self.database),
            "default_provider": "box",
            "default_anthropic_provider": "box",
            "providers": {
                "box": {"base_url": provider + "/v1"},
                "dead": {"base_url": "http://127.0.0.1:1/v1"},
                "keyed": {"base_url": provider + "/v1", "api_key_env": "BLACKBOX_PROVIDER_KEY"},
                "openai-box": {"base_url": provider + "/v1", "kind": "openai"},
                "anthropic-box": {"base_url": provider + "/v1", "kind": "anthropic"},
                "cohere-box": {"base_url": provider + "/v2", "kind": "cohere"},
                "azure-box": {"base_url": provider + "/openai", "kind": "azure-openai", "deployment_id": "d-1"},
            },
            "limits": {"max_body_bytes": BODY_LIMIT},
            "timeouts": {"read": f"{READ_SECONDS}s"},
            "log": {"level": "debug"},
        }
        (self.folder / "reprise.yaml").write_text(json.dumps(settings))  # which YAML is a superset of

    @staticmethod
    def environment():
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("OPENAI_", "ANTHROPIC_", "REPRISE_"))}
        return clean | {"BLACKBOX_PROVIDER_KEY": PROVIDER_KEY, "REPRISE_ADMIN_TOKEN": ADMIN_TOKEN, "REPRISE_KEYS_SEAL_KEY": SEAL_KEY}

    def start(self):
        began = self.log.stat().st_size if self.log.exists() else 0
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [self.binary, "serve", "--config", self.folder / "reprise.yaml"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment(),
            )  # fmt: skip
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and self.process.poll() is None:
            said = self.log.read_bytes()[began:].decode(errors="replace")
            if found := ANNOUNCED.search(said):
                self.url = f"http://127.0.0.1:{found.group(1)}"
                if self.ready():
                    return
            time.sleep(0.02)
        said = self.log.read_bytes()[began:].decode(errors="replace")
        raise RuntimeError(f"the gateway did not become ready; its log:\n{said[-3000:]}")

    def ready(self):
        try:
            with urllib.request.urlopen(self.url + "/readyz", timeout=5) as answer:
                return answer.status == 200
        except (OSError, urllib.error.URLError):
            return False

    def wait(self):
        return self.process.wait(START_SECONDS)

    def act(self, what):
        """The drivers' side of it: what is one of url, log, start, term, wait, kill."""
        if what == "start":
            self.start()
        elif what == "term":  # comes back once it takes no more work, and does not wait for its end
            self.process.send_signal(signal.SIGTERM)
            until = time.monotonic() + START_SECONDS
            while self.ready():
                if time.monotonic() > until:
                    raise RuntimeError("it is still ready after SIGTERM")
                time.sleep(0.02)
        elif what == "wait":
            return {"code": self.wait()}
        elif what == "kill":
            self.process.kill()
            self.wait()
        elif what == "log":
            return {"log": self.log.read_text(errors="replace")}
        elif what != "url":
            raise RuntimeError(f"no such action {what!r}")
        return {"url": self.url}

    def said(self, *words):
        """What a command says of the gateway's settings and files, which it must not be serving."""
        done = subprocess.run(
            [self.binary, *words, *([] if words[-1] == "keys" else ["--config", self.folder / "reprise.yaml"])],
            capture_output=True, text=True, timeout=START_SECONDS, stdin=subprocess.DEVNULL, env=self.environment(),
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)} ended with {done.returncode}: {done.stderr[-2000:]}")
        return done.stdout + done.stderr

    def close(self):
        """Stops it and returns the exit code; kills it if it will not end."""
        if self.process is None or self.process.poll() is not None:
            return self.process and self.process.returncode
        self.process.terminate()
        try:
            return self.wait()
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
