"""Who hears of a run, and keeps it to themselves."""

from collections.abc import Mapping


class Silent:
    """A `mrd.generate.progress.RunProgress` that shows nothing."""

    def note(self, text: str) -> None:
        """Show nothing."""

    def prepared(self, what: str, done: int, total: int) -> None:
        """Show nothing."""

    def step(self, row: Mapping[str, float]) -> None:
        """Show nothing."""
