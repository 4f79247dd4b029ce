"""What a protocol's settings may say is in its page, with the defaults."""

import re
from dataclasses import MISSING, fields
from pathlib import Path

import pytest

from runtime.protocols.aprs.settings import AprsSettings
from runtime.protocols.mqtt.settings import MqttSettings
from runtime.protocols.telegram.settings import TelegramSettings

DOCS = Path(__file__).resolve().parents[3] / "docs/protocols"


@pytest.mark.parametrize(
    ("page", "settings"),
    [("aprs", AprsSettings), ("mqtt", MqttSettings), ("telegram", TelegramSettings)],
)
def test_every_setting_is_documented_with_its_default(page, settings):
    text = (DOCS / f"{page}.md").read_text("utf-8")
    table = text.partition("## Settings\n")[2].partition("\n## ")[0]
    documented = dict(re.findall(r"^\| `([A-Z_0-9]+)` \| (.+?) \| ", table, re.MULTILINE))
    assert documented == {
        field.name: "required" if field.default is MISSING else f"`{field.default!r}`"
        for field in fields(settings)
    }
