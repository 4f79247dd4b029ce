"""Whatever happens to a connection whose handlers may run at once: they start in order and never
too many together, `connect()` and `disconnect()` run alone, and the latter once, after all.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from tests.support.connection_scripts import AsyncActor, Says, Script, run, scripts

pytestmark = pytest.mark.usefixtures("scripted")


class TwoAtOnce(AsyncActor):
    max_concurrency = 2


class ThreeAtOnce(AsyncActor):
    max_concurrency = 3


# Work that comes faster than it is done, before whatever else happens.
rushes = st.lists(st.just(Says("client", "wait")), max_size=8)
rushed_scripts = st.builds(
    lambda script, rush: replace(script, steps=(*rush, *script.steps)), scripts, rushes
)


@pytest.mark.parametrize("actor", [TwoAtOnce, ThreeAtOnce])
@given(rushed_scripts)
@effort(max_examples=250, deadline=None)
def test_any_script_with_several_handlers_at_once(actor: type[AsyncActor], script: Script) -> None:
    run(actor, script)
