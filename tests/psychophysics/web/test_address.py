"""An address that is published with a page."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psychophysics.web.address import check_address, is_loopback, notes_on
from scenes.base.errors import InputError

PASSWORDS = (
    "https://user:pw@host/x", "https://user@host", "https://:pw@host", "https://@host/x",
    "https://user%3Apw@host", "http://user:pw@127.0.0.1:8000/in", "https://a@b@host",
    "https://user:pw@[::1]/", "https://user:p w@host", "user:pw@host", "ftp://user:pw@host",
    "https://user:pw@host:port/", "https://user:p\\w@host", "//user:pw@host", "mailto:a@host",
)  # fmt: skip
NONE = (
    "", "lab.example/answers", "https://", "https:///answers", "https:/lab.example", "/answers",
    "https:lab.example", "ftp://lab.example/in", "file:///etc/hosts", "javascript:alert(1)",
    "data:text/html,x", "https://[lab", "https://lab.example:port", "https://lab.example:99999",
    "https://lab.example/a b", "https://lab.example\\x", "https://lab\n.example", " https://a",
    "https://lab.example/\x1b[31m", "https://lab.example/<script>", 'https://a/"', "https://..",
    "wss://lab.example", "HTTPS//lab.example", "https://lab\u202e.example",
)  # fmt: skip
GOOD = (
    "https://lab.example/answers", "https://lab.example:8443/in?study=3", "https://müller.example",
    "http://localhost:8000/answers", "http://127.0.0.1:1/", "http://[::1]:80/x", "https://a/@b",
    "HTTPS://LAB.EXAMPLE/x", "https://lab.example/~anna/in.php", "http://192.168.1.20/in",
)  # fmt: skip


@pytest.mark.parametrize("post", PASSWORDS)
def test_a_password_is_refused_and_not_repeated(post):
    with pytest.raises(InputError, match=r"^--post: leave out the part before '@': ") as refused:
        check_address(post)
    assert "pw" not in str(refused.value).replace("password", "")
    assert "user:" not in str(refused.value)


@pytest.mark.parametrize("post", NONE)
def test_what_is_no_address_is_refused(post):
    with pytest.raises(InputError, match=r"^--post .*: write an address such as https://lab.ex"):
        check_address(post)


@pytest.mark.parametrize("post", ["https://lab.example/in#token", "https://lab.example/#"])
def test_a_part_that_is_not_sent_is_refused(post):
    with pytest.raises(InputError, match=r"^--post https.*: leave out '#' and what follows"):
        check_address(post)


@pytest.mark.parametrize("post", GOOD)
def test_addresses_are_taken_and_said_to_be_public(post):
    check_address(post)
    [first, *others] = notes_on(post)
    assert first == f"answers go to {post}; everyone who opens the page can read this address"
    plain = post.startswith("http://192")
    assert len(others) == ("?" in post) + plain
    assert any("without encryption" in each for each in others) == plain
    assert any("'?' is public too (study=3)" in each for each in others) == ("?" in post)


@given(st.text(alphabet="htps:/@#?[]%.aà1\\ \n", max_size=25))
def test_whatever_is_taken_holds_no_password(text):
    for post in (text, f"https://{text}"):
        try:
            check_address(post)
        except InputError:
            continue
        assert "@" not in post.partition("//")[2].split("/")[0].split("?")[0]
        assert notes_on(post)


def test_loopback_is_this_computer():
    for host in ("localhost", "a.localhost", "127.0.0.1", "127.9.9.9", "::1"):
        assert is_loopback(host)
    for host in ("lab.example", "10.0.0.1", "localhost.example", "", "0.0.0.0"):
        assert not is_loopback(host)
