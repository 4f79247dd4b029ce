from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import override_settings
from django.urls import reverse

from console.relay import relay
from tests.console.exports.seen import CANARY, chat, request
from tests.console.recording import Recording
from tests.console.several import processes
from tests.console.watching import user

pytestmark = pytest.mark.django_db(transaction=True)

FILES = ["traffic-ndjson", "traffic-har", "connections-ndjson", "connections-har"]
TOKEN = "a-token-that-nobody-guesses"


@pytest.fixture
async def staff(async_client: Any, recording: Recording) -> Any:
    from asgiref.sync import sync_to_async

    await async_client.aforce_login(await sync_to_async(user)("ada", is_staff=True))
    return async_client


async def taken(client: Any, name: str, **params: str) -> str:
    response = await client.get(reverse(f"channelscope:{name}"), params)
    assert response.status_code == 200, response.content
    assert response["Content-Disposition"].startswith("attachment; filename=")
    assert response["Cache-Control"] == "no-store"
    return b"".join([piece async for piece in response.streaming_content]).decode()


@pytest.mark.parametrize("name", FILES)
async def test_nobody_but_staff_gets_a_file(
    async_client: Any, recording: Recording, name: str
) -> None:
    chat(recording)
    response = await async_client.get(reverse(f"channelscope:{name}"))
    assert response.status_code == 302
    assert reverse("channelscope:login") in response["Location"]


@pytest.mark.parametrize("name", FILES)
async def test_no_file_has_a_secret(staff: Any, recording: Recording, name: str) -> None:
    chat(recording)
    request(recording)
    written = await taken(staff, name)
    assert "lobby" in written
    assert CANARY not in written


async def test_the_filter_of_the_page_is_that_of_the_file(staff: Any, recording: Recording) -> None:
    one, _ = chat(recording), request(recording)
    lines = (await taken(staff, "traffic-ndjson", q="dir:in path:/ws/*")).splitlines()
    assert {json.loads(line)["direction"] for line in lines} == {"in"}
    assert {json.loads(line)["connection"] for line in lines} == {one.id}
    lines = (await taken(staff, "traffic-ndjson", connection=one.id)).splitlines()
    assert {json.loads(line)["connection"] for line in lines} == {one.id}
    (line,) = (await taken(staff, "connections-ndjson", hide="http")).splitlines()
    assert json.loads(line)["id"] == one.id
    assert (await taken(staff, "connections-ndjson", process="another")) == ""


async def test_an_archive_has_the_messages_that_match(staff: Any, recording: Recording) -> None:
    chat(recording)
    request(recording)
    archive = json.loads(await taken(staff, "traffic-har", q="dir:in type:websocket.receive"))
    (entry,) = archive["log"]["entries"]
    assert [message["type"] for message in entry["_webSocketMessages"]] == ["send"]
    archive = json.loads(await taken(staff, "connections-har"))
    assert len(archive["log"]["entries"]) == 2


async def test_a_full_ring_is_handed_over_whole(staff: Any, recording: Recording) -> None:
    connection = recording.open()
    for number in range(1_000):
        recording.receive(connection, text=str(number))
    lines = (await taken(staff, "traffic-ndjson", q="dir:in")).splitlines()
    assert [json.loads(line)["text"] for line in lines] == [str(n) for n in range(1_000)]


@pytest.mark.parametrize("name", FILES)
async def test_a_filter_that_cannot_be_understood_is_answered_with_why(
    staff: Any, name: str
) -> None:
    response = await staff.get(reverse(f"channelscope:{name}"), {"q": "size:>abc"})
    assert response.status_code == 400
    assert b"Expected a number" in response.content
    assert b"at character 6" in response.content


async def test_a_trace_is_handed_over_as_spans(staff: Any, recording: Recording) -> None:
    connection = recording.open()
    recording.receive(connection, text="hi")
    trace_id = recording.last().trace
    path = reverse("channelscope:trace-otel", args=[trace_id])
    response = await staff.get(path)
    written = b"".join([piece async for piece in response.streaming_content])
    assert [span["name"] for span in json.loads(written)] == ["in websocket.receive"]
    gone = await staff.get(reverse("channelscope:trace-otel", args=["nothing"]))
    assert gone.status_code == 404


async def test_without_a_token_there_is_no_address_for_prometheus(
    staff: Any, recording: Recording
) -> None:
    response = await staff.get(reverse("channelscope:metrics"))
    assert response.status_code == 404


@pytest.mark.parametrize("said", [None, "", "Bearer wrong", "Basic " + TOKEN, TOKEN, "Bearer ü"])
async def test_prometheus_without_the_token_is_refused(
    async_client: Any, recording: Recording, said: str | None
) -> None:
    headers = {} if said is None else {"Authorization": said}
    with override_settings(CHANNELSCOPE={"METRICS_TOKEN": TOKEN}):
        response = await async_client.get(reverse("channelscope:metrics"), headers=headers)
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Bearer"
    assert b"channelscope_" not in response.content


async def test_prometheus_with_the_token_reads_the_counts(
    async_client: Any, recording: Recording
) -> None:
    recording.open()
    with override_settings(CHANNELSCOPE={"METRICS_TOKEN": TOKEN}):
        response = await async_client.get(
            reverse("channelscope:metrics"), headers={"Authorization": f"Bearer {TOKEN}"}
        )
    assert response.status_code == 200
    assert response["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert b'channelscope_connections{process="web-1",protocol="websocket"} 1' in response.content


def test_the_pages_offer_the_files_with_their_own_filter(client: Any, recording: Recording) -> None:
    client.force_login(user("ada", is_staff=True))
    page = client.get(reverse("channelscope:traffic"), {"q": "dir:in", "message": "e:1"})
    assert f'{reverse("channelscope:traffic-har")}?q=dir%3Ain"' in page.content.decode()
    page = client.get(reverse("channelscope:connections"), {"hide": "http"})
    assert f'{reverse("channelscope:connections-ndjson")}?hide=http"' in page.content.decode()


async def test_a_file_has_what_all_processes_hold_and_says_who_did_not_answer(staff: Any) -> None:
    own, joining = relay.recorder, relay.joining
    async with processes("web-1", "web-2") as (one, two):
        relay.bind(one.recorder, one.joining)
        try:
            mine, other = one.open("/ws/a/"), two.open("/ws/b/")
            one.receive(mine, text="here")
            two.receive(other, text="there")
            lines = (await taken(staff, "traffic-ndjson", q="dir:in")).splitlines()
            assert [json.loads(line)["text"] for line in lines] == ["here", "there"]
            lines = (await taken(staff, "connections-ndjson")).splitlines()
            assert {json.loads(line)["process"] for line in lines} == {"web-1", "web-2"}
            for name in ("traffic-har", "connections-har"):
                archive = json.loads(await taken(staff, name))["log"]
                assert {entry["connection"] for entry in archive["entries"]} == {mine.id, other.id}
                assert "comment" not in archive
            await two.layer.release_channel(two.node.channel)
            *_, last = (await taken(staff, "traffic-ndjson")).splitlines()
            assert json.loads(last) == {"missing": "web-2 did not answer: its part is not here."}
            archive = json.loads(await taken(staff, "traffic-har"))["log"]
            assert "web-2 did not answer" in archive["comment"]
        finally:
            relay.bind(own, joining)
