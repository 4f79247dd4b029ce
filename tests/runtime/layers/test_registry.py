import pytest

from runtime.layers import (
    ChannelLayerManager,
    InMemoryChannelLayer,
    InvalidChannelLayerError,
    channel_layers,
    get_channel_layer,
)

MEMORY = "runtime.layers.InMemoryChannelLayer"


@pytest.fixture
def manager(settings):
    settings.CHANNEL_LAYERS = {
        "default": {"BACKEND": MEMORY, "CONFIG": {"expiry": 7}, "TEST_CONFIG": {"expiry": 8}}
    }
    return ChannelLayerManager()


def test_a_layer_is_made_once_with_its_config(manager):
    assert manager["default"].expiry == 7
    assert manager["default"] is manager["default"]


def test_a_test_layer_is_made_with_its_test_config(manager):
    assert manager.make_test_backend("default").expiry == 8


def test_a_test_layer_needs_a_test_config(manager, settings):
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": MEMORY}}
    with pytest.raises(InvalidChannelLayerError, match="no TEST_CONFIG"):
        manager.make_test_backend("default")


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({}, "no BACKEND"),
        ({"BACKEND": "nowhere.Layer"}, "Cannot import BACKEND 'nowhere.Layer'"),
        ({"BACKEND": MEMORY, "ROUTING": "x"}, "ROUTING"),
    ],
)
def test_a_wrong_setting_says_what_is_wrong(manager, settings, config, problem):
    settings.CHANNEL_LAYERS = {"default": config}
    with pytest.raises(InvalidChannelLayerError, match=problem):
        manager["default"]


def test_set_replaces_a_layer_and_gives_the_old_one(manager):
    first, second = InMemoryChannelLayer(), InMemoryChannelLayer()
    assert manager.set("default", first) is None
    assert manager.set("default", second) is first
    assert manager["default"] is second


def test_an_alias_is_in_the_manager_if_the_setting_has_it(manager):
    assert "default" in manager
    assert "other" not in manager


def test_layers_are_forgotten_when_the_setting_changes(settings):
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": MEMORY}}
    first = get_channel_layer()
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": MEMORY, "CONFIG": {"capacity": 1}}}
    assert channel_layers.backends == {}
    assert get_channel_layer() is not first


@pytest.mark.parametrize("value", [{}, None])
def test_an_empty_setting_means_no_layer(settings, value):
    settings.CHANNEL_LAYERS = value
    assert get_channel_layer() is None
    assert get_channel_layer("other") is None
