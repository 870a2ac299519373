"""The command line, run in this process."""

import pytest

from mrd.cli.main import run


@pytest.fixture
def mrd(capsys):
    """Run the program here; give exit code, standard output, and standard error."""

    def mrd(*arguments):
        with pytest.raises(SystemExit, match=r"^\d+$") as ended:
            run([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return ended.value.code, printed.out, printed.err

    return mrd
