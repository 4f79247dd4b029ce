from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from console.handlers import STEP_S, STEPS
from console.tally import Tally


def counted(*happenings: tuple[str, float]) -> Tally:
    tally = Tally()
    for kind, now in happenings:
        if now >= tally.ends_at:
            tally.turn_to(now)
        tally.totals[kind] += 1
    return tally


@given(
    st.lists(st.tuples(st.floats(0, 1_500), st.sampled_from(["in", "out"]))).map(sorted),
    st.floats(0, 100),
)
def test_a_series_is_what_a_naive_count_gives(happenings, later):
    tally = counted(*((kind, now) for now, kind in happenings))
    now = (happenings[-1][0] if happenings else 0.0) + later
    oldest = int(now / STEP_S) - STEPS + 1
    for kind in ("in", "out"):
        moments = [at for at, one in happenings if one == kind]
        naive = [
            sum(1 for at in moments if int(at / STEP_S) == number)
            for number in range(oldest, oldest + STEPS)
        ]
        assert tally.series(kind, now) == naive
        assert tally.totals[kind] == len(moments)


def test_a_clock_that_is_set_back_keeps_the_totals():
    tally = counted(("in", 5_000.0))
    assert sum(tally.series("in", 1_000.0)) == 0
    tally.totals["in"] += 1
    assert tally.totals["in"] == 2
    assert sum(tally.series("in", 1_000.0)) == 1
