from dataclasses import dataclass

import pytest
from django.core.exceptions import ImproperlyConfigured

from runtime.protocols.options import read_options


@dataclass(frozen=True)
class Bells:
    TOWN: str
    COUNT: int = 3
    PITCH: float = 440.0
    KEEPER: str | None = None
    HOURS: tuple[int, ...] = ()


def test_what_is_not_given_has_its_default(settings):
    settings.CHANNELS_BELLS = {"TOWN": "Ghent", "PITCH": 432, "HOURS": [6, 12]}
    assert read_options("CHANNELS_BELLS", Bells) == Bells("Ghent", PITCH=432, HOURS=[6, 12])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "CHANNELS_BELLS needs the key 'TOWN'."),
        ({"TOWN": "Ghent", "COUN": 1}, "no key 'COUN'. Did you mean 'COUNT'?"),
        ({"TOWN": "Ghent", "zzz": 1}, "no key 'zzz'. It knows TOWN, COUNT"),
        ({"TOWN": 5}, "CHANNELS_BELLS['TOWN'] has to be str; it is a int."),
        ({"TOWN": "Ghent", "COUNT": True}, "has to be int; it is a bool"),
        ({"TOWN": "Ghent", "KEEPER": 5}, "has to be str | None; it is a int"),
        ({"TOWN": "Ghent", "HOURS": [1, "x"]}, "has to be tuple"),
        (["TOWN"], "CHANNELS_BELLS has to be a dict"),
    ],
)
def test_a_wrong_setting_says_what_to_do(settings, given, said):
    settings.CHANNELS_BELLS = given
    with pytest.raises(ImproperlyConfigured) as caught:
        read_options("CHANNELS_BELLS", Bells)
    assert said in str(caught.value)


def test_a_wrong_value_is_not_repeated(settings):
    settings.CHANNELS_BELLS = {"TOWN": b"a secret"}
    with pytest.raises(ImproperlyConfigured) as caught:
        read_options("CHANNELS_BELLS", Bells)
    assert "a secret" not in str(caught.value)
