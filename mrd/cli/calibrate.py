"""``mrd calibrate``: measure the display, and save its look-up table.

A gun is a colour channel of the display: red, green or blue.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from typer import Option

from mrd.cli.arguments import StudyPath
from mrd.cli.tables import console, number, table
from mrd.study.study import read_study
from psychophysics.config import ExperimentConfig
from psychophysics.lab import calibration
from psychophysics.lab.photometer_readings import read_readings, write_readings
from scenes.base.errors import InputError, printable

Readings = dict[str, list[tuple[int, float]]]


def calibrate(
    path: StudyPath,
    photometer: Annotated[
        str, Option(help="The instrument, by its name in PsychoPy, such as LS100 or ColorCAL.")
    ] = "",
    port: Annotated[
        str | None, Option(help="Serial port of the photometer; by default, all are tried.")
    ] = None,
    typed: Annotated[
        bool,
        Option(
            "--typed", help="Show patches, and type each reading of your instrument in the window."
        ),
    ] = False,
    readings: Annotated[
        Path | None,
        Option(
            help="A file of earlier readings: a line gun,value,luminance, then one line for each "
            "reading, with the luminance in cd/m²."
        ),
    ] = None,
    patches: Annotated[
        int, Option(min=5, max=64, help="Number of patches to measure for each gun.")
    ] = 9,
    windowed: Annotated[
        bool, Option("--window", help="Use a window instead of the full screen.")
    ] = False,
) -> None:
    """Measure the display, and save its look-up table.

    The table converts sRGB to the values of the display of the study's experiment.
    """
    study = read_study(path)
    config = study.experiment or ExperimentConfig()
    if (bool(photometer), typed, readings is not None).count(True) != 1:
        raise InputError("choose one of --photometer NAME, --typed and --readings FILE")
    file = study.folder / config.display.calibration
    if readings is not None:
        fit = calibration.fit(read_readings(readings), _facts(f"file {readings.name}"))
    else:
        take = calibration.photometer(photometer, port) if photometer else None
        taken = _measure(config, patches, windowed, take)
        fit = _fit_or_keep(taken, _facts(photometer or "typed readings"), file)
    calibration.save(fit, file)
    residuals = fit.residuals()
    rows = (
        (
            off.gun,
            number(gun.dark),
            number(gun.range),
            "interpolated" if gun.gamma is None else number(gun.gamma),
            "" if gun.gamma is None else number(gun.offset),
            number(off.light),
            str(off.value),
        )
        for off, gun in zip(residuals, fit.guns, strict=True)
    )
    columns = (
        "gun",
        "dark cd/m²",
        "range cd/m²",
        "gamma",
        "offset",
        "largest residual cd/m²",
        "at",
    )
    console().print(table(columns, rows))
    light = max(abs(off.light) for off in residuals)
    steps = max(off.steps for off in residuals)
    print(
        f"{printable(str(file))}: light is within {fit.largest_error():.2%} of sRGB, relative to "
        f"each gun's range; readings are within {light:.3g} cd/m² of their curve, and within "
        f"{steps:.1f} of 255 sRGB steps"
    )


def _facts(instrument: str) -> dict[str, str]:
    """Return date and instrument, which are stored with the calibration."""
    return {"date": datetime.now(UTC).isoformat(timespec="seconds"), "instrument": instrument}


def _fit_or_keep(taken: Readings, facts: dict[str, str], path: Path) -> calibration.Calibration:
    """Fit new readings; if the fit refuses them, store them in a file that can be corrected."""
    try:
        return calibration.fit(taken, facts)
    except InputError as error:
        file = path.with_suffix(".readings.csv")
        write_readings(file, taken)
        raise InputError(
            f"{error}; all readings are kept in {file}: correct it, and give it with --readings"
        ) from error


def _measure(
    config: ExperimentConfig, patches: int, windowed: bool, take: Callable[[], float] | None
) -> Readings:
    """Show patches and return a reading of each; if `take` is None, the user types the readings."""
    # Imported here, because only the experiment computer has PsychoPy.
    from psychophysics.lab.patches import measure

    return measure(config.display, patches, windowed=windowed, take=take)
