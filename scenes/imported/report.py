"""What of a file was not imported, and what was approximated."""

from dataclasses import dataclass, field


@dataclass
class Report:
    """Lines for the user, each once, in the order in which they were found.

    Parameters
    ----------
    not_imported
        Contents of the file that the scene lacks, such as ``"animations"``.
    notes
        Conversions and approximations.
    """

    not_imported: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def lost(self, what: str) -> None:
        """Add something that was not imported."""
        if what not in self.not_imported:
            self.not_imported.append(what)

    def note(self, what: str) -> None:
        """Add a conversion or an approximation."""
        if what not in self.notes:
            self.notes.append(what)
