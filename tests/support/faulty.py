"""A service that misbehaves on purpose, when the test says so."""
import asyncio

from .backend import Backend


class FaultyBackend(Backend):
    """`fault` of requests from now on: None: as a Backend · "reset": RST instead of an answer · "close": closed instead of one · "silent": no
    answer · "half": half of the body, then closed · an int: that status. `hits`: requests that met it; `left`: for so many (None: all).
    Without `keeps` each connection serves one request, so that none is reused."""

    def __init__(self, name="faulty", port=0, keeps=True):
        self.fault, self.hits, self.left, self.keeps = None, 0, None, keeps
        super().__init__(name, port)

    def fail(self, fault, times=None):
        self.fault, self.left, self.hits = fault, times, 0

    async def _one(self, reader, writer):
        return await super()._one(reader, writer) and self.keeps

    async def _answer(self, writer, method, target, headers, body, words, ask):
        if self.fault is None or self.left == 0:
            return await super()._answer(writer, method, target, headers, body, words, ask)
        self.hits += 1
        if self.left is not None:
            self.left -= 1
        if self.fault == "silent":
            await asyncio.sleep(3600)
        if self.fault == "reset":
            writer.transport.abort()
            return False
        if self.fault == "close":
            return False
        if self.fault == "half":
            return await super()._answer(writer, method, target, headers, body, [*words, "half"], ask)
        return await super()._answer(writer, method, target, headers, body, words, {**ask, "status": self.fault})
