from __future__ import annotations

import pytest
from django.test import override_settings

from console.conf import Settings, faults, resolve, settings


def test_nothing_said_means_the_defaults():
    assert resolve({}) == Settings()


def test_what_is_said_replaces_the_default():
    assert resolve({"RING_ENTRIES": 7, "REDACT": ["card"]}) == Settings(
        RING_ENTRIES=7, REDACT=("card",)
    )


def test_an_unknown_key_is_a_fault_that_names_the_nearest_one():
    [fault] = faults({"RING_ENTRYS": 7})
    assert fault.kind == "key"
    assert "RING_ENTRIES" in fault.remedy


@pytest.mark.parametrize(
    "raw",
    [
        {"RING_ENTRIES": "many"},
        {"RING_ENTRIES": 0},
        {"RING_ENTRIES": True},
        {"RING_ENTRIES": 1.5},
        {"REDACT": "card"},
        {"REDACT": [1]},
        {"PROCESS_NAME": ""},
        {"OTEL": None},
        {"READ_ONLY": None},
        {"READ_ONLY": 1},
        {"STAFF_MAY_STEER": "yes"},
        ["RING_ENTRIES"],
    ],
)
def test_a_value_of_another_type_is_a_fault(raw):
    [fault] = faults(raw)
    assert fault.kind == "type"


def test_a_fault_is_logged_and_the_rest_still_holds(caplog):
    resolved = resolve({"RING_ENTRIES": -1, "IDLE_S": 5})
    assert resolved == Settings(IDLE_S=5)
    assert "RING_ENTRIES" in caplog.text


def test_the_settings_follow_the_project_in_tests():
    with override_settings(CHANNELSCOPE={"IDLE_S": 3}):
        assert settings.IDLE_S == 3
    assert settings.IDLE_S == 60


@pytest.mark.parametrize("token", ["short", "", 1, b"a token of sixteen bytes"])
def test_a_token_that_can_be_guessed_is_a_fault_that_does_not_repeat_it(token):
    [fault] = faults({"METRICS_TOKEN": token})
    assert fault.kind == "type"
    assert "16 characters" in fault.message
    assert "short" not in f"{fault.message}{fault.remedy}"
    assert resolve({"METRICS_TOKEN": token}).METRICS_TOKEN is None


def test_a_switch_is_true_or_false():
    asked = {"READ_ONLY": True, "STAFF_MAY_STEER": False}
    assert resolve(asked) == Settings(READ_ONLY=True, STAFF_MAY_STEER=False)
    assert faults({"STAFF_MAY_STEER": None}) == []
