"""The program: output, one-line errors, exit codes."""

import json
import os
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from mrd.cli.main import app, one_each
from mrd.generate import study_runs
from mrd.workflow.doctor import Check
from tests.paths import ROOT

DEMO = ROOT / "studies" / "demo"
# By its name, for `mrd` is a fixture here.
DOCTOR = sys.modules["mrd.cli.doctor"]


@pytest.fixture
def study(tmp_path):
    text = (DEMO / "study.yaml").read_text()
    (tmp_path / "study.yaml").write_text(text)
    return tmp_path


# ---- What it prints -------------------------------------------------------------------------

NASTY = "\x1b]0;title\x07\x1b[2J\u202ename\x9b31m"


@pytest.mark.parametrize(
    "arguments",
    [
        ("render", f"{NASTY}.json", "--out", "never"),
        ("status", NASTY),
        ("stimuli", "check", f"{NASTY}.h5"),
        ("stimuli", "merge", NASTY, NASTY, "--out", NASTY),
        (NASTY,),
        ("render", f"--{NASTY}"),
        ("--debug", "status", NASTY),
        ("analyse", NASTY),
    ],
)
def test_no_name_controls_the_terminal(mrd, arguments):
    code, out, err = mrd(*arguments)
    assert code == 2
    assert "name" in err
    for line in (out + err).splitlines():
        assert line.isprintable(), line


def test_models_lists_networks_and_layers(mrd):
    code, out, _ = mrd("models")
    assert code == 0
    assert {line.split()[0] for line in out.splitlines()[1:]} >= {"efficientnet_lite0", "pixels"}
    code, out, _ = mrd("models", "pixels", "--resolution", "32")
    assert code == 0
    assert out.splitlines()[1].split() == ["pixels", "3", "×", "32", "×", "32", "the", "default"]


def test_models_lists_at_most_60_networks_by_a_part_of_their_name(mrd):
    code, out, _ = mrd("models", "timm/dinov2")
    assert code == 0
    assert "timm/vit_small_patch14_dinov2.lvd142m" in out.splitlines()
    code, out, _ = mrd("models", "timm/")
    assert code == 0
    assert len(out.splitlines()) == 61
    assert out.splitlines()[-1].endswith("more: a longer part of a name lists fewer")


def test_models_lists_a_transformer_at_its_own_size(mrd):
    code, out, _ = mrd("models", "timm/vit_tiny_patch16_224")
    assert code == 0
    row = next(line for line in out.splitlines() if line.startswith("fc_norm "))
    assert row.split() == ["fc_norm", "192", "the", "default"]
    code, _, err = mrd("models", "timm/vit_tiny_patch16_224", "--resolution", "128")
    assert code == 2
    assert "takes images of 224×224 pixels only, not 128×128" in err


def test_models_shows_your_own_network_or_names_the_call_that_fails(mrd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text(
        "from torch import nn\n"
        "def good(): return nn.Sequential(nn.Conv2d(3, 2, 1))\n"
        "def bad(): return 7\n"
    )
    code, out, _ = mrd("models", "own:good")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == ["layer", "0", "output"]
    code, out, err = mrd("models", "own:bad")
    assert (code, out) == (2, "")
    assert err == "error: network: own:bad() returned a int, not a torch.nn.Module\n"


def test_status_and_dry_run_print_the_same_and_write_nothing(mrd, study):
    code, out, err = mrd("status", study)
    assert (code, err) == (0, "")
    steps, tables = out.split("\n\n", 1)
    assert [line[4:].split()[:2] for line in steps.splitlines()[1:]] == [
        ["generate", "due"],
        *[[name, "waits"] for name in ("build", "embed", "experiment", "analyse")],
    ]
    searches, images = tables.split("images of")
    rows = [line.split() for line in searches.splitlines()]
    assert [row[1:3] for row in rows[1:]] == [["pending", f"0/{steps}"] for steps in _steps(study)]
    assert [row[0].rsplit("-", 2)[0] for row in rows[1:]] == [
        f"bunny_studio-efficientnet-{search}" for search in ("shape", "material", "lighting")
    ]
    # Of each family target and re-render at 3 noise seeds and 19 nulls, of each run 5 levels of
    # series and control at 3, through two cameras.
    assert [line.split()[1:] for line in images.splitlines()[1:]] == [
        *[["pending", "0/50"]] * 3,
        *[["pending", "0/60"]] * 3,
    ]
    code, looked, err = mrd("generate", study / "study.yaml", "--dry-run")
    assert (code, err) == (0, "")
    assert looked.startswith(tables)
    (expected,) = looked.removeprefix(tables).splitlines()
    assert expected.startswith("3 of 3 searches and 330 of 330 images to do: about ")
    assert "time of the steps: a rough guess, because not all searches have timed" in expected
    assert [path.name for path in study.iterdir()] == ["study.yaml"]


def _steps(study):
    lines = (study / "study.yaml").read_text().splitlines()
    return [line.split(":")[1].strip() for line in lines if line.startswith("    steps:")]


@pytest.mark.parametrize(
    ("words", "spread"),
    [
        (
            ["S", "--slurm", "a=1", "b=2", "--wait"],
            ["S", "--slurm", "a=1", "--slurm", "b=2", "--wait"],
        ),
        (["--slurm", "a=1", "S", "x=y"], ["--slurm", "a=1", "S", "x=y"]),
        (["--slurm", "a=1", "--slurm", "b=2"], ["--slurm", "a=1", "--slurm", "b=2"]),
        (["--slurm", "a", "b=2"], ["--slurm", "a", "b=2"]),
        (["--slurm"], ["--slurm"]),
        (["--slurm", "a=1", "--x=2"], ["--slurm", "a=1", "--x=2"]),
        (["S", "x=y"], ["S", "x=y"]),
    ],
)
def test_an_option_is_repeated_before_each_of_its_words(words, spread):
    assert one_each("--slurm", words) == spread


def test_doctor_prints_json_for_programs():
    result = CliRunner().invoke(app, ["doctor", "--json"])
    checks = {check["name"]: check for check in json.loads(result.stdout)}
    assert checks["Python"]["ok"] is True
    assert set(checks["Python"]) == {"name", "ok", "value", "advice"}
    needed = ("backend", "torch", "writing")
    assert result.exit_code == (0 if all(checks[name]["ok"] for name in needed) else 2)


def test_doctor_exits_with_2_if_nothing_can_be_rendered(mrd, monkeypatch):
    missing = Check("backend", False, "none", "install libllvm19")
    monkeypatch.setattr(DOCTOR, "examine", lambda: [missing])
    code, out, _ = mrd("doctor")
    assert code == 2
    assert out.splitlines()[1].split() == ["NO", "backend", "none", "install", "libllvm19"]


def commands(command, words=()):
    """List every command, each as its words."""
    if not hasattr(command, "commands"):
        return [words]
    return [
        each for name, inner in command.commands.items() for each in commands(inner, (*words, name))
    ]


@pytest.mark.parametrize("words", commands(typer.main.get_command(app)))
def test_the_help_of_every_command_describes_each_option_in_sentences(words):
    result = CliRunner().invoke(app, [*words, "--help"])
    assert result.exit_code == 0
    assert f"Usage: mrd {' '.join(words)}" in result.stdout
    command = typer.main.get_command(app)
    for word in words:
        command = command.commands[word]
    assert all(each.help and each.help.endswith((".", "gpus=1")) for each in command.params)


def test_version_is_that_of_the_package():
    result = CliRunner().invoke(app, ["--version"])
    assert result.exit_code == 0
    assert result.stdout.startswith("mrd ")


# ---- Errors ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["status", "nowhere"], "nowhere: there is no such file or folder"),
        (["generate", "nowhere", "--dry-run"], "nowhere: there is no such file or folder"),
        (["render", "bunni", "--out", "x"], "no scene is called 'bunni'; did you mean 'bunny'? "),
        (["render", "none.json", "--out", "x"], "none.json: cannot be read: No such file"),
        (["models", "efficientnit"], "no network is called 'efficientnit'; did you mean"),
        (["models", "--classes", "cat"], "--classes needs a network; name it, such as"),
        (
            ["models", "pixels", "--classes", "cat"],
            "pixels has no classes, or its library does",
        ),
        (
            ["models", "efficientnet_lite0", "--classes", "unicorn"],
            "none of 1000 classes of efficientnet_lite0 has 'unicorn' in its name",
        ),
        (["render", "bunny"], "Missing option '--out'; see mrd render --help"),
        (["render", "bunny", "--out", "x", "--samples", "0"], "Invalid value for '--samples'"),
        (["status"], "Missing argument 'STUDY'; see mrd status --help"),
        (["scenes", "--colour"], "No such option: --colour; see mrd scenes --help"),
        (["rendr"], "No such command 'rendr'"),
    ],
)
def test_wrong_input_is_one_line_and_exit_2(mrd, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    code, out, err = mrd(*arguments)
    assert code == 2
    assert out == ""
    assert err.startswith(f"error: {message}")
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_an_error_in_a_study_names_its_line(mrd, study):
    path = study / "study.yaml"
    lines = path.read_text().splitlines()
    line = next(n for n, text in enumerate(lines, 1) if text.startswith("    steps:"))
    lines[line - 1] = "    steps: -3"
    path.write_text("\n".join(lines))
    assert mrd("generate", path) == (
        2,
        "",
        f"error: {path}:{line}: searches.shape.steps: -3 is not allowed; "
        "use a whole number from 1 to 100000\n",
    )
    assert [each.name for each in study.iterdir()] == ["study.yaml"]


def test_a_fault_of_the_program_is_one_line_and_exit_1(mrd, monkeypatch):
    def break_down():
        raise ZeroDivisionError("division\nby zero")

    monkeypatch.setattr(DOCTOR, "examine", break_down)
    code, _, err = mrd("doctor")
    assert code == 1
    assert err == (
        "error: ZeroDivisionError: division by zero (to see where: the same command with --debug)\n"
    )
    code, _, err = mrd("doctor", "--debug")
    assert code == 1
    assert err.startswith("Traceback (most recent call last):")
    assert "in break_down" in err


@pytest.mark.parametrize(
    ("refused", "expected"), [((), 0), ((True,), 2), ((True, True), 2), ((True, False), 1)]
)
def test_generate_exits_with_2_if_the_user_can_correct_all_failures_and_else_with_1(
    mrd, study, monkeypatch, refused, expected
):
    outcomes = [study_runs.Outcome("run", None, "it stopped", each) for each in refused]
    monkeypatch.setattr(study_runs, "generate", lambda *_, **__: outcomes)
    assert mrd("generate", study)[0] == expected


def test_dry_run_finds_what_would_stop_the_runs(mrd, study):
    path = study / "study.yaml"
    path.write_text(
        path.read_text()
        .replace("resolution: 128", "resolution: 16")
        .replace("network: efficientnet_lite0", "network: 'squeezenet1_0'\n    weights: none")
        .replace("layers: [", "# layers: [")
    )
    code, out, err = mrd("generate", study, "--dry-run")
    assert (code, out) == (2, "")
    assert err.startswith("error: models.efficientnet on targets.bunny_studio: ")
    assert "not 16×16" in err


def test_an_interrupt_says_that_the_command_resumes(mrd, monkeypatch):
    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr(DOCTOR, "examine", interrupt)
    code, _, err = mrd("doctor")
    assert code == 130
    assert err == "interrupted; finished work is kept; the same command resumes\n"


# ---- As a process ---------------------------------------------------------------------------


def test_without_a_command_the_help_is_printed(mrd):
    code, out, err = mrd()
    assert (code, err) == (2, "")
    assert out.startswith("Usage: mrd [OPTIONS] COMMAND")


def test_a_closed_pipe_is_an_error_without_a_traceback():
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-c", "from mrd.cli.main import run; run()", "scenes"],
        cwd=ROOT,
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(write)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_status_loads_no_renderer_and_no_network_and_the_exit_code_reaches_the_shell(study):
    script = (
        "import sys\n"
        "from mrd.cli.main import run\n"
        "try:\n"
        f"    run(['status', {str(study)!r}])\n"
        "except SystemExit as ended:\n"
        "    assert ended.code == 0\n"
        "heavy = {'mitsuba', 'drjit', 'torch', 'torchvision', 'timm', 'psychopy', 'matplotlib'}\n"
        "print('loaded:', sorted(heavy & set(sys.modules)))\n"
        f"run(['status', {str(study / 'none')!r}])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines()[-1] == "loaded: []"
    assert done.stderr == f"error: {study / 'none'}: there is no such file or folder\n"
    assert done.returncode == 2
