import asyncio

from runtime.tasks import cancel_and_wait, spawn


async def fail():
    raise RuntimeError("the task failed")


async def test_an_error_is_reported_under_the_name_of_the_task(caplog):
    task = spawn(fail(), name="teapot")
    await asyncio.wait({task})
    await asyncio.sleep(0)
    assert "Task teapot failed" in caplog.text
    assert "the task failed" in caplog.text


async def test_an_error_can_be_handed_to_the_owner_instead(caplog):
    errors = []
    task = spawn(fail(), name="teapot", on_error=errors.append)
    await asyncio.wait({task})
    await asyncio.sleep(0)
    assert [str(error) for error in errors] == ["the task failed"]
    assert caplog.text == ""


async def test_cancelling_waits_for_the_end():
    steps = []

    async def slow_to_end():
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await asyncio.sleep(0)
            steps.append("ended")

    task = spawn(slow_to_end(), name="teapot")
    await asyncio.sleep(0)
    await cancel_and_wait(task)
    assert steps == ["ended"]
    await cancel_and_wait()
