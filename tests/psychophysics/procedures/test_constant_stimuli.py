"""Constant stimuli: rounds of all levels."""

from psychophysics.procedures.constant_stimuli import ConstantStimuli


def test_every_round_holds_every_level_once(rng):
    procedure = ConstantStimuli((0.0, 0.5, 1.0), 4, rng)
    seen = []
    while procedure.remaining:
        assert procedure.level() == procedure.level()
        seen.append(procedure.level())
        procedure.update(False, True)
    rounds = [sorted(seen[place : place + 3]) for place in range(0, 12, 3)]
    assert rounds == [[0.0, 0.5, 1.0]] * 4
