"""Counterbalancing of blocks and keys over participants, and the seed of a session.

Participants are numbered from 0 in the order of their first session in ``participants.tsv``. The
number selects the row of a balanced Latin square for the order of blocks. With `swap_keys`, every
other participant has swapped keys; once all orders of blocks are used, the other half has them.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from scenes.base.errors import InputError

RULE = 2
"""Rule of new sessions. The older rule 1 swapped the keys of every odd participant number."""
RULE_KEY = "Counterbalance"
"""Key of the rule in a sidecar's ``Session``; sessions under rule 1 lack it."""


def block_order(blocks: Sequence[str], participant: int) -> tuple[str, ...]:
    """Return the blocks in the order of a participant's row of a balanced Latin square.

    Williams (1949). Over as many participants as blocks (twice as many, if their number is odd),
    each block is at each place equally often, and follows each other block equally often.
    """
    count = len(blocks)
    row = participant % count
    # 0, 1, n−1, 2, n−2, …: from one to the next, every difference (modulo n) occurs once.
    zigzag = [(place + 1) // 2 if place % 2 else -(place // 2) for place in range(count)]
    order = [blocks[(step + row) % count] for step in zigzag]
    # With an odd number of blocks, the square has a second half: the same rows, reversed.
    mirrored = count % 2 == 1 and (participant // count) % 2 == 1
    return tuple(reversed(order)) if mirrored else tuple(order)


def orders(blocks: int) -> int:
    """Return the number of participants after which the orders of blocks repeat."""
    return 2 * blocks if blocks % 2 and blocks > 1 else blocks


def key_order(
    keys: Sequence[str], participant: int, swap: bool, blocks: int, rule: int = RULE
) -> tuple[str, ...]:
    """Return a participant's keys, in the order of the choices.

    Over twice as many participants as orders of blocks, each order occurs once with the study's
    keys and once with swapped keys.
    """
    passes = participant // orders(blocks) if rule > 1 else 0
    row = participant % orders(blocks) if rule > 1 else participant
    return tuple(reversed(keys)) if swap and (row + passes) % 2 else tuple(keys)


def rule_of(session: Mapping[str, Any], where: str) -> int:
    """Return the counterbalancing rule that a session records; raise if it is unknown."""
    rule = session.get(RULE_KEY, 1)
    if isinstance(rule, bool) or not isinstance(rule, int) or not 1 <= rule <= RULE:
        raise InputError(
            f"{where}: {RULE_KEY}: {json.dumps(rule)[:40]}, and this version of the suite knows "
            f"rules 1 to {RULE}; update the suite, or restore the file"
        )
    return rule


def session_seed(study: str, seed: int, participant: str, session: str) -> int:
    """Return a session's seed, 0 to 2⁶³ − 1: a hash of the study's name and seed, and the codes."""
    text = "\n".join((study, str(seed), participant, session))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
