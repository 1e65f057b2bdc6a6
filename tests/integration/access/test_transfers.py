"""What is noted of images under way, in a real database."""

from cas.access.transfers import PostgresTransfers
from cas.access.upgrade import Phase, Transfer
from cas.store.database import Pool


async def test_the_last_note_of_a_device_stands_until_it_is_forgotten(pool: Pool) -> None:
    transfers = PostgresTransfers(pool)
    assert await transfers.find("m") is None
    await transfers.note("m", Transfer(bytes(32), Phase.TRANSFER))
    await transfers.note("n", Transfer(bytes(32), Phase.TRANSFER))
    await transfers.note("m", Transfer(b"\x01" * 32, Phase.ACTIVATION))
    assert await PostgresTransfers(pool).find("m") == Transfer(b"\x01" * 32, Phase.ACTIVATION)
    await transfers.forget("m")
    await transfers.forget("m")
    assert await transfers.find("m") is None
    assert await transfers.find("n") == Transfer(bytes(32), Phase.TRANSFER)
