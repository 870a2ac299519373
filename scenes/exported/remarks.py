"""What an exported file shows differently from the scene."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Remarks:
    """Parts of a scene that another format stores only roughly, and parts that it cannot store.

    Parameters
    ----------
    approximated, left_out
        One line each, such as ``"lamp desk: a glowing mesh; most viewers do not let it shine"``.
    """

    approximated: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    def __add__(self, other: "Remarks") -> "Remarks":
        return Remarks(self.approximated + other.approximated, self.left_out + other.left_out)

    def about(self, name: str) -> "Remarks":
        """Return the same notes, each with a name in front."""
        return Remarks(
            tuple(f"{name}: {each}" for each in self.approximated),
            tuple(f"{name}: {each}" for each in self.left_out),
        )


def common(all_remarks: Iterable[Remarks]) -> Remarks:
    """Return the remarks of several files, each once, in the order of their first file."""
    total = sum(all_remarks, Remarks())
    return Remarks(tuple(dict.fromkeys(total.approximated)), tuple(dict.fromkeys(total.left_out)))
