from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.urls import reverse

from console.live import render
from console.pages.page import ASK_S
from console.pages.workers import WorkersPage
from runtime.consumer import AsyncConsumer
from runtime.layers import InMemoryChannelLayer, channel_layers
from runtime.routing import ChannelNameRouter, ProtocolTypeRouter
from runtime.worker import Worker
from tests.console.recording import Clock, Recording
from tests.console.several import until
from tests.console.watching import params, user

pytestmark = pytest.mark.django_db(transaction=True)


class Slow(AsyncConsumer):
    may_end = asyncio.Event()

    async def job_wait(self, message: Any) -> None:
        await self.may_end.wait()


router = ProtocolTypeRouter({"channel": ChannelNameRouter({"slow": Slow.as_asgi()})})


@pytest.fixture
def layer(settings: Any) -> Any:
    settings.ASGI_APPLICATION = f"{__name__}.router"
    policies = {"safe": {"attempts": 1}}
    made = InMemoryChannelLayer(acknowledged_channels=policies, capacity=10)
    before = channel_layers.set("default", made)
    yield made
    channel_layers.set("default", before)


async def loaded(query: str = "", clock: Clock | None = None) -> WorkersPage:
    page = WorkersPage(params(query), clock=clock or Clock())
    await page.load()
    page.obstacle = ""
    return page


async def kill(layer: Any, text: str) -> str:
    await layer.send("safe", {"type": "job", "text": text})
    job = await layer.take_job("safe")
    await layer.fail_job(job, "ValueError: no")
    return str(job.id)


def targets(update: Any) -> set[str]:
    return {partial.target for partial in update.partials}


async def test_a_worker_is_listed_with_what_it_does(recording: Recording, layer: Any) -> None:
    clock = Clock()
    page = await loaded(clock=clock)
    assert (page.rows, page.served) == ([], {"slow"})
    Slow.may_end = asyncio.Event()
    worker = Worker(router, ["slow"], layer, concurrency=2)
    running = asyncio.ensure_future(worker.handle())
    for _ in range(3):
        await layer.send("slow", {"type": "job.wait"})
    await until(lambda: worker.served()[0].running == 2)
    clock.advance(ASK_S)
    update = await page.update()
    assert targets(update) >= {"#workers", "#channels"}
    [row] = page.rows
    assert (row.work.channel, row.work.concurrency, row.work.running) == ("slow", 2, 2)
    assert row.work.alias == "default"
    [(_, [slow])] = page.channels
    assert (slow.view.name, slow.workers) == ("slow", 1)
    assert "web-1" in render(update.partials)
    recording.open()
    clock.advance(ASK_S)
    update = await page.update()
    assert page.rows[0].status != row.status
    assert "#workers" not in targets(update), "it says nothing of what has changed"
    Slow.may_end.set()
    worker.stop()
    await running


async def test_what_waits_and_what_was_lost_is_counted(recording: Recording, layer: Any) -> None:
    await layer.send("mail", {"type": "mail.send"})
    recording.recorder.message_dropped(None, "mail", {"type": "x"}, "capacity", None)
    page = await loaded()
    [(_, rows)] = page.channels
    mail = next(row for row in rows if row.view.name == "mail")
    assert (mail.view.depth, mail.view.capacity, mail.lost) == (1, 10, 1)


async def test_dead_letters_come_and_the_one_that_is_open_is_shown(
    recording: Recording, layer: Any
) -> None:
    clock = Clock()
    page = await loaded("channel=safe", clock)
    await page.update()
    one = await kill(layer, "hello")
    clock.advance(ASK_S)
    assert "#letters" in targets(await page.update())
    assert [letter.id for letter in page.letters] == [one]
    opened = await loaded(f"channel=safe&letter={one}", clock)
    assert opened.letter is not None
    assert opened.letter_tree is not None
    await layer.discard_dead_letters("safe")
    clock.advance(ASK_S)
    assert (await opened.update()).must_reload


async def test_a_channel_without_letters_says_why(recording: Recording, layer: Any) -> None:
    page = await loaded("channel=mail")
    assert page.letters_error == ("The layer 'default' does not acknowledge the channel 'mail'.")


def steering(client: Any, *, may: bool = True) -> Any:
    client.force_login(user("ada", is_staff=True, is_superuser=may))
    return client


async def dead(layer: Any, count: int) -> list[str]:
    return [await kill(layer, str(number)) for number in range(count)]


@pytest.mark.parametrize("kind", ["put-back", "delete"])
async def test_letters_are_acted_on_and_the_action_is_written_down(
    async_client: Any, recording: Recording, layer: Any, kind: str
) -> None:
    from django.contrib.admin.models import LogEntry
    from django.contrib.auth import get_user_model

    ids = await dead(layer, 3)
    ada = await get_user_model().objects.acreate_user(
        "ada", password="x", is_staff=True, is_superuser=True
    )
    await async_client.aforce_login(ada)
    url = reverse("channelscope:letters", args=[kind])
    fields = {"layer": "default", "channel": "safe"}
    answer = await async_client.post(url, {**fields, "id": ids[1]})
    assert answer.status_code == 302
    counts = await layer.job_counts("safe")
    assert (counts.dead, counts.waiting) == (2, 1 if kind == "put-back" else 0)
    answer = await async_client.post(url, {**fields, "all": "1"}, headers={"HX-Request": "true"})
    assert f"{'Put back' if kind == 'put-back' else 'Deleted'}: 2" in answer.content.decode()
    assert (await layer.job_counts("safe")).dead == 0
    lines = [entry.change_message async for entry in LogEntry.objects.order_by("pk")]
    assert len(lines) == 2
    assert lines[1].endswith("all dead letters. 2 done.")


async def test_who_may_not_steer_is_refused_and_changes_nothing(
    async_client: Any, recording: Recording, layer: Any, settings: Any
) -> None:
    from django.contrib.auth import get_user_model

    await dead(layer, 1)
    url = reverse("channelscope:letters", args=["delete"])
    fields = {"layer": "default", "channel": "safe", "all": "1"}
    assert (await async_client.post(url, fields)).status_code == 302
    grace = await get_user_model().objects.acreate_user("grace", password="x", is_staff=True)
    await async_client.aforce_login(grace)
    settings.CHANNELSCOPE = {"STAFF_MAY_STEER": False}
    assert (await async_client.post(url, fields)).status_code == 403
    assert (await async_client.get(url)).status_code == 405
    assert (await layer.job_counts("safe")).dead == 1


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"layer": "default", "channel": "safe"}, 400),
        ({"layer": "default", "channel": "mail", "all": "1"}, 404),
        ({"layer": "nothing", "channel": "safe", "all": "1"}, 404),
    ],
)
def test_what_makes_no_sense_is_refused(
    client: Any, recording: Recording, layer: Any, fields: dict[str, str], status: int
) -> None:
    url = reverse("channelscope:letters", args=["put-back"])
    assert steering(client).post(url, fields).status_code == status


def test_the_page_is_whole_without_a_script(client: Any, recording: Recording, layer: Any) -> None:
    page = steering(client).get(f"{reverse('channelscope:workers')}?channel=safe").content.decode()
    assert "manage.py runworker slow" in page
    assert "Put all back" in page
    assert "a message that nobody takes is dropped after 60 s" in page
