"""What `manage.py test` finds."""

from django.test import SimpleTestCase


class PagesTest(SimpleTestCase):
    """The pages of the project."""

    def test_the_console_asks_who_is_there(self):
        response = self.client.get("/console/")
        self.assertEqual(response.status_code, 302)
