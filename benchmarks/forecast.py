"""The forecast of `mrd generate --dry-run` against the time that a tiny study takes.

Prints ``forecast_ratio``: seconds of `mrd generate` ÷ seconds that were forecast before, first with
nothing on disk, then for the second half of the seeds, with the first half on disk. 1 is perfect;
0.5 to 2 is the aim.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.figure import figure
from mrd.study.resolved_study import resolve_study
from mrd.study.study import read_study
from mrd.workflow.forecast import forecast
from mrd.workflow.standings import families, overview

COMMAND = [sys.executable, "-c", "from mrd.cli.main import run; run()", "generate"]
STUDY = """\
name: forecast
targets:
  bunny: {{scene: bunny, cameras: {{kind: ring, count: 4, held_out: 1, resolution: 64}}}}
models:
  lite: {{network: efficientnet_lite0, layers: [blocks.0, blocks.2]}}
series: {{kind: interpolation, levels: 2, samples: 64, cameras: [c0]}}
searches:
  paint: {{attributes: [material], steps: 60, seeds: {seeds}, criterion: {{null: 9}}}}
  wide: {{mode: diverge, attributes: [lighting], steps: 30, seeds: {seeds}, criterion: {{null: 9}}}}
"""


def main() -> None:
    """Forecast and generate twice."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "study"
        folder.mkdir()
        for kind, seeds in (("first", [1]), ("second", [1, 2])):
            (folder / "study.yaml").write_text(STUDY.format(seeds=seeds), encoding="utf-8")
            expected = forecast_seconds(folder)
            taken = seconds_of_generate(folder)
            figure(
                "forecast_ratio",
                taken / expected,
                half=kind,
                seconds={"taken": round(taken, 1), "forecast": round(expected, 1)},
            )


def forecast_seconds(folder: Path) -> float:
    """Return the forecast of the remaining work, in seconds."""
    study = resolve_study(read_study(folder))
    return forecast(study, overview(study), families(study)).seconds


def seconds_of_generate(folder: Path) -> float:
    """Return how long `mrd generate` takes, in seconds."""
    began = time.perf_counter()
    subprocess.run([*COMMAND, str(folder)], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
