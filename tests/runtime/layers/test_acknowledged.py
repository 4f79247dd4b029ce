import pytest
from hypothesis import settings
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from runtime.layers.acknowledged import MOST_DEAD_LETTERS, Job, JobBook, RetryPolicy

POLICY = RetryPolicy(attempts=3, backoff_s=10, longest_backoff_s=15, abandoned_after_s=60)
pick = some.integers(0, 1_000)


class Model(RuleBasedStateMachine):
    """Follows every job: it is in one place at a time, and gone only when somebody says so."""

    def __init__(self):
        super().__init__()
        self.book = JobBook(POLICY)
        self.now = 0.0
        self.places = {}
        self.held = {}
        self.stale = []

    def one(self, jobs, n):
        return sorted(jobs)[n % len(jobs)]

    @rule()
    def add(self):
        job = Job(f"{len(self.places):04}", "safe", {})
        self.book.add(job)
        self.places[job.id] = "waiting"

    @rule(seconds=some.sampled_from([1, 10, 20, 60]))
    def pass_time(self, seconds):
        self.now += seconds

    @rule()
    def take(self):
        job = self.book.take(self.now)
        if job is None:
            assert "waiting" not in self.places.values()
            return
        assert self.places[job.id] in ("waiting", "delayed")
        assert 1 <= job.attempt <= POLICY.attempts
        self.places[job.id] = "taken"
        self.held[job.id] = (job, self.now + POLICY.abandoned_after_s)

    @precondition(lambda self: self.held)
    @rule(n=pick)
    def acknowledge(self, n):
        job, _ = self.held.pop(self.one(self.held, n))
        assert self.book.acknowledge(job)
        self.places[job.id] = "done"
        self.stale.append(job)

    @precondition(lambda self: self.held)
    @rule(n=pick)
    def fail(self, n):
        job, _ = self.held.pop(self.one(self.held, n))
        delay_s = self.book.fail(job, "error", self.now, 0.0)
        assert (delay_s is None) == (job.attempt == POLICY.attempts)
        self.places[job.id] = "dead" if delay_s is None else "delayed"
        self.stale.append(job)

    @precondition(lambda self: self.held)
    @rule(n=pick)
    def give_back(self, n):
        job, _ = self.held.pop(self.one(self.held, n))
        self.book.give_back(job)
        self.places[job.id] = "waiting"
        again = self.book.take(self.now)
        assert (again.id, again.attempt) == (job.id, job.attempt)
        self.book.give_back(again)
        self.stale += [job, again]

    @precondition(lambda self: self.held)
    @rule(n=pick)
    def renew(self, n):
        job, _ = self.held[self.one(self.held, n)]
        assert self.book.renew(job, self.now)
        self.held[job.id] = (job, self.now + POLICY.abandoned_after_s)

    @precondition(lambda self: self.stale)
    @rule(n=pick)
    def say_something_too_late(self, n):
        job = self.stale[n % len(self.stale)]
        assert not self.book.acknowledge(job)
        assert not self.book.renew(job, self.now)
        assert self.book.fail(job, "late", self.now, 0.0) is None
        self.book.give_back(job)

    @rule(is_kept=some.booleans())
    def empty_the_dead(self, is_kept):
        dead = [job for job, place in self.places.items() if place == "dead"]
        count = self.book.put_back(()) if is_kept else self.book.discard(())
        assert count == len(dead)
        self.places.update(dict.fromkeys(dead, "waiting" if is_kept else "done"))

    @invariant()
    def the_book_knows_where_each_job_is(self):
        places = list(self.places.values())
        assert self.book.depth == places.count("waiting") + places.count("delayed")
        assert len(self.book) == self.book.depth + places.count("taken")
        assert set(self.book.dead) == {job for job, place in self.places.items() if place == "dead"}
        due = {job.id for job, until in self.held.values() if until <= self.now}
        assert {job.id for job in self.book.abandoned(self.now)} == due


TestBook = Model.TestCase
TestBook.settings = settings(max_examples=50, stateful_step_count=40, deadline=None)


def test_the_backoff_doubles_up_to_its_longest():
    policy = RetryPolicy(attempts=5, backoff_s=1, longest_backoff_s=5)
    assert [policy.delay_s(attempt) for attempt in range(1, 7)] == [1, 2, 4, 5, None, None]
    assert RetryPolicy(attempts=10_000).delay_s(9_000) == 300


def test_the_next_change_is_the_first_of_a_retry_and_a_worker_that_is_given_up():
    book = JobBook(POLICY)
    assert book.next_change_at() is None
    for n in range(2):
        book.add(Job(str(n), "safe", {}))
    first, _ = book.take(0.0), book.take(5.0)
    assert book.next_change_at() == 60.0
    book.fail(first, "error", 20.0, 0.0)
    assert book.next_change_at() == 30.0
    assert book.take(29.9) is None
    assert book.take(30.0).id == "0"


def test_dead_letters_do_not_grow_without_bound():
    book = JobBook(RetryPolicy(attempts=1))
    for n in range(MOST_DEAD_LETTERS + 1):
        book.add(Job(str(n), "safe", {}))
        book.fail(book.take(0.0), "error", 0.0, 0.0)
    assert len(book.dead) == MOST_DEAD_LETTERS
    assert "0" not in book.dead


@pytest.mark.parametrize("what", ["put_back", "discard"])
def test_a_letter_is_handled_once_however_often_it_is_named(what):
    book = JobBook(RetryPolicy(attempts=1))
    book.add(Job("a", "safe", {}))
    book.fail(book.take(0.0), "error", 0.0, 0.0)
    assert getattr(book, what)(["a", "a"]) == 1
