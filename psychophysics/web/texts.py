"""Texts that participants read in a browser; the page fills in ``{…}``.

Texts that they also read at a window are in `pages`.
"""

from psychophysics import pages

GAMMA = (
    "This page cannot measure the brightness and the colours of your screen, nor how far away you "
    "sit: they are recorded as not calibrated. Please turn off night mode, and make the screen as "
    "bright as you usually have it."
)


def texts(distance: float) -> dict[str, str]:
    """Return all texts that do not depend on a trial; `distance` is in cm."""
    return {
        "who": "Which participant are you?",
        "unknown": "No participant is called “{code}”. There are {first} to {last}.",
        "start": "Start",
        "go_on": "Go on",
        "loading": "The pictures are loaded: {done} of {total}",
        "missing": "A file could not be loaded: {file}\n\nLoad the page again. If that does not "
        "help, write to the person who sent you here.",
        "card_title": "How large is your screen?",
        "card": "Hold a card of the size of a bank card against the screen. Move the slider until "
        "the box is exactly as large as the card.",
        "card_slider": "Size of the box",
        "distance": f"Sit so that your eyes are {distance:g} cm from the screen. You will need a "
        "keyboard.",
        "gamma": GAMMA,
        "measuring": "One moment, please: the refresh rate of the screen is measured.",
        "small": "The pictures do not fit.\n\nA trial needs {needed} pixels, and the window has "
        "{there}. Make the window as large as the screen. If it is that already, this screen is "
        "too small for the study.",
        "zoomed": "The zoom of the page was changed.\n\nLoad the page again: the session goes on "
        "where you are.",
        "elsewhere": "This session is open in another window, and goes on in that one.\n\nClose "
        "this one.",
        "forgetful": "This browser keeps no answers, so nothing can be started.\n\nUse a window "
        "that is not private, and allow the page to store data.",
        "keys_read": pages.try_keys("{keys}"),
        "resumed": pages.resumed("{made}"),
        "practice": pages.practice(),
        "paused": pages.paused(),
        "right": pages.feedback(True),
        "wrong": pages.feedback(False),
        "late": pages.feedback(None),
        "thanks": "That was all. Thank you.",
        "stopped": "The session has ended here. What you answered is kept: when this page is "
        "opened again in this browser, it goes on from there.",
        "full": "The session has ended here: this browser has no room for more answers.",
        "save": "Save the answers",
        "save_table": "Save them as a table (CSV)",
        "hand_in": "Save the answers, and give the file to the person who sent you here.",
        "sending": "Your answers are being sent …",
        "sent": "Your answers have been sent. You can close the page.",
        "unsent": "Your answers could not be sent.\n\nTry again, or save them and give the file to "
        "the person who sent you here.",
        "again": "Try again",
    }
