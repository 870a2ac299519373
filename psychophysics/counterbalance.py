"""What differs between participants by a recorded rule, and the seed of all that is random.

Participants are numbered from 0 in the order of their first session in ``participants.tsv``. The
number picks the row of a balanced Latin square for the order of blocks. Where the study asks for
it, half of the participants have swapped keys: every other one, and the other half of each row of
the square in the next pass through it.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from scenes.base.errors import InputError

RULE = 2
"""Rule of new sessions. By rule 1, odd numbers had swapped keys in every pass."""
RULE_KEY = "Counterbalance"
"""Entry of a sidecar's ``Session``; sessions of rule 1 have none."""


def block_order(blocks: Sequence[str], participant: int) -> tuple[str, ...]:
    """Order blocks by the rows of a balanced Latin square (Williams 1949).

    Over as many participants as there are blocks (twice as many, if their number is odd), each
    block stands at each place equally often, and follows each other block equally often.
    """
    count = len(blocks)
    row = participant % count
    # 0, 1, n−1, 2, n−2, …: neighbours differ by every amount once.
    zigzag = [(place + 1) // 2 if place % 2 else -(place // 2) for place in range(count)]
    order = [blocks[(step + row) % count] for step in zigzag]
    # Of an odd number of blocks, the second half of the square is its mirror image.
    mirrored = count % 2 == 1 and (participant // count) % 2 == 1
    return tuple(reversed(order)) if mirrored else tuple(order)


def orders(blocks: int) -> int:
    """Return the number of participants after which the orders of blocks repeat."""
    return 2 * blocks if blocks % 2 and blocks > 1 else blocks


def key_order(
    keys: Sequence[str], participant: int, swap: bool, blocks: int, rule: int = RULE
) -> tuple[str, ...]:
    """Return the keys, in the order of the choices, of a participant.

    Over twice as many participants as there are orders of blocks, each order comes once with the
    keys as they are, and once with swapped keys.
    """
    passes = participant // orders(blocks) if rule > 1 else 0
    row = participant % orders(blocks) if rule > 1 else participant
    return tuple(reversed(keys)) if swap and (row + passes) % 2 else tuple(keys)


def rule_of(session: Mapping[str, Any], where: str) -> int:
    """Return the rule that a session was recorded with."""
    rule = session.get(RULE_KEY, 1)
    if isinstance(rule, bool) or not isinstance(rule, int) or not 1 <= rule <= RULE:
        raise InputError(
            f"{where}: {RULE_KEY}: {json.dumps(rule)[:40]}, and this version of the suite knows "
            f"rules 1 to {RULE}; update the suite, or restore the file"
        )
    return rule


def session_seed(study: str, seed: int, participant: str, session: str) -> int:
    """Derive the one seed of a session, 0 to 2⁶³ − 1, from what names it."""
    text = "\n".join((study, str(seed), participant, session))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
