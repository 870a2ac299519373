"""The address that a page sends answers to, which is public."""

import ipaddress
from urllib.parse import SplitResult, urlsplit

from scenes.base.errors import InputError


def check_address(post: str) -> None:
    """Raise unless `post` is an address (http, https) without user name, password and '#'."""
    parts = _parts(post)
    if parts is None:
        if "@" in post:  # the part before it may be a password, so it is not in the message
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
    """Return lines on the safety of an address that `check_address` accepts."""
    parts = urlsplit(post)
    notes = [f"answers go to {post}; everyone who opens the page can read this address"]
    if parts.query:
        notes.append(
            f"the part behind '?' is public too ({parts.query}): it must not hold a password or a "
            "secret token"
        )
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        notes.append(
            "answers are sent without encryption (http), and a page that is served by https "
            "cannot send them: use https if the server supports it"
        )
    return notes


def is_loopback(host: str) -> bool:
    """Return whether a host is the computer on which the page is opened."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _parts(post: str) -> SplitResult | None:
    """Return the parts of a web address; None if the text is not one."""
    if not post.isprintable() or any(each in post for each in ' \\"<>^`{|}'):
        return None
    try:
        parts = urlsplit(post)
        _ = parts.port  # raises if it is not a port
    except ValueError:  # also for brackets without an address
        return None
    is_web = parts.scheme in ("http", "https") and bool(parts.hostname)
    return parts if is_web and parts.hostname not in (".", "..") else None


def _with_password() -> InputError:
    return InputError(
        "--post: leave out the part before '@': the page would publish that user name or "
        "password to everyone who opens it"
    )
