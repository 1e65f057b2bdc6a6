"""General block transfer under a server's association (Green Book 8.3, 9.4.6.13).

Requests that come in blocks are put together before they are served; answers that exceed what the client receives go
in blocks, and so does the answer to whatever came in blocks. One exchange at a time: a new request ends the one before.
"""

from cas.bindings import cosempdu as cos
from cas.dlms.apdu import decode_apdu
from cas.dlms.errors import BlockError, DlmsError
from cas.dlms.server import ServerAssociation
from cas.dlms.xdlms.gbt import HEAD, Transfer, is_block

_MAX_GATHERED = 1 << 20
"""Octets of the longest request in blocks."""


class BlockServer:
    """An association to which APDUs may come in blocks. `window`: blocks that the server takes in a row, 1 to 63."""

    def __init__(self, association: ServerAssociation, window: int = 16) -> None:
        self.association = association
        self._window = window
        self._transfer: Transfer | None = None
        self._first = b""

    def receive(self, apdu: bytes) -> tuple[bytes, ...]:
        """Serve one APDU and return what is to be sent. Never raises for what a client sends."""
        if not (is_block(apdu) and self.association.has_blocks):
            self._transfer = None
            return self._answer(self.association.receive(apdu))
        try:
            block = decode_apdu(apdu)
            assert isinstance(block, cos.GeneralBlockTransfer)  # noqa: S101 - by its tag
            return self._take(block)
        except DlmsError as error:
            self._transfer = None
            return (self.association.refuse(error),)

    def _take(self, block: cos.GeneralBlockTransfer) -> tuple[bytes, ...]:
        transfer = self._transfer
        if transfer is None or self._begins(block):
            if block.block_number != 1:
                raise BlockError(f"block {block.block_number} of a transfer that was not begun")
            transfer = self._transfer = Transfer(window=self._window, limit=_MAX_GATHERED, owes=True)
            self._first = block.block_data
        outgoing, request = transfer.receive(block)
        if request is None:
            return tuple(outgoing)
        answer = self.association.receive(request, in_blocks=True)
        if answer is None:
            return tuple(transfer.acknowledge())
        return tuple(transfer.send(answer, self.association.limit - HEAD))

    def _begins(self, block: cos.GeneralBlockTransfer) -> bool:
        """Whether this is the first block of a request, and not of the one under way come again."""
        return block.block_number == 1 and bool(block.block_data) and block.block_data != self._first

    def _answer(self, answer: bytes | None) -> tuple[bytes, ...]:
        if answer is None:
            return ()
        if not self.association.has_blocks or len(answer) <= self.association.limit:
            return (answer,)
        self._transfer = Transfer(window=self._window, limit=_MAX_GATHERED)
        self._first = b""
        return tuple(self._transfer.send(answer, self.association.limit - HEAD))
