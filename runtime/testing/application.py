"""A server's side of one scope, in the hands of a test.

Owns the task in which the application runs and the two queues between it and the
test. Knows no protocol; the communicators beside this module do. Changes nothing
outside of itself, so nothing is left to undo when a test forgets to.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from asgiref.compatibility import guarantee_single_callable

from runtime.typing import ASGIApplication, Event, Scope


class ApplicationCommunicator:
    """Runs an application for one scope: the test sends it events and receives its own.

    The application starts with the first call, in a copy of the test's context. What it
    raises is raised by the call that finds it. A call that runs out of time leaves the
    application as it is. As an asynchronous context manager it ends the application when
    the block ends, and raises an error that no call has.

    Args:
        application: an ASGI application.
        scope: what it is called with; a test may change it before the first call.
    """

    def __init__(self, application: ASGIApplication, scope: Scope) -> None:
        self.application: ASGIApplication = guarantee_single_callable(  # type: ignore[no-untyped-call]
            application
        )
        self.scope = scope
        self.input_queue: asyncio.Queue[Event] = asyncio.Queue()
        self.output_queue: asyncio.Queue[Event] = asyncio.Queue()
        self._future: asyncio.Task[None] | None = None
        self._is_error_raised = False

    @property
    def future(self) -> asyncio.Task[None]:
        """The task of the application, started if it has not been."""
        if self._future is None:
            # Not through the spawner: its errors are the test's, which may well expect them.
            self._future = asyncio.create_task(self._run(), name="application under test")
        return self._future

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._future is None:
            return
        await self._finish(self._future)
        if error is None and not self._is_error_raised:
            self._raise_error()

    async def send_input(self, message: Event) -> None:
        """Give the application an event.

        Raises:
            BaseException: what the application has ended with.
        """
        self._raise_error()
        self.input_queue.put_nowait(message)

    async def receive_output(self, timeout: float = 1) -> Event:
        """Return the next event of the application.

        Args:
            timeout: seconds.

        Raises:
            TimeoutError: none came in time, or none can come since the application has ended.
            BaseException: what the application has ended with.
        """
        self._raise_error()
        if not self.output_queue.empty():
            return self.output_queue.get_nowait()
        reader = asyncio.create_task(self.output_queue.get())
        try:
            await asyncio.wait(
                {reader, self.future}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED
            )
            if reader.done():
                return reader.result()
        finally:
            reader.cancel()
        self._raise_error()
        if self.future.done():
            raise TimeoutError("The application has ended and sends no more events.")
        raise TimeoutError(f"The application sent no event within {timeout} s.")

    async def receive_nothing(self, timeout: float = 0.1, interval: float = 0.01) -> bool:
        """Return whether the application sends no event for a while.

        Args:
            timeout: seconds that it is watched.
            interval: seconds between two looks.

        Raises:
            BaseException: what the application has ended with.
        """
        self._raise_error()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        # It looks again and again, because a queue cannot be waited for without taking from it.
        while self.output_queue.empty() and loop.time() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(interval)
        return self.output_queue.empty()

    async def wait(self, timeout: float = 1) -> None:
        """Return when the application has ended, or the time is over: `future.done()` says which.

        Args:
            timeout: seconds, after which the application goes on.

        Raises:
            BaseException: what it has ended with.
        """
        await asyncio.wait({self.future}, timeout=timeout)
        self._raise_error()

    def stop(self, exceptions: bool = True) -> None:
        """Cancel the application, if it runs.

        Args:
            exceptions: whether to raise what it has ended with already.

        Raises:
            BaseException: what it has ended with.
        """
        if self._future is None:
            return
        if not self._future.done():
            self._future.cancel()
        elif exceptions:
            self._raise_error()

    async def _run(self) -> None:
        await self.application(self.scope, self.input_queue.get, self.output_queue.put)

    async def _finish(self, future: asyncio.Task[None]) -> None:
        """End the application and wait until it has; a subclass says goodbye first."""
        future.cancel()
        await asyncio.wait({future})

    def _raise_error(self) -> None:
        """Raise what the application has ended with; start it, if it has not been."""
        if not self.future.done() or self.future.cancelled():
            return
        if (error := self.future.exception()) is not None:
            self._is_error_raised = True
            raise error
