"""The processes of a running demo: started in order, watched, and ended together.

Owns their lives and nothing that they do. Each says by a line on its standard output that it is
ready; what it says afterwards is kept, for the case that it dies. Nobody is ended but by its
own process id. Called by the command `channelscope demo`.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from runtime.tasks import spawn

READY_S = 60.0
"""How long a process may take until it is ready."""

STOP_S = 20.0
"""How long it may take over its end; more than the runtime takes over its connections."""

KEPT_LINES = 20


class ProcessEnded(Exception):
    """A process of the demo ended that should have gone on.

    Args:
        name: what it is called here.
        code: its exit status, or minus the number of the signal that killed it.
        said: the last lines of its standard output.
    """

    def __init__(self, name: str, code: int, said: Sequence[str]) -> None:
        self.name, self.code, self.said = name, code, said
        super().__init__(name, code)

    def __str__(self) -> str:
        if self.code < 0:
            how = f"was killed by {signal.Signals(-self.code).name}"
        else:
            how = f"ended with status {self.code}"
        said = "".join(f"\n  {line}" for line in self.said)
        return f"{self.name} {how}; everything else is stopped too.{said}"


@dataclass(frozen=True, slots=True)
class Plan:
    """A process that is to run.

    Attributes:
        name: what it is called in messages.
        command: the program and its arguments.
        ready: what the line says by which it is ready.
        variables: of the environment, on top of our own.
        pass_fds: descriptors that it inherits.
    """

    name: str
    command: Sequence[str]
    ready: str
    variables: Mapping[str, str] = field(default_factory=dict)
    pass_fds: Sequence[int] = ()


class Child:
    """One running process."""

    def __init__(self, plan: Plan, process: asyncio.subprocess.Process) -> None:
        self.name = plan.name
        self._plan = plan
        self._process = process
        self._said: deque[str] = deque(maxlen=KEPT_LINES)
        self._is_ready = asyncio.Event()
        self._listening = spawn(self._listen(), name=f"output of {plan.name}")

    async def wait_until_ready(self) -> None:
        """Return when it has said so.

        Raises:
            ProcessEnded: it ended first.
            TimeoutError: it says nothing.
        """
        async with asyncio.timeout(READY_S):
            await self._is_ready.wait()
        if self._listening.done():
            raise await self.ended()

    async def ended(self) -> ProcessEnded:
        """Wait for its end, and return how it was."""
        code = await self._process.wait()
        await asyncio.shield(self._listening)
        return ProcessEnded(self.name, code, list(self._said))

    async def stop(self) -> None:
        """Ask it to end, and make it if it does not."""
        if self._process.returncode is None:
            self._process.terminate()
        try:
            async with asyncio.timeout(STOP_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await self._listening

    async def _listen(self) -> None:
        """Take what it says, so that it never waits for us, until it has ended."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            text = line.decode(errors="replace").rstrip()
            if not self._is_ready.is_set() and self._plan.ready in text:
                self._is_ready.set()
            else:
                self._said.append(text)
        self._is_ready.set()  # whoever waits for it learns how it ended


class Fleet:
    """The processes of one demo; a context that ends them all, the last started first."""

    def __init__(self) -> None:
        self._started: list[list[Child]] = []

    async def __aenter__(self) -> Fleet:
        return self

    async def __aexit__(self, *_: object) -> None:
        for together in reversed(self._started):
            await asyncio.gather(*(child.stop() for child in together))

    async def start(self, plans: Iterable[Plan]) -> None:
        """Start these processes together; return when all are ready.

        Raises:
            ProcessEnded: one of them ended.
            OSError: one cannot be started.
        """
        together: list[Child] = []
        self._started.append(together)
        for plan in plans:
            together.append(await _launch(plan))  # noqa: PERF401 - each is known when it runs
        for child in together:
            await child.wait_until_ready()

    async def first_end(self) -> ProcessEnded:
        """Wait until any process ends, and return how it did."""
        children = [child for together in self._started for child in together]
        ends = [asyncio.ensure_future(child.ended()) for child in children]
        try:
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            return done.pop().result()
        finally:
            for end in ends:
                end.cancel()


async def _launch(plan: Plan) -> Child:
    process = await asyncio.create_subprocess_exec(
        *plan.command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **plan.variables},
        pass_fds=plan.pass_fds,
        # Ctrl-C is for us alone: we end the others, in order.
        start_new_session=True,
        preexec_fn=_end_with_parent if sys.platform == "linux" else None,
    )
    return Child(plan, process)


if sys.platform == "linux":
    _prctl = ctypes.CDLL(None).prctl
    _PR_SET_PDEATHSIG = 1

    def _end_with_parent() -> None:
        """Have the kernel send SIGTERM when we are gone, in whatever way.

        Source: prctl(2), PR_SET_PDEATHSIG.
        """
        _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
