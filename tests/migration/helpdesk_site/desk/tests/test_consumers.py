from asgiref.sync import sync_to_async
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from channels.testing import ApplicationCommunicator, HttpCommunicator, WebsocketCommunicator
from django.contrib.auth import get_user_model
from django.core import mail
from django.core.signing import Signer
from django.test import Client, TransactionTestCase

from desk.models import Comment, Ticket
from helpdesk.asgi import application

ORIGIN = (b"origin", b"http://localhost")


def make_ticket():
    user = get_user_model().objects.create_user("ada", "ada@example.com", "secret")
    return Ticket.objects.create(title="It does not work", owner=user)


def cookie_of(name):
    client = Client()
    assert client.login(username=name, password="secret")
    return (b"cookie", f"sessionid={client.cookies['sessionid'].value}".encode())


def websocket(path, *headers, **kwargs):
    return WebsocketCommunicator(application, path, headers=[ORIGIN, *headers], **kwargs)


class TicketTests(TransactionTestCase):
    async def test_a_stranger_is_refused(self):
        ticket = await sync_to_async(make_ticket)()
        stranger = websocket(f"/ws/tickets/{ticket.pk}/")
        connected, code = await stranger.connect()
        self.assertFalse(connected)
        self.assertEqual(code, 4003)

    async def test_another_site_is_refused(self):
        ticket = await sync_to_async(make_ticket)()
        headers = [(b"origin", b"http://elsewhere.example")]
        page = WebsocketCommunicator(application, f"/ws/tickets/{ticket.pk}/", headers=headers)
        connected, _ = await page.connect()
        self.assertFalse(connected)

    async def test_the_owner_comments_by_session_and_by_token(self):
        ticket = await sync_to_async(make_ticket)()
        cookie = await sync_to_async(cookie_of)("ada")
        browser = websocket(f"/ws/tickets/{ticket.pk}/", cookie)
        machine = websocket(f"/ws/tickets/{ticket.pk}/?token={Signer().sign('ada')}")
        for one in (browser, machine):
            connected, _ = await one.connect()
            self.assertTrue(connected)
        await machine.send_json_to({"action": "comment", "text": "Still broken"})
        for one in (browser, machine):
            self.assertEqual(
                await one.receive_json_from(), {"author": "ada", "text": "Still broken"}
            )
        self.assertEqual(await Comment.objects.acount(), 1)
        self.assertTrue(await browser.receive_nothing())
        job = await get_channel_layer().receive("mail")
        self.assertEqual(job["type"], "mail.send")
        for one in (browser, machine):
            await one.disconnect()

    async def test_a_forged_token_is_nobodys(self):
        ticket = await sync_to_async(make_ticket)()
        forger = websocket(f"/ws/tickets/{ticket.pk}/?token=ada:forged")
        connected, code = await forger.connect()
        self.assertEqual((connected, code), (False, 4003))

    async def test_the_subprotocol_is_agreed_on(self):
        ticket = await sync_to_async(make_ticket)()
        token = Signer().sign("ada")
        path = f"/ws/tickets/{ticket.pk}/?token={token}"
        machine = websocket(path, subprotocols=["desk.v1"])
        self.assertEqual(await machine.connect(), (True, "desk.v1"))
        await machine.disconnect()

    async def test_history_has_dates(self):
        ticket = await sync_to_async(make_ticket)()
        await Comment.objects.acreate(ticket=ticket, author=ticket.owner, text="First")
        machine = websocket(f"/ws/tickets/{ticket.pk}/?token={Signer().sign('ada')}")
        await machine.connect()
        await machine.send_json_to({"action": "history"})
        (entry,) = await machine.receive_json_from()
        self.assertEqual(entry["text"], "First")
        self.assertIsInstance(entry["at"], str)
        await machine.disconnect()

    async def test_an_unknown_action_ends_the_connection(self):
        ticket = await sync_to_async(make_ticket)()
        machine = websocket(f"/ws/tickets/{ticket.pk}/?token={Signer().sign('ada')}")
        await machine.connect()
        await machine.send_json_to({"action": "dance"})
        self.assertEqual(await machine.receive_json_from(), {"error": "unknown action"})
        closed = await machine.receive_output()
        self.assertEqual(closed["type"], "websocket.close")


class StatusTests(TransactionTestCase):
    async def test_what_is_saved_is_told(self):
        page = websocket("/ws/status/")
        connected, _ = await page.connect()
        self.assertTrue(connected)
        ticket = await sync_to_async(make_ticket)()
        self.assertEqual(
            await page.receive_json_from(timeout=5), {"id": ticket.pk, "status": "open"}
        )
        await page.send_json_to({"status": "open"})
        self.assertEqual(await page.receive_json_from(timeout=5), {"count": 1})
        await page.disconnect()


class LoginTests(TransactionTestCase):
    async def test_sign_in_and_out_on_one_connection(self):
        await sync_to_async(make_ticket)()
        page = websocket("/ws/login/")
        await page.connect()
        await page.send_json_to({"name": "ada", "password": "wrong"})
        self.assertEqual(await page.receive_json_from(timeout=5), {"user": ""})
        await page.send_json_to({"name": "ada", "password": "secret"})
        self.assertEqual(await page.receive_json_from(timeout=5), {"user": "ada"})
        await page.send_json_to({"action": "logout"})
        self.assertEqual(await page.receive_json_from(timeout=5), {"user": ""})
        await page.disconnect()


class OtherTests(TransactionTestCase):
    async def test_the_count_is_json(self):
        await sync_to_async(make_ticket)()
        response = await HttpCommunicator(application, "GET", "/count/").get_response(timeout=5)
        self.assertEqual(response["status"], 200)
        self.assertEqual(response["body"], b'{"open": 1}')
        self.assertIn((b"content-type", b"application/json"), response["headers"])

    async def test_the_worker_writes_to_the_owner(self):
        ticket = await sync_to_async(make_ticket)()
        worker = ApplicationCommunicator(application, {"type": "channel", "channel": "mail"})
        await worker.send_input({"type": "mail.send", "ticket": ticket.pk, "text": "Hello"})
        self.assertTrue(await worker.receive_nothing(timeout=1))
        subjects = [message.subject for message in mail.outbox]
        self.assertEqual(subjects, ["Re: It does not work"])
        worker.stop(exceptions=False)

    async def test_a_group_is_left_by_its_name(self):
        layer = get_channel_layer()
        channel = await layer.new_channel()
        await layer.group_add("corridor", channel)
        await layer.group_discard("corridor", channel)
        await layer.group_send("corridor", {"type": "nothing"})
        self.assertNotIn("corridor", layer.groups)

    async def test_the_database_is_reached_from_async_code(self):
        await database_sync_to_async(make_ticket)()
        self.assertEqual(await Ticket.objects.acount(), 1)
