"""Compare two concurrent Slurm tasks on this machine with two processes started by hand.

Prints ``cluster_efficiency``: seconds from the command to the end of the last run for two ``mrd
generate``, each with half of the searches and bound to one processor, ÷ the seconds for ``mrd
generate --slurm``, whose tasks are bound as well. A search of one step runs before the clock
starts, so that null and ceiling exist for both.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from benchmarks.figure import figure
from benchmarks.slurm_here import slurm_here
from mrd.study.run_directory import RunDirectory
from mrd.study.study import read_study, resolve_all

SEEDS = (2, 3, 4, 5)
STEPS = 600
COMMAND = [sys.executable, "-c", "from mrd.cli.main import run; run()", "generate"]
STUDY = """\
name: cluster
targets:
  bunny: {{scene: bunny, cameras: {{kind: ring, count: 4, held_out: 1}}}}
models:
  lite: {{network: efficientnet_lite0, layers: [blocks.0, blocks.2]}}
searches:
  paint: {{attributes: [material], steps: {steps}, seeds: {seeds}, criterion: {{null: 9}}}}
"""


def main() -> None:
    """Run the same searches by hand, then through Slurm."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        halves = [prepared(folder / f"half{k}", SEEDS[k::2]) for k in (0, 1)]
        whole = prepared(folder / "whole", SEEDS)
        by_hand = timed(halves, [[str(half)] for half in halves], os.environ)
        with slurm_here(processors=2, bound=True) as environment:
            words = [str(whole), "--slurm", "time=60", "cpus=1", "--wait"]
            through_slurm = timed([whole], [words], environment)
    figure(
        "cluster_efficiency",
        by_hand / through_slurm,
        seconds={"by hand": round(by_hand, 1), "slurm": round(through_slurm, 1)},
        searches=len(SEEDS),
        steps=STEPS,
    )


def prepared(folder: Path, seeds: Sequence[int]) -> Path:
    """Write a study with some seeds, whose null and ceiling exist; return its folder."""
    folder.mkdir()
    for these, steps in ((SEEDS[:1], 1), (seeds, STEPS)):
        text = STUDY.format(seeds=list(these), steps=steps)
        (folder / "study.yaml").write_text(text, encoding="utf-8")
        if steps == 1:
            subprocess.run([*COMMAND, str(folder)], check=True, stdout=subprocess.DEVNULL)
    return folder


def timed(
    studies: Sequence[Path], words: Sequence[Sequence[str]], environment: Mapping[str, str]
) -> float:
    """Return seconds from the start of commands, one per processor, to the end of the last run."""
    began = time.time()
    processes = [
        subprocess.Popen(
            [*_bound(number, len(words)), *COMMAND, *each],
            env=environment,
            stdout=subprocess.DEVNULL,
        )
        for number, each in enumerate(words)
    ]
    codes = [process.wait() for process in processes]
    if any(codes):
        raise RuntimeError("a command failed: its messages are above")
    return max(_ended(study) for study in studies) - began


def _bound(number: int, of: int) -> list[str]:
    """Return the words that bind a command to one processor, if there are several commands."""
    return ["taskset", "--cpu-list", str(number)] if of > 1 else []


def _ended(study: Path) -> float:
    """Return when the last run of a study finished, as `time.time` counts seconds."""
    runs = [RunDirectory(study / "runs" / run.name) for run in resolve_all(read_study(study))]
    return max(datetime.fromisoformat(run.record()["finished"]).timestamp() for run in runs)


if __name__ == "__main__":
    main()
