"""MkDocs hooks: make links to files outside ``docs/`` work in the website.

Pages of ``docs/`` link to files such as ``../CONTRIBUTING.md``. The hooks copy these files to the
folder ``repository/`` of the site and rewrite the links. MkDocs calls the functions ``on_…``
(``hooks`` in ``mkdocs.yml``).
"""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

LINK = re.compile(r"\]\((?!\w+:|#)([^)#\s]+)")
BESIDE = "repository"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add every file of the repository that a page links to, directly or indirectly."""
    root = Path(config.config_file_path).parent
    waiting = [file for file in files if file.is_documentation_page()]
    while waiting:
        file = waiting.pop()
        for path in linked(file.content_string, in_repository(file.src_uri)):
            uri = in_site(path)
            if (root / path).is_file() and files.get_file_from_path(uri) is None:
                added = File.generated(
                    config, uri, abs_src_path=str(root / path), inclusion=InclusionLevel.NOT_IN_NAV
                )
                files.append(added)
                if added.is_documentation_page():
                    waiting.append(added)
    return files


def on_page_markdown(markdown: str, *, page: Page, **_: object) -> str:
    """Rewrite the links of a page for the site."""
    return relinked(markdown, page.file.src_uri)


def linked(markdown: str, page: str) -> list[str]:
    """List the files that a page links to, as paths in the repository."""
    folder = posixpath.dirname(page)
    return [posixpath.normpath(posixpath.join(folder, link)) for link in LINK.findall(markdown)]


def relinked(markdown: str, uri: str) -> str:
    """Rewrite the links of the page at `uri` from paths in the repository to paths in the site."""
    page = in_repository(uri)

    def link(match: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(page), match[1]))
        return "](" + posixpath.relpath(in_site(path), posixpath.dirname(uri) or ".")

    return LINK.sub(link, markdown)


def in_site(path: str) -> str:
    """Return the path in the site of a file of the repository.

    >>> in_site("docs/series.md"), in_site("CONTRIBUTING.md")
    ('series.md', 'repository/CONTRIBUTING.md')
    """
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    return f"{BESIDE}/{path}"


def in_repository(uri: str) -> str:
    """Return the path in the repository of a page of the site (the inverse of `in_site`)."""
    if uri.startswith(f"{BESIDE}/"):
        return uri.removeprefix(f"{BESIDE}/")
    return f"docs/{uri}"
