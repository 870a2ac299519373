from typing import Annotated

import numpy as np
import pytest
from pydantic import ValidationError

from scenes.base.frozen import Frozen, Number, between


class Record(Frozen):
    share: Annotated[float, between(0, 1)] = 0.5
    width: Annotated[float, between(0, 2, above_low=True)] = 1.0
    count: Annotated[int, between(1, 9)] = 1
    free: Number = 0.0


class Outer(Frozen):
    record: Record = Record()


def test_a_record_cannot_change():
    with pytest.raises(ValidationError, match="frozen"):
        Record().share = 0.1


def test_an_unknown_key_keeps_its_place_and_type_at_any_depth():
    with pytest.raises(ValidationError, match="unknown key 'shar'; did you mean 'share'") as caught:
        Outer.model_validate({"record": {"shar": 1}})
    error = caught.value.errors()[0]
    assert error["type"] == "extra_forbidden"
    assert error["loc"] == ("record", "shar")


@pytest.mark.parametrize("value", [0, 1, 0.5, np.float32(0.5), np.int64(1)])
def test_both_ends_of_a_range_are_allowed(value):
    assert Record(share=value).share == value


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"share": 1.5}, "1.5 is out of range; allowed: 0 to 1"),
        ({"share": -1e-9}, "-1e-09 is out of range; allowed: 0 to 1"),
        ({"width": 0}, "0 is out of range; allowed: above 0, up to 2"),
        ({"count": 2.5}, "valid integer"),
        ({"count": "3"}, "use a number; allowed: 1 to 9"),
        ({"share": True}, "use a number; allowed: 0 to 1"),
        ({"share": float("nan")}, "finite number"),
        ({"free": float("inf")}, "finite number"),
        ({"free": "1"}, "valid number"),
        ({"free": True}, "valid number"),
    ],
)
def test_values_that_are_no_numbers_in_range_are_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        Record(**changes)
