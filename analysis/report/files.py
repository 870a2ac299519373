"""Write a report: tables (CSV), figures (PNG, SVG), numbers (JSON) and one page (HTML)."""

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.config import AnalysisConfig
from analysis.findings.pixel_metamers import Trio
from analysis.findings.results import Results
from analysis.report import figures, page
from analysis.report.provenance import NUMBERS, PAGE, TABLES, ReportSource
from scenes.base.atomic_files import cannot_write, check_writable, remove_leftovers, whole_file
from stimuli.storage import one_writer

FIGURES = "figures"
SIMULATED = "simulated answers, not people’s"  # above every figure, as figures are copied


def write(
    results: Results,
    folder: Path,
    source: ReportSource,
    config: AnalysisConfig,
    examples: Mapping[str, bytes] | None = None,
    trios: Sequence[Trio] = (),
) -> Path:
    """Write tables, figures and numbers, then the page: a report that has a page is complete.

    ``tables/`` and ``figures/`` of an earlier report are replaced; other files stay. Raise if the
    folder cannot be written, or another process is writing this report.
    """
    check_writable(folder)
    with one_writer(folder / PAGE):
        (folder / PAGE).unlink(missing_ok=True)
        for name in (TABLES, FIGURES, NUMBERS):
            remove_leftovers(folder / name)
        with _replaced(folder / TABLES) as beside:
            for name, table in results.tables.items():
                stamped(table, source).to_csv(beside / f"{name}.csv", index=False)
        with _replaced(folder / FIGURES) as beside:
            for name, figure in figures.draw_figures(results).items():
                figures.save(figure, beside, name, SIMULATED if source.simulated else "")
        pictures = {path.stem: path.read_bytes() for path in (folder / FIGURES).glob("*.png")}
        with whole_file(folder / NUMBERS) as file:
            file.write_text(json.dumps(as_json(results, source, config), indent=1, allow_nan=False))
        with whole_file(folder / PAGE) as file:
            html = page.render_page(results, source, config, pictures, examples or {}, trios)
            file.write_text(html, encoding="utf-8")
    return folder / PAGE


@contextmanager
def _replaced(folder: Path) -> Iterator[Path]:
    """Yield an empty folder, which replaces `folder` if the block succeeds."""
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as name:
        fresh = Path(name) / "fresh"
        fresh.mkdir()
        try:
            yield fresh
            if folder.exists():
                folder.rename(Path(name) / "earlier")
            fresh.rename(folder)
        except OSError as error:
            raise cannot_write(folder, error) from error


def stamped(table: pd.DataFrame, source: ReportSource) -> pd.DataFrame:
    """Add hashes of the data and the version of the code to every row."""
    return table.assign(
        data_sha256=source.data_sha256[:16],
        stimuli=source.stimuli[:16],
        simulated=source.simulated,
        code_version=version("mrd-suite"),
    )


def as_json(results: Results, source: ReportSource, config: AnalysisConfig) -> dict[str, Any]:
    """Return the report as JSON types; numbers that are not finite become text, like "NaN"."""
    tables = {
        name: [{k: _plain(v) for k, v in row.items()} for row in table.to_dict("records")]
        for name, table in results.tables.items()
    }
    return {
        "source": vars(source),
        "settings": config.model_dump(mode="json"),
        "versions": page.versions(),
        "left_out": results.left_out,
        "tables": tables,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return "NaN" if np.isnan(value) else str(value)
    return value
