"""Tasks that go on without a turn of the event loop of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

import pytest
from broker import run

from agent_broker._remote.resumptions import Resumptions


async def waiting(*waiters: Coroutine[None, None, None]) -> list[asyncio.Task[None]]:
    """Tasks that have begun to wait."""
    tasks = [asyncio.create_task(waiter) for waiter in waiters]
    await asyncio.sleep(0)
    return tasks


def futures(count: int) -> list[asyncio.Future[int]]:
    return [asyncio.get_running_loop().create_future() for _ in range(count)]


def test_tasks_go_on_at_once_and_in_the_order_of_the_answers() -> None:
    async def body() -> None:
        heard: list[int] = []

        async def wait(future: asyncio.Future[int]) -> None:
            heard.append(await future)

        answers = futures(3)
        tasks = await waiting(*map(wait, answers))
        resumptions = Resumptions()

        def answer() -> None:
            for number in (2, 0, 1):
                resumptions.answer(answers[number], number)
            assert heard == []
            resumptions.resume()
            assert heard == [2, 0, 1]
            resumptions.resume()

        asyncio.get_running_loop().call_soon(answer)
        await asyncio.gather(*tasks)
        assert heard == [2, 0, 1]

    run(body())


def test_one_may_cancel_another_that_has_its_answer() -> None:
    async def body() -> None:
        async def wait(future: asyncio.Future[int]) -> None:
            await future
            tasks[1].cancel()

        async def cancelled(future: asyncio.Future[int]) -> None:
            with pytest.raises(asyncio.CancelledError):
                await future

        first, second = futures(2)
        tasks = await waiting(wait(first), cancelled(second))
        resumptions = Resumptions()
        resumptions.answer(first, 1)
        resumptions.answer(second, 2)
        asyncio.get_running_loop().call_soon(resumptions.resume)
        await asyncio.gather(*tasks)

    run(body())


def test_a_task_that_ends_the_program_leaves_no_other_behind() -> None:
    loop = asyncio.new_event_loop()
    heard: list[int] = []
    resumptions = Resumptions()

    async def end(future: asyncio.Future[int]) -> None:
        await future
        raise SystemExit(3)

    async def wait(future: asyncio.Future[int]) -> None:
        heard.append(await future)

    async def body() -> list[asyncio.Task[None]]:
        first, second = futures(2)
        tasks = await waiting(end(first), wait(second))
        resumptions.answer(first, 1)
        resumptions.answer(second, 2)
        return tasks

    tasks = loop.run_until_complete(body())
    loop.call_soon(resumptions.resume)
    with pytest.raises(SystemExit):
        loop.run_forever()
    assert heard == []
    loop.run_until_complete(tasks[1])
    assert heard == [2]
    assert isinstance(tasks[0].exception(), SystemExit)
    loop.close()


def test_what_waits_in_another_way_goes_on_as_usual() -> None:
    async def body() -> None:
        [shared, nobody] = futures(2)
        tasks = await waiting(wait(shared), wait(shared))
        resumptions = Resumptions()
        resumptions.answer(shared, 1)
        resumptions.answer(nobody, 2)
        await asyncio.gather(*tasks)
        assert await nobody == 2

    async def wait(future: asyncio.Future[int]) -> None:
        assert await future == 1

    run(body())
