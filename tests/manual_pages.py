"""Code blocks of README and the manual, and which of them are run."""

import re
from dataclasses import dataclass
from pathlib import Path

from tests.paths import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"(?:<!--([^\n]*)-->\n)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMANDS = ("mrd ", "make ", "pip ", "python ", "git ")
REASON = re.compile(r"not-run: (\w.{3,})")


@dataclass(frozen=True)
class Block:
    """A code block of a page; `reason` is the comment ``<!-- not-run: … -->`` above it, or ""."""

    page: str  # path from the root of the repository
    line: int  # of its first fence, counted from 1
    language: str  # "" if its fence names none
    text: str
    reason: str

    @property
    def commands(self) -> list[str]:
        """List the lines that a user types, without those marked not-run."""
        lines = self.text.splitlines() if not self.language else []
        return [line for line in lines if line.startswith(COMMANDS) and not REASON.search(line)]

    @property
    def to_run(self) -> bool:
        """Whether the block has Python or commands, and no reason against running it."""
        return not self.reason and (self.language == "python" or bool(self.commands))


def blocks(page: Path) -> list[Block]:
    """List the blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for block in BLOCK.finditer(text):
        reason = REASON.search(block[1] or "")
        line = text[: block.start(2)].count("\n") + 1
        name = page.relative_to(ROOT).as_posix()
        found.append(Block(name, line, block[2], block[3], reason[1].strip() if reason else ""))
    return found


def all_blocks() -> list[Block]:
    """List the blocks of every page."""
    return [block for page in PAGES for block in blocks(page)]
