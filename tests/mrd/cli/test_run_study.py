"""``mrd run``: what it says to type after a failure."""

import pytest

from tests.end_to_end.tiny import study_in


@pytest.mark.parametrize(
    "options",
    [
        ("--observers", "3", "--workers", "2"),
        pytest.param(("--participant", "07", "--session", "02"), marks=pytest.mark.full),
    ],
)
def test_a_failure_ends_with_the_command_that_goes_on_as_it_was_typed(tmp_path, mrd, options):
    folder = study_in(tmp_path / "a study")
    (folder / "runs").write_text("a file where a folder is to be")
    code, _, told = mrd("run", folder, *options)
    assert code == 2
    last = told.splitlines()[-1]
    again = " ".join(("mrd run", f"'{folder}'", *options))
    assert last.startswith("stopped at generate: mend what mrd generate ")
    assert last.endswith(f"; then {again} goes on from there")
