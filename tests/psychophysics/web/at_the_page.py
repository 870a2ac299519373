"""A page in a real browser, with real key presses, and its server."""

import http.server
import json
import threading
import time
from functools import partial

LONGEST = 60  # seconds until a state is reached
STATE = """
const canvas = document.querySelector('canvas');
const name = Object.keys(localStorage).find(key => key.startsWith('mrd:web'));
return {
  text: document.querySelector('.page')?.innerText ?? null,
  part: canvas && !canvas.hidden ? canvas.dataset.part ?? null : null,
  rows: name ? JSON.parse(localStorage[name]).rows.length : 0,
};
"""
BUTTON = """
return [...document.querySelectorAll('button')].find(b => b.textContent === arguments[0]);
"""
KEYS = {"space": (" ", "Space"), "escape": ("Escape", "Escape"), "left": ("ArrowLeft",) * 2,
        "right": ("ArrowRight",) * 2} | {n: (n, f"Digit{n}") for n in "123"}  # fmt: skip
# Three frames each, to save time.
QUICK = {"fixation": 0.05, "stimulus": 0.05, "blank": 0.05, "interval": 0.05, "feedback": 0.05}
CARD = 310  # px: makes a pixel of the study's display one of the screen


class Server:
    """Serves a folder on loopback, and keeps what is sent."""

    def __init__(self, folder):
        self.received, self.broken = [], False
        outer = self

        class Handler(http.server.SimpleHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if not outer.broken:
                    outer.received.append(json.loads(body))
                self.send_response(503 if outer.broken else 200)
                self.end_headers()

            def log_message(self, *words):
                """Print nothing."""

        handler = partial(Handler, directory=folder)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Page:
    """The page in a browser."""

    def __init__(self, driver, address):
        self.driver, self.address, self.texts = driver, address, []

    def script(self, text, *arguments):
        return self.driver.execute_script(text, *arguments)

    @property
    def state(self):
        return self.script(STATE)

    def until(self, true):
        """Wait for a state."""
        end = time.monotonic() + LONGEST
        while not true(state := self.state):
            assert time.monotonic() < end, state
            time.sleep(0.01)
        return state

    def press(self, name):
        key, code = KEYS[name]
        for kind in ("rawKeyDown", "keyUp"):
            self.driver.execute_cdp_cmd(
                "Input.dispatchKeyEvent", {"type": kind, "key": key, "code": code}
            )

    def click(self, text):
        self.script(BUTTON, text).click()

    def open(self, participant="web01"):
        """Load the page, and wait for the card."""
        self.driver.get(f"{self.address}?participant={participant}")
        self.until(lambda state: state["text"] and "How large" in state["text"])

    def begin(self, card=CARD):
        """Set the size of the card, and wait for the first page."""
        self.script(
            "const slider = document.querySelector('input[type=range]');"
            "slider.value = arguments[0]; slider.dispatchEvent(new Event('input'))", card,
        )  # fmt: skip
        self.click("Go on")
        self.until(lambda state: state["text"] and "Escape pauses" in state["text"])

    def turn_pages(self):
        """Leave pages until a trial waits for an answer or the session is over."""
        while True:
            state = self.until(
                lambda state: (
                    state["part"] == "question"
                    or (state["text"] and ("space" in state["text"] or "answers" in state["text"]))
                )
            )
            if state["part"] == "question" or "space" not in state["text"]:
                return state
            self.texts.append(state["text"])
            self.press("space")
            self.until(lambda now, was=state["text"]: now["text"] != was)

    def answer(self, key):
        """Press the key of an answer, and wait for its row."""
        rows = self.state["rows"]
        self.press(key)
        self.until(lambda state: state["rows"] > rows)

    def play(self, trials, keys, right=lambda _trial: True, most=10**6, trial=None):
        """Answer trials in the order of the window; return the answered ones.

        `trial` is the current trial of the generator `trials` after a reload.
        """
        made = []
        trial = trial or next(trials)
        while trial is not None and len(made) < most:
            state = self.turn_pages()
            assert state["part"] == "question", state
            correct = trial.arrangement.correct
            choice = correct if right(trial) else (correct + 1) % len(keys)
            self.answer(keys[choice])
            made.append((trial, choice))
            try:
                trial = trials.send(choice == correct)
            except StopIteration:
                trial = None
        return made, trial

    def console(self):
        """Return errors and warnings of the console."""
        entries = self.driver.get_log("browser")
        return [entry for entry in entries if entry["level"] in ("SEVERE", "WARNING")]

    def close(self):
        self.script("localStorage.clear()")
        self.driver.get("about:blank")
