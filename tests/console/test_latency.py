from __future__ import annotations

from itertools import pairwise
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.latency import (
    BUCKETS,
    add_sparse,
    bound_of,
    bucket_of,
    count_into,
    cumulative,
    empty,
    quantile,
    sparse,
)

durations = st.floats(0, 1_000, allow_nan=False)


@given(durations)
def test_a_duration_lies_within_its_bucket(seconds):
    bucket = bucket_of(seconds)
    assert seconds <= bound_of(bucket) * (1 + 1e-9)
    assert bucket == 0 or seconds > bound_of(bucket - 1) * (1 - 1e-9)


def test_bounds_ascend_and_each_bucket_is_an_eighth_of_an_octave_wide():
    bounds = [bound_of(bucket) for bucket in range(BUCKETS)]
    assert bounds == sorted(set(bounds))
    assert bounds[-1] == float("inf")
    assert all(high / low <= 1.13 for low, high in pairwise(bounds[8:-1]))


def test_what_takes_longer_than_all_bounds_is_in_the_last_bucket():
    assert bucket_of(1e6) == BUCKETS - 1


@given(st.lists(durations))
def test_many_counted_at_once_are_counted_as_one_by_one(many):
    at_once, one_by_one = empty(), empty()
    count_into(at_once, many)
    for one in many:
        one_by_one[bucket_of(one)] += 1
    assert at_once == one_by_one


@given(st.lists(st.floats(1e-5, 1_000), min_size=1), st.sampled_from([0.0, 0.5, 0.95, 1.0]))
def test_a_quantile_is_within_seven_percent_of_the_true_one(many, share):
    buckets = empty()
    count_into(buckets, many)
    true = sorted(many)[max(ceil(share * len(many)), 1) - 1]
    assert quantile(buckets, share, max(many)) == pytest.approx(true, rel=0.07)


def test_nothing_has_no_quantile():
    assert quantile(empty(), 0.5, 0.0) == 0.0


@given(st.lists(durations), st.lists(st.integers(0, BUCKETS - 2), unique=True).map(sorted))
def test_cumulative_counts_are_those_that_do_not_exceed_the_bound(many, chosen):
    bounds = [bound_of(bucket) for bucket in chosen]
    buckets = empty()
    count_into(buckets, many)
    naive = [sum(1 for one in many if bucket_of(one) <= bucket) for bucket in chosen]
    assert cumulative(buckets, bounds) == naive


@given(st.lists(durations), st.lists(durations))
def test_what_two_processes_have_counted_is_merged_as_if_one_had(mine, theirs):
    both, merged = empty(), empty()
    count_into(both, [*mine, *theirs])
    for durations_s in (mine, theirs):
        counted = empty()
        count_into(counted, durations_s)
        add_sparse(merged, sparse(counted))
    assert merged == both


def test_buckets_that_are_none_are_passed_over():
    buckets = empty()
    add_sparse(buckets, (-1, 5, BUCKETS, 5, 3, -5, 3, 2**70, 4, 2, 7))
    assert sparse(buckets) == (4, 2)
