"""``mrd calibrate``: measure the display, and save the table that corrects it."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from mrd.cli.tables import console, number, table
from mrd.study.study import read_study
from psychophysics.config import ExperimentConfig
from psychophysics.lab import calibration
from psychophysics.lab.photometer_readings import read_readings, write_readings
from scenes.base.errors import InputError, printable


def calibrate(
    study: Annotated[
        Path, typer.Argument(metavar="STUDY", help="A study.yaml, or the folder that holds it.")
    ],
    photometer: Annotated[
        str, typer.Option(help="As PsychoPy calls it, such as LS100 or ColorCAL.")
    ] = "",
    port: Annotated[str | None, typer.Option(help="Its serial port; all without it.")] = None,
    typed: Annotated[
        bool, typer.Option("--typed", help="Show patches; readings are typed in the window.")
    ] = False,
    readings: Annotated[
        Path | None,
        typer.Option(help="A file of readings taken before: gun,value,luminance in cd/m²."),
    ] = None,
    patches: Annotated[int, typer.Option(min=5, max=64, help="Patches of each gun.")] = 9,
    windowed: Annotated[
        bool, typer.Option("--window", help="A window instead of the full screen.")
    ] = False,
) -> None:
    """Measure the display, and save its look-up table.

    One table from sRGB to the display of the study's experiment.
    """
    described = read_study(study)
    asked = described.experiment or ExperimentConfig()
    if (bool(photometer), typed, readings is not None).count(True) != 1:
        raise InputError("choose one of --photometer NAME, --typed and --readings FILE")
    path = described.folder / asked.display.calibration
    if readings is not None:
        how = f"file {readings.name}"
        made = calibration.fit(read_readings(readings), _facts(how))
    else:
        take = calibration.photometer(photometer, port) if photometer else None
        how = photometer or "typed readings"
        made = _kept(_shown(asked, patches, windowed, take), _facts(how), path)
    calibration.save(made, path)
    residuals = made.residuals()
    console().print(
        table(
            ("gun", "dark cd/m²", "range cd/m²", "gamma", "offset", "largest residual cd/m²", "at"),
            (
                (
                    off.gun,
                    number(gun.dark),
                    number(gun.range),
                    "interpolated" if gun.gamma is None else number(gun.gamma),
                    "" if gun.gamma is None else number(gun.offset),
                    number(off.light),
                    str(off.value),
                )
                for off, gun in zip(residuals, made.guns, strict=True)
            ),
        )
    )
    light = max(abs(off.light) for off in residuals)
    steps = max(off.steps for off in residuals)
    print(
        f"{printable(str(path))}: light is within {made.largest_error():.2%} of sRGB, of each "
        f"gun's range; readings are within {light:.3g} cd/m² of their curve, and within "
        f"{steps:.1f} of 255 sRGB steps"
    )


def _facts(instrument: str) -> dict[str, str]:
    return {"date": datetime.now(UTC).isoformat(timespec="seconds"), "instrument": instrument}


def _kept(
    taken: dict[str, list[tuple[int, float]]], facts: dict[str, str], path: Path
) -> calibration.Calibration:
    """Fit readings that were just taken; where they are refused, keep them in a file."""
    try:
        return calibration.fit(taken, facts)
    except InputError as error:
        file = path.with_suffix(".readings.csv")
        write_readings(file, taken)
        raise InputError(
            f"{error}; all readings are kept in {file}: correct it, and give it with --readings"
        ) from error


def _shown(
    asked: ExperimentConfig, patches: int, windowed: bool, take: Callable[[], float] | None
) -> dict[str, list[tuple[int, float]]]:
    """Show patches, and take a reading of each; without an instrument it is typed."""
    # Loaded here: PsychoPy is on the experiment computer alone.
    from psychophysics.lab.patches import measure

    return measure(asked.display, patches, windowed=windowed, take=take)
