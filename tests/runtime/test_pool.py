import os
import subprocess
import sys
import threading
from queue import SimpleQueue

import pytest

from runtime.pool import HandlerPool, handler_pool


@pytest.fixture
def make_pool():
    made = []

    def make(size):
        made.append(HandlerPool(size))
        return made[-1]

    yield make
    for pool in made:
        pool.finish()


def test_a_thread_that_waits_is_taken_before_another_is_started(make_pool):
    pool = make_pool(4)
    idents = SimpleQueue()
    first = None
    for _ in range(20):
        pool.submit(lambda: idents.put(threading.get_ident()))
        first = first or idents.get(timeout=30)
        wait_for_idle(pool)
    assert {first, *(idents.get(timeout=30) for _ in range(19))} == {first}


def test_a_job_does_not_wait_for_another_while_there_is_room(make_pool):
    pool = make_pool(3)
    barrier = threading.Barrier(4)
    for _ in range(3):
        pool.submit(lambda: barrier.wait(timeout=30) and None)
    barrier.wait(timeout=30)  # or it breaks, and says so


def test_what_exceeds_the_size_waits_for_a_thread(make_pool):
    pool = make_pool(2)
    both = threading.Barrier(2)
    idents = SimpleQueue()

    def meet_and_tell():
        both.wait(timeout=30)  # one thread alone could do them all, on a slow machine
        idents.put(threading.get_ident())

    for _ in range(10):
        pool.submit(meet_and_tell)
    assert len({idents.get(timeout=30) for _ in range(10)}) == 2


def test_finish_waits_for_what_was_submitted():
    pool = HandlerPool(1)
    gate = threading.Event()
    done = []
    pool.submit(lambda: gate.wait(timeout=30) and None)
    for number in range(3):
        pool.submit(lambda number=number: done.append(number))
    threading.Timer(0, gate.set).start()
    pool.finish()
    assert done == [0, 1, 2]


def test_a_thread_that_waits_keeps_no_job_alive(make_pool):
    pool = make_pool(1)
    gone = threading.Event()

    class Job:
        def __call__(self):
            """Do nothing."""

        def __del__(self):
            gone.set()

    pool.submit(Job())
    assert gone.wait(timeout=30)


def test_the_interpreter_ends_when_the_jobs_have_ended():
    code = (
        "import threading; from runtime.pool import handler_pool; began = threading.Event();"
        "end = threading.main_thread().join;"
        "handler_pool().submit(lambda: (began.set(), end(), print('ended')) and None);"
        "began.wait()"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    assert ended.stdout == "ended\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork()")
def test_a_forked_child_has_a_pool_of_its_own():
    parents = handler_pool()
    child = os.fork()
    if child == 0:
        os._exit(0 if handler_pool() is not parents else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def wait_for_idle(pool):
    """Return when a thread of the pool waits; one that has told its job's result may not yet."""
    looked = threading.Event()
    while not pool._idle:
        looked.wait(0.001)
