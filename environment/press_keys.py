"""Press keys as a participant would, for the demo and for tests: ``press_keys.py KEY [KEY …]``.

Presses space, then one of the keys at random, again and again until its standard input closes.
Needs xdotool and an X server (DISPLAY). Pages go on with space; answers that come too early, and
space during a trial, count for nothing.
"""

import random
import select
import subprocess
import sys

PAUSE = 0.12  # seconds between presses


def press_keys(keys: list[str], seed: int = 1) -> None:
    """Press until standard input closes."""
    rng = random.Random(seed)
    while not select.select([sys.stdin], [], [], PAUSE)[0]:
        subprocess.run(["xdotool", "key", "space"], check=False)
        subprocess.run(["xdotool", "key", rng.choice(keys)], check=False)


if __name__ == "__main__":
    press_keys(sys.argv[1:])
