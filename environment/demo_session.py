"""Run a session of a study in a real window, without a screen and without a person.

``demo_session.py STUDY`` starts Xvfb, an X server that draws into memory, runs ``mrd experiment
run`` in it, and presses keys with xdotool: space, then a random answer key, repeatedly. Space turns
pages; early answers, and space within a trial, are ignored. The answers are guesses, so they are
stored in STUDY/window/, separate from those of people in STUDY/data/. `EXPLANATION` is printed and
written there.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

PAUSE = 0.12  # seconds between presses
SETTLING = 0.5  # seconds after which the socket of a new X server is checked
ANSWERS = ("1", "2", "3")
EXPLANATION = """\
A test of the experiment's window: a program presses random keys in a real window, on a screen in
memory. The answers are in {folder}/data; the report does not use them.
"Images with dropped frames": the computer missed a refresh of the screen while it showed them, so
they stayed too long. Here that says how busy the computer was. With people, close other programs
if it is more than 1 %.
"""
MRD = "from mrd.cli.main import run; run()"


def copied_study(study: Path) -> Path:
    """Create a folder with the same study and stimulus set, for the random answers."""
    folder = study / "window"
    folder.mkdir(exist_ok=True)
    shutil.copyfile(study / "study.yaml", folder / "study.yaml")
    stimuli = folder / "stimuli.h5"
    stimuli.unlink(missing_ok=True)
    stimuli.symlink_to(Path("..", "stimuli.h5"))
    (folder / "README.txt").write_text(EXPLANATION.format(folder=folder), encoding="utf-8")
    return folder


def session(study: Path) -> int:
    """Run the session, and return the exit code of ``mrd``."""
    folder = copied_study(study)
    print(EXPLANATION.format(folder=folder), flush=True)
    server, display = x_server()
    environment = {**os.environ, "DISPLAY": display}
    words = ["experiment", "run", str(folder), "--participant", "xvfb"]
    try:
        command = [sys.executable, "-c", MRD, *words, "--uncalibrated", "--pace", "--window"]
        program = subprocess.Popen(command, env=environment)
        try:
            press_keys(program, environment)
        finally:
            program.terminate()
        return program.wait()
    finally:
        server.terminate()
        server.wait()


def finished(study: Path) -> bool:
    """Return whether the session was finished before."""
    records = Path(study, "window", "data").glob("sub-xvfb/**/*_beh.json")
    return any(json.loads(path.read_text(encoding="utf-8"))["Finished"] for path in records)


def x_server(attempts: int = 5) -> tuple[subprocess.Popen[bytes], str]:
    """Start Xvfb on a free display.

    A server that ends at the same moment can delete the socket of a new one with the same number;
    then another one is started.
    """
    server, display = new_x_server()
    time.sleep(SETTLING)
    if attempts > 1 and not Path(f"/tmp/.X11-unix/X{display[1:]}").exists():
        server.terminate()
        server.wait()
        return x_server(attempts - 1)
    return server, display


def new_x_server() -> tuple[subprocess.Popen[bytes], str]:
    """Start Xvfb; return it and the display that it chose."""
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1280x1024x24"]
    server = subprocess.Popen(
        [*command, "-nolisten", "tcp"], pass_fds=[writing], stderr=subprocess.DEVNULL
    )
    os.close(writing)
    with os.fdopen(reading) as pipe:
        return server, f":{pipe.readline().strip()}"


def press_keys(program: subprocess.Popen[bytes], environment: dict[str, str]) -> None:
    """Press keys until the program ends."""
    rng = random.Random(1)
    while program.poll() is None:
        for key in ("space", rng.choice(ANSWERS)):
            words = ["xdotool", "key", key]  # fails when the window, its last client, has closed
            subprocess.run(words, env=environment, check=False, stderr=subprocess.DEVNULL)
            time.sleep(PAUSE / 2)


if __name__ == "__main__":
    sys.exit(0 if finished(Path(sys.argv[1])) else session(Path(sys.argv[1])))
