"""The program ``mrd``: its commands put together, and what it exits with.

0: fine. 1: the work failed. 2: the input, or the machine, is wrong. 130: interrupted.
"""

import sys
import traceback
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

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
)
from mrd.generate import python_process
from scenes.base.errors import InputError, printable

FAILED, WRONG_INPUT, INTERRUPTED = 1, 2, 130
SEVERAL_WORDS = "--slurm"  # the option that takes all words with "=" behind it

app = typer.Typer(
    name="mrd",
    help="Does this vision model see the world as people do? Scene metamers, shown to both.",
    epilog="Begin with 'mrd new DIR', then 'mrd run DIR'. The manual: docs/index.md of the suite.",
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
app.command()(scenes.scenes)
app.command()(models.models)
app.command()(doctor.doctor)
app.command()(calibrate.calibrate)
app.add_typer(experiment.app, name="experiment")
app.command()(analyse.analyse)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"mrd {version('mrd-suite')}")
        raise typer.Exit


ShowVersion = Annotated[
    bool,
    typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version."),
]
# `run` looks for it before any command does; here it is for --help.
Debug = Annotated[
    bool, typer.Option("--debug", help="Show the traceback of an error; allowed anywhere.")
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
    """Run the program and exit.

    Parameters
    ----------
    arguments
        What stands behind the program's name; by default, what it was started with.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    with python_process.safe_path():
        code = _exit_code([word for word in words if word != "--debug"], debug)
    sys.exit(code)


def _exit_code(words: list[str], debug: bool) -> int:
    """Run a command; an error becomes one line on stderr and a number."""
    try:
        _check_current_folder()
        code = app(one_each(SEVERAL_WORDS, words), prog_name="mrd", standalone_mode=False)
    except InputError as error:
        return _explain(str(error), WRONG_INPUT, debug)
    except typer.TyperException as error:
        text = " ".join(error.format_message().split())
        return _explain(f"{text.rstrip('.')}; see {_help(words)}", WRONG_INPUT, debug)
    except Exception as error:  # noqa: BLE001  the one place where no error may go on
        text = " ".join(f"{type(error).__name__}: {error}".split())
        return _explain(f"{text} (to see where: the same command with --debug)", FAILED, debug)
    if code == INTERRUPTED:
        print(
            "interrupted; what was finished is kept, and the same command goes on from there",
            file=sys.stderr,
        )
    return code if isinstance(code, int) else 0


def _check_current_folder() -> None:
    """Refuse to work in a folder that was removed meanwhile: the renderer would abort there."""
    try:
        Path.cwd()
    except OSError as error:
        raise InputError(
            "the current folder was removed or renamed, or cannot be read; go to another folder "
            "(cd ~) and repeat the command there"
        ) from error


def one_each(option: str, words: Sequence[str]) -> list[str]:
    """Repeat an option before each of the words with ``=`` that follow its first one.

    So that ``--slurm gpus=1 time=4:00:00`` is what a parser can take, whose options have one value.
    """
    spread: list[str] = []
    belongs = False
    for word in words:
        belongs = word == option or (belongs and "=" in word and not word.startswith("-"))
        if belongs and word != option and spread[-1] != option:
            spread.append(option)
        spread.append(word)
    return spread


def _help(words: list[str]) -> str:
    """Name the page that helps: of the command that was meant, as far as it was understood."""
    command: Any = typer.main.get_command(app)
    path = ["mrd"]
    for word in words:
        command = getattr(command, "commands", {}).get(word)
        if command is None:
            break
        path.append(word)
    return f"{' '.join(path)} --help"


def _explain(text: str, code: int, debug: bool) -> int:
    if debug:
        print(printable(traceback.format_exc()), file=sys.stderr, end="")
    print(f"error: {printable(text)}", file=sys.stderr)
    return code
