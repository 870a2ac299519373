"""The program ``mrd``: its commands and exit codes.

0: success. 1: the work failed. 2: the input or the machine has to be changed. 130: interrupted.
"""

import sys
import traceback
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer import Option

from mrd.cli import (
    analyse,
    calibrate,
    doctor,
    embed,
    experiment,
    fisher,
    generate,
    models,
    new,
    pixel_metamers,
    render,
    run_study,
    scenes,
    status,
    stimuli,
    trace,
    view,
)
from mrd.generate import python_process
from scenes.base.errors import InputError, printable

FAILED, WRONG_INPUT, INTERRUPTED = 1, 2, 130
SEVERAL_WORDS = "--slurm"  # the one option that may be followed by several words

app = typer.Typer(
    name="mrd",
    help="Does a vision model see the world as people do? Scene metamers, shown to both.",
    epilog="Begin with 'mrd new DIR', then 'mrd run DIR'. The manual is docs/index.md.",
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(new.new)
app.command()(run_study.run)
app.command()(generate.generate)
app.command()(fisher.fisher)
app.command()(status.status)
app.command()(trace.trace)
app.add_typer(stimuli.app, name="stimuli")
app.command()(embed.embed)
app.command()(pixel_metamers.pixel_metamers)
app.command()(render.render)
app.command()(view.view)
app.add_typer(scenes.app, name="scenes")
app.command()(models.models)
app.command()(doctor.doctor)
app.command()(calibrate.calibrate)
app.add_typer(experiment.app, name="experiment")
app.command()(analyse.analyse)


def _print_version(is_set: bool) -> None:
    if is_set:
        typer.echo(f"mrd {version('mrd-suite')}")
        raise typer.Exit


ShowVersion = Annotated[
    bool, Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
]
# `run` handles this option; the declaration is for --help.
Debug = Annotated[
    bool, Option("--debug", help="Show the traceback of an error. Can be put anywhere.")
]


@app.callback()
def _every_command(
    context: typer.Context,
    show_version: ShowVersion = False,  # noqa: ARG001
    debug: Debug = False,  # noqa: ARG001
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(WRONG_INPUT)


def run(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the program with these arguments (by default, those of the process), and exit."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    with python_process.safe_path():
        code = _exit_code([word for word in words if word != "--debug"], debug)
    sys.exit(code)


def _exit_code(words: list[str], debug: bool) -> int:
    """Run a command and return its exit code; an error is printed as one line."""
    try:
        _check_current_folder()
        code = app(one_each(SEVERAL_WORDS, words), prog_name="mrd", standalone_mode=False)
    except InputError as error:
        return _print_error(str(error), WRONG_INPUT, debug)
    except typer.TyperException as error:
        text = " ".join(error.format_message().split())
        start = f"{text} See" if text.endswith("?") else f"{text.rstrip('.')}; see"
        return _print_error(f"{start} {_help(words)}", WRONG_INPUT, debug)
    except Exception as error:  # noqa: BLE001  every error ends here
        text = " ".join(f"{type(error).__name__}: {error}".split())
        return _print_error(f"{text} (to see where: the same command with --debug)", FAILED, debug)
    if code == INTERRUPTED:
        print("interrupted; finished work is kept; the same command resumes", file=sys.stderr)
    return code if isinstance(code, int) else 0


def _check_current_folder() -> None:
    """Raise `InputError` if the current folder was removed, where the renderer would abort."""
    try:
        Path.cwd()
    except OSError as error:
        raise InputError(
            "the current folder was removed or renamed, or cannot be read; go to another folder "
            "(cd ~) and repeat the command there"
        ) from error


def one_each(option: str, words: Sequence[str]) -> list[str]:
    """Repeat an option before each of its ``key=value`` words: typer takes one value per option."""
    repeated: list[str] = []
    is_value = False
    for word in words:
        is_value = word == option or (is_value and "=" in word and not word.startswith("-"))
        if is_value and word != option and repeated[-1] != option:
            repeated.append(option)
        repeated.append(word)
    return repeated


def _help(words: list[str]) -> str:
    """Return the help command for the command that the user typed."""
    command: Any = typer.main.get_command(app)
    path = ["mrd"]
    for word in words:
        command = getattr(command, "commands", {}).get(word)
        if command is None:
            break
        path.append(word)
    return f"{' '.join(path)} --help"


def _print_error(text: str, code: int, debug: bool) -> int:
    """Print an error, with its traceback if `debug`; return the exit code."""
    if debug:
        print(printable(traceback.format_exc()), file=sys.stderr, end="")
    print(f"error: {printable(text)}", file=sys.stderr)
    return code
