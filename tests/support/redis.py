"""A real redis-server of a test's own, which can be stopped, paused and started again on the same port."""
import os
import signal
import socket
import subprocess

from .gateway import Program, wait_until
from .ports import free_port


class Redis(Program):
    """`args`: more of redis-server's, such as "--requirepass", "x"."""

    def __init__(self, folder, *args, port=None, name="redis"):
        folder.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()
        super().__init__(folder, name, ["redis-server", "--bind", "127.0.0.1", "--port", self.port, "--save", "", "--appendonly", "no", "--dir", folder, *args])
        self.expected_code = 0
        wait_until(self.accepts, "redis-server")

    def accepts(self):
        assert self.is_running(), self.output()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def pause(self):
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self):
        os.kill(self.pid, signal.SIGCONT)

    def cli(self, *words):
        return subprocess.run(["redis-cli", "-h", "127.0.0.1", "-p", str(self.port), *words], capture_output=True, text=True, timeout=30, check=True).stdout
