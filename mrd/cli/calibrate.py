"""``mrd calibrate``: measure the display, and save the table that corrects it."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from mrd.cli.tables import console, number, table
from mrd.study import read_study
from psychophysics import calibration
from psychophysics.config import ExperimentConfig
from scenes.errors import InputError, printable


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
    if readings is not None:
        taken = calibration.read_readings(readings)
        how = f"file {readings.name}"
    else:
        take = calibration.photometer(photometer, port) if photometer else None
        taken = _shown(asked, patches, windowed, take)
        how = photometer or "typed readings"
    facts = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "instrument": how}
    made = calibration.fitted(taken, facts)
    path = described.folder / asked.display.calibration
    calibration.save(made, path)
    console().print(
        table(
            ("gun", "dark cd/m²", "range cd/m²", "gamma"),
            (
                (name, number(gun.dark), number(gun.range), number(gun.gamma))
                for name, gun in zip(calibration.GUNS, made.guns, strict=True)
            ),
        )
    )
    within = f"light is within {made.largest_error():.2%} of sRGB, of each gun's range"
    print(f"{printable(str(path))}: {within}")


def _shown(
    asked: ExperimentConfig, patches: int, windowed: bool, take: Callable[[], float] | None
) -> dict[str, list[tuple[int, float]]]:
    """Show patches, and take a reading of each; without an instrument it is typed."""
    # Loaded here: PsychoPy is on the experiment computer alone.
    from psychophysics.patches import measured

    return measured(asked.display, patches, windowed=windowed, take=take)
