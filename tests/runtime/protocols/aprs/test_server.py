"""The APRS server against APRS-IS on loopback, and against a real TNC over KISS."""

import asyncio

import pytest
from django.core.exceptions import ImproperlyConfigured

from runtime.consumer import AsyncConsumer, SyncConsumer
from runtime.drops import drops
from runtime.exceptions import StopConsumer
from runtime.protocols.aprs import links
from runtime.protocols.aprs.server import AprsServer
from runtime.protocols.aprs.settings import AprsSettings
from runtime.protocols.connecting import Backoff
from runtime.routing import ProtocolTypeRouter
from tests.support.aprs_is import SOON_S, running_aprs_is
from tests.support.dire_wolf import running_dire_wolf
from tests.support.listening import listening
from tests.support.observing import observed
from tests.support.playbook import eventually
from tests.support.protocol_serving import running_server

pytestmark = pytest.mark.usefixtures("layer")

OURS = "N0CALL-10>APZCSC,TCPIP*:"


class Echo(SyncConsumer):
    def aprs_message(self, event):
        self.send({"type": "aprs.message", "text": f"You said: {event['text']}"})


class Counting(AsyncConsumer):
    count = 0

    async def aprs_message(self, event):
        self.count += 1
        await self.send({"type": "aprs.message", "text": f"{event['text']} {self.count}"})


class Silent(AsyncConsumer):
    async def aprs_message(self, event):
        pass


def settings_of(aprs_is, **options):
    settings = {
        "CALLSIGN": "N0CALL-10",
        "HOST": aprs_is.host,
        "PORT": aprs_is.port,
        "PASSCODE": 13023,
        "RETRY_S": 0.05,
        "TRIES": 3,
    }
    return AprsSettings(**{**settings, **options})


def serving(application, settings, **options):
    server = AprsServer(
        ProtocolTypeRouter({"aprs": application}),
        settings,
        backoff=Backoff(0.01, 0.05),
        **{"deadline_s": 5.0, **options},
    )
    return running_server(server, server.is_connected)


@pytest.fixture
async def aprs_is():
    async with running_aprs_is() as aprs_is:
        yield aprs_is


async def test_a_message_is_acknowledged_and_its_answer_is_numbered(aprs_is):
    async with serving(Echo.as_asgi(), settings_of(aprs_is, RETRY_S=60.0)):
        await aprs_is.write("hello{7")
        assert await aprs_is.wait_lines(2) == [
            f"{OURS}:W1AW-7   :ack7",
            f"{OURS}:W1AW-7   :You said: hello{{1",
        ]
        await aprs_is.write("ack1")
        assert aprs_is.logins == [("N0CALL-10", 13023, "")]


async def test_the_login_asks_for_what_the_filter_says(aprs_is):
    async with serving(Echo.as_asgi(), settings_of(aprs_is, FILTER="r/33/-96/25")):
        await aprs_is.wait_logins(1)
        assert aprs_is.logins == [("N0CALL-10", 13023, "r/33/-96/25")]


async def test_of_too_many_stations_the_one_that_was_silent_for_longest_ends(aprs_is):
    settings = settings_of(aprs_is, RETRY_S=60.0, MAX_SCOPES=1)
    async with serving(Counting.as_asgi(), settings, deadline_s=0.1) as server:
        for text, source in (("a", "W1AW-7"), ("b", "K9XYZ"), ("c", "W1AW-7")):
            await aprs_is.write(text, source=source)
        said = [line.rpartition("{")[0] for line in await aprs_is.wait_lines(3)]
        assert said[-1] == f"{OURS}:W1AW-7   :c 1"  # and not 2: it is another conversation
        assert len(server.scopes) == 1


async def test_a_station_has_one_instance_and_another_its_own(aprs_is):
    async with serving(Counting.as_asgi(), settings_of(aprs_is, RETRY_S=60.0), deadline_s=0.1):
        await aprs_is.write("a")
        await aprs_is.write("b")
        await aprs_is.write("c", source="K9XYZ")
        said = {line.rpartition("{")[0] for line in await aprs_is.wait_lines(3)}
        assert said == {
            f"{OURS}:W1AW-7   :a 1",
            f"{OURS}:W1AW-7   :b 2",
            f"{OURS}:K9XYZ    :c 1",
        }


async def test_an_answer_is_repeated_until_it_is_acknowledged(aprs_is):
    async with serving(Echo.as_asgi(), settings_of(aprs_is)) as server:
        await aprs_is.write("hello")
        first, second = (await aprs_is.wait_lines(2))[:2]
        assert first == second == f"{OURS}:W1AW-7   :You said: hello{{1"
        await aprs_is.write("ack1")
        await eventually(lambda: not len(server._deliveries))
    assert not drops.counts


async def test_an_answer_that_nobody_acknowledges_is_given_up_and_counted(aprs_is):
    async with serving(Echo.as_asgi(), settings_of(aprs_is)) as server:
        await aprs_is.write("hello")
        await aprs_is.wait_lines(3)
        async with asyncio.timeout(SOON_S):
            await server.flush()
        assert drops.counts == {("aprs", "undelivered"): 1}
        assert len(aprs_is.lines) == 3


async def test_a_consumer_may_ask_to_hear_what_became_of_a_message(aprs_is):
    heard = asyncio.Queue()

    class Curious(AsyncConsumer):
        async def aprs_message(self, event):
            for text in ("one", "two"):
                await self.send({"type": "aprs.message", "text": text, "receipt": text})

        async def aprs_receipt(self, event):
            await heard.put((event["receipt"], event["is_delivered"]))

    async with serving(Curious.as_asgi(), settings_of(aprs_is, TRIES=1, RETRY_S=1.0)):
        await aprs_is.write("hello")
        await aprs_is.wait_lines(2)
        await aprs_is.write("rej2")
        await aprs_is.write("ack1")
        async with asyncio.timeout(SOON_S):
            assert {await heard.get(), await heard.get()} == {("one", True), ("two", False)}


async def test_a_repetition_is_acknowledged_and_not_given_out_again(aprs_is):
    async with serving(Counting.as_asgi(), settings_of(aprs_is, RETRY_S=60.0), deadline_s=0.1):
        await aprs_is.write("hello{7")
        await aprs_is.wait_lines(2)
        await aprs_is.write("hello{7")
        await aprs_is.write("next{8")
        lines = await aprs_is.wait_lines(5)
        assert lines.count(f"{OURS}:W1AW-7   :ack7") == 2
        assert f"{OURS}:W1AW-7   :next 2{{2" in lines


async def test_an_acknowledgement_may_ride_on_a_message(aprs_is):
    async with serving(Echo.as_asgi(), settings_of(aprs_is, RETRY_S=60.0)) as server:
        await aprs_is.write("hello{AB}")
        await aprs_is.wait_lines(2)
        assert len(server._deliveries) == 1
        await aprs_is.write("and{AC}1")
        await aprs_is.wait_lines(4)
        await eventually(lambda: len(server._deliveries) == 1)
        await aprs_is.write("ack2")


async def test_messages_to_others_and_our_own_that_come_back_are_none_of_ours(aprs_is):
    async with serving(Counting.as_asgi(), settings_of(aprs_is, RETRY_S=60.0), deadline_s=0.1):
        await aprs_is.write("not for us", to="N0CALL")
        await aprs_is.write("ourselves", source="N0CALL-10")
        await aprs_is.write("for us")
        assert await aprs_is.wait_lines(1) == [f"{OURS}:W1AW-7   :for us 1{{1"]


async def test_a_message_that_was_carried_over_is_that_of_its_station(aprs_is):
    async with serving(Echo.as_asgi(), settings_of(aprs_is, RETRY_S=60.0), deadline_s=0.1):
        await aprs_is.send("N1GATE>APRS,TCPIP*:}K9XYZ>APRS,TCPIP,N1GATE*::N0CALL-10:hi")
        assert await aprs_is.wait_lines(1) == [f"{OURS}:K9XYZ    :You said: hi{{1"]


async def test_without_a_passcode_it_listens_and_says_nothing(aprs_is, caplog):
    async with serving(Echo.as_asgi(), settings_of(aprs_is, PASSCODE=None)) as server:
        await aprs_is.wait_logins(1)
        assert aprs_is.logins == [("N0CALL-10", -1, "")]
        assert "which only listens" in server.describe()
        await aprs_is.write("hello{7")
        await eventually(lambda: "the station only listens" in caplog.text)
    assert aprs_is.lines == []


async def test_all_that_is_heard_goes_to_a_scope_of_its_own_if_it_is_wanted(aprs_is):
    heard = asyncio.Queue()

    class Listener(AsyncConsumer):
        async def aprs_packet(self, event):
            await heard.put((event["source"], event["kind"], event["info"]))

        async def aprs_message(self, event):
            raise AssertionError("a message has a conversation of its own")

    with observed() as notebook:
        async with serving(Listener.as_asgi(), settings_of(aprs_is, PACKETS=True)):
            await aprs_is.send(
                "A1B>APRS:>on the air", "# a comment", "A1B-9>APRS:!4903.50N/07201.75W-"
            )
            async with asyncio.timeout(SOON_S):
                assert await heard.get() == ("A1B", "status", b">on the air")
                assert await heard.get() == ("A1B-9", "position", b"!4903.50N/07201.75W-")
    [(connection,)] = notebook.of("scope_opened")
    assert connection.scope["path"] == "heard"


async def test_a_packet_of_a_consumer_is_sent_once(aprs_is):
    class Beacon(AsyncConsumer):
        async def aprs_message(self, event):
            await self.send({"type": "aprs.packet", "info": ">on the air"})

    async with serving(Beacon.as_asgi(), settings_of(aprs_is)):
        await aprs_is.write("where are you?")
        assert await aprs_is.wait_lines(1) == [f"{OURS}>on the air"]


@pytest.mark.parametrize(
    "event",
    [
        {"type": "aprs.packet", "info": ">two\r\nlines"},
        {"type": "aprs.message", "text": " "},
        {"type": "aprs.message", "text": "x", "to": "nobody in particular"},
        {"type": "aprs.shout"},
    ],
)
async def test_what_cannot_be_sent_is_the_consumers_error(aprs_is, caplog, event):
    class Wrong(AsyncConsumer):
        async def aprs_message(self, message):
            await self.send(event)

    async with serving(Wrong.as_asgi(), settings_of(aprs_is)):
        await aprs_is.write("hello")
        await eventually(lambda: "The application sent" in caplog.text)
    assert aprs_is.lines == []


async def test_malformed_lines_are_counted_and_hold_up_nobody(aprs_is):
    async with serving(Echo.as_asgi(), settings_of(aprs_is, RETRY_S=60.0), deadline_s=0.1):
        await aprs_is.send("nonsense", b"\xff\xfe\x00", b"x" * 5_000, "A1B>APRS::short")
        await aprs_is.write("hello")
        await aprs_is.wait_lines(1)
        assert drops.counts[("aprs", "malformed")] >= 4


async def test_a_lost_connection_is_made_again_and_what_waits_is_sent_then(aprs_is):
    class Later(AsyncConsumer):
        async def aprs_message(self, event):
            aprs_is.hang_up()
            await self.send({"type": "aprs.message", "text": "after all"})

    async with serving(Later.as_asgi(), settings_of(aprs_is, RETRY_S=0.2), deadline_s=0.1):
        await aprs_is.write("hello")
        await aprs_is.wait_logins(2)
        assert (await aprs_is.wait_lines(1))[0] == f"{OURS}:W1AW-7   :after all{{1"


async def test_a_server_that_has_gone_silent_is_left(aprs_is, monkeypatch):
    monkeypatch.setattr(links, "SILENT_S", 0.05)
    async with serving(Silent.as_asgi(), settings_of(aprs_is)):
        await aprs_is.wait_logins(2)


async def test_the_end_says_goodbye_and_waits_for_its_acknowledgement(aprs_is):
    class Polite(AsyncConsumer):
        async def aprs_message(self, event):
            pass

        async def aprs_disconnect(self, event):
            await self.send({"type": "aprs.message", "text": "73"})
            raise StopConsumer

    async with serving(Polite.as_asgi(), settings_of(aprs_is, RETRY_S=60.0)) as server:
        await aprs_is.write("hello{7")
        await aprs_is.wait_lines(1)
        server.stop()
        assert (await aprs_is.wait_lines(2))[1] == f"{OURS}:W1AW-7   :73{{1"
        await aprs_is.write("ack1")


@pytest.fixture
def tnc(tmp_path):
    with running_dire_wolf(tmp_path) as tnc:
        yield tnc


def radio_settings(tnc, **options):
    settings = {"LINK": "kiss", "TRANSMIT": True, "RETRY_S": 60.0}
    return settings_of(tnc, **{**settings, **options})


async def test_a_message_over_the_air_is_acknowledged_and_answered(tnc):
    async with serving(Echo.as_asgi(), radio_settings(tnc), deadline_s=0.1):
        await asyncio.to_thread(tnc.wait_until_said, "Attached to KISS TCP client")
        await asyncio.to_thread(tnc.hear, "W1AW-7>APRS,WIDE1-1::N0CALL-10:hello{7")
        for words in ("ack7", "You said: hello{1"):
            said = f"N0CALL-10>APZCSC,WIDE1-1,WIDE2-1::W1AW-7   :{words}"
            await asyncio.to_thread(tnc.wait_until_said, said)


async def test_a_radio_does_not_transmit_unless_it_may(tnc, caplog):
    async with serving(Echo.as_asgi(), radio_settings(tnc, TRANSMIT=False)):
        await asyncio.to_thread(tnc.wait_until_said, "Attached to KISS TCP client")
        await asyncio.to_thread(tnc.hear, "W1AW-7>APRS::N0CALL-10:hello{7")
        async with asyncio.timeout(SOON_S):
            while "the station only listens" not in caplog.text:
                await asyncio.sleep(0.01)  # the sound is heard in another process
    assert "N0CALL-10>" not in tnc.log()


async def test_noise_of_a_tnc_is_counted_and_the_next_frame_is_read():
    frames = asyncio.Queue()
    good = bytes.fromhex("82a0b486a686e0ae6282ae4040eeae92888a62406303f0") + b":N0CALL-10:hello"

    async def babble(reader, writer):
        writer.write(b"noise\xc0\xc0\x00\xdbx\xc0\xc0\x00short\xc0\xc0\x00" + good + b"\xc0")
        await frames.put(await reader.read(1_000))

    async with listening(babble) as (host, port):
        settings = AprsSettings("N0CALL-10", LINK="kiss", HOST=host, PORT=port, TRANSMIT=True)
        async with serving(Echo.as_asgi(), settings, deadline_s=0.1):
            async with asyncio.timeout(SOON_S):
                answer = await frames.get()
    assert b":W1AW-7   :You said: hello{" in answer
    assert drops.counts[("aprs", "malformed")] >= 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"CALLSIGN": "n0call"}, "such as 'N0CALL-10'"),
        ({"CALLSIGN": "TOO-LONG-1"}, "such as 'N0CALL-10'"),
        ({"CALLSIGN": "N0CALL", "LINK": "morse"}, "one of aprs-is, kiss"),
    ],
)
def test_a_wrong_setting_says_what_to_do(options, said):
    with pytest.raises(ImproperlyConfigured) as caught:
        AprsSettings(**options)
    assert said in str(caught.value)
