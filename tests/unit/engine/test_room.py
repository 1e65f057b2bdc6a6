"""Room for further chunks."""

import asyncio

from cas.engine.room import Room


async def is_free(room: Room) -> bool:
    try:
        await asyncio.wait_for(room.free(), 0.01)
    except TimeoutError:
        return False
    return True


async def test_there_is_room_while_fewer_devices_wait_than_could_be_begun() -> None:
    room = Room(10)
    assert await is_free(room)
    room.wait(9)
    assert await is_free(room)
    room.wait(1)
    assert not await is_free(room)
    waiting = asyncio.create_task(room.free())
    await asyncio.sleep(0)
    room.wait(-1)
    await asyncio.wait_for(waiting, 10)


async def test_who_waits_for_room_looks_again_when_it_is_taken_at_once() -> None:
    room = Room(10)
    with room.unknown():
        waiting = asyncio.create_task(room.free())
        await asyncio.sleep(0)
        room.wait(10)
    done, _ = await asyncio.wait([waiting], timeout=0.01)
    assert not done
    room.close()
    await asyncio.wait_for(waiting, 10)
