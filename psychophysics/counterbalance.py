"""What differs between participants by a recorded rule, and the seed of all that is random.

The rule: participants are numbered from 0 in the order of their first session in
``participants.tsv``; that number picks the row of a balanced Latin square for the order of blocks,
and odd numbers have swapped keys where the study asks for it.
"""

import hashlib
from collections.abc import Sequence


def block_order(blocks: Sequence[str], participant: int) -> tuple[str, ...]:
    """Order blocks by the rows of a balanced Latin square (Williams 1949).

    Over as many participants as there are blocks (twice as many, if their number is odd), each
    block stands at each place equally often, and follows each other block equally often.

    Parameters
    ----------
    blocks
        Their names, in a fixed order.
    participant
        Number of the participant, from 0.
    """
    count = len(blocks)
    row = participant % count
    # 0, 1, n−1, 2, n−2, …: neighbours differ by every amount once.
    zigzag = [(place + 1) // 2 if place % 2 else -(place // 2) for place in range(count)]
    order = [blocks[(step + row) % count] for step in zigzag]
    # Of an odd number of blocks, the second half of the square is its mirror image.
    mirrored = count % 2 == 1 and (participant // count) % 2 == 1
    return tuple(reversed(order)) if mirrored else tuple(order)


def key_order(keys: Sequence[str], participant: int, swap: bool) -> tuple[str, ...]:
    """Return the keys, in the order of the choices, of a participant."""
    return tuple(reversed(keys)) if swap and participant % 2 else tuple(keys)


def session_seed(study: str, seed: int, participant: str, session: str) -> int:
    """Derive the one seed of a session, 0 to 2⁶³ − 1, from what names it."""
    text = "\n".join((study, str(seed), participant, session))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
