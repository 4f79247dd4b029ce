"""The commands that run a protocol's server, up to where it serves."""

import io
import sys

import pytest
from django.core.management import CommandError, call_command

from runtime.management.commands import runaprs, runmqtt, runtelegram
from runtime.management.serving import ServerCommand
from runtime.protocols import ProtocolServer


class OneShot(ProtocolServer):
    """Serves nothing, and notes that it did."""

    protocol = "nothing"
    has_run = False

    def run(self):
        OneShot.has_run = True

    def describe(self):
        return "nothing at all"


class Command(ServerCommand):
    def make_server(self, application):
        return OneShot(application)


def test_it_says_what_it_serves_and_serves_it():
    said = io.StringIO()
    call_command(Command(stdout=said))
    assert said.getvalue() == "Serving nothing at all.\n"
    assert OneShot.has_run


@pytest.mark.parametrize(
    ("command", "setting", "given", "said"),
    [
        ("runtelegram", "CHANNELS_TELEGRAM", {}, "CHANNELS_TELEGRAM needs the key 'TOKEN'"),
        ("runtelegram", "CHANNELS_TELEGRAM", {"TOKEN": "x"}, "no token of a bot"),
        ("runmqtt", "CHANNELS_MQTT", {"HOTS": "x"}, "Did you mean 'HOST'?"),
        ("runmqtt", "CHANNELS_MQTT", {"VERSION": "4"}, "one of 5, 3.1.1"),
        ("runmqtt", "CHANNELS_MQTT", {"WILL": {"topic": "#"}}, "CHANNELS_MQTT['WILL']"),
        ("runaprs", "CHANNELS_APRS", {}, "CHANNELS_APRS needs the key 'CALLSIGN'"),
    ],
)
def test_a_wrong_setting_is_one_sentence_and_no_traceback(settings, command, setting, given, said):
    setattr(settings, setting, given)
    with pytest.raises(CommandError) as caught:
        call_command(command)
    assert said in str(caught.value)


def test_a_missing_library_is_one_sentence_too(settings, monkeypatch):
    settings.CHANNELS_MQTT = {}
    monkeypatch.setitem(sys.modules, "runtime.protocols.mqtt.client", None)
    monkeypatch.delattr("runtime.protocols.mqtt.client", raising=False)
    with pytest.raises(CommandError, match=r"pip install \"channelscope\[mqtt\]\""):
        call_command("runmqtt")


@pytest.mark.parametrize(
    ("command", "setting", "given", "said"),
    [
        (
            runtelegram.Command,
            "CHANNELS_TELEGRAM",
            {"TOKEN": "123456:a-token"},
            "a Telegram bot by long polling",
        ),
        (runmqtt.Command, "CHANNELS_MQTT", {"TLS": True}, "MQTT 5 from localhost:8883"),
        (
            runaprs.Command,
            "CHANNELS_APRS",
            {"CALLSIGN": "N0CALL"},
            "the APRS station N0CALL, which only listens, by aprs-is at rotate.aprs2.net:14580",
        ),
    ],
)
def test_each_command_says_what_it_serves_and_no_secret(settings, command, setting, given, said):
    setattr(settings, setting, given)

    async def application(scope, receive, send):
        """Is not called."""

    assert command().make_server(application).describe() == said
