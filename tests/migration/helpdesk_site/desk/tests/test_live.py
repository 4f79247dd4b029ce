import json
from urllib.request import urlopen

from channels.testing import ChannelsLiveServerTestCase

from desk.tests.test_consumers import make_ticket


class LiveTests(ChannelsLiveServerTestCase):
    def test_a_server_shows_what_the_test_has_saved(self):
        make_ticket()
        with urlopen(f"{self.live_server_url}/tickets/") as response:
            told = json.load(response)
        self.assertEqual(told["tickets"], [{"title": "It does not work", "status": "open"}])
