"""The address that a page sends answers to: everyone who opens the page can read it."""

import ipaddress
from urllib.parse import SplitResult, urlsplit

from scenes.base.errors import InputError


def checked_address(post: str) -> None:
    """Refuse what is no address, and an address that would publish a password."""
    parts = _parts(post)
    if parts is None:
        if "@" in post:  # what stands before it may be a password: it is not repeated
            raise _with_password()
        raise InputError(f"--post {post}: write an address such as https://lab.example/answers")
    if "@" in parts.netloc:
        raise _with_password()
    if "#" in post:
        raise InputError(
            f"--post {post}: leave out '#' and what follows: a browser does not send it, and the "
            "page would publish it"
        )


def notes_on(post: str) -> list[str]:
    """Return what to know of an address before its page is published: a line each."""
    parts = urlsplit(post)
    notes = [f"answers go to {post}; everyone who opens the page can read this address"]
    if parts.query:
        notes.append(
            f"what stands behind '?' is public too ({parts.query}): put no password and no secret "
            "token there"
        )
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        notes.append(
            "answers are not encrypted on their way (http), and a page that is served by https "
            "cannot send them: use https where the server has it"
        )
    return notes


def is_loopback(host: str) -> bool:
    """Tell whether a host is the computer that the page is opened on."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _parts(post: str) -> SplitResult | None:
    """Parts of an address; None where it is none."""
    if not post.isprintable() or any(each in post for each in ' \\"<>^`{|}'):
        return None
    try:
        parts = urlsplit(post)
        _ = parts.port  # raises where it is no port
    except ValueError:  # brackets that hold no address; a port that is no number
        return None
    is_one = parts.scheme in ("http", "https") and bool(parts.hostname)
    return parts if is_one and parts.hostname not in (".", "..") else None


def _with_password() -> InputError:
    return InputError(
        "--post: leave out what stands before '@': the page would publish that user name or "
        "password to everyone who opens it"
    )
