"""Services that misbehave on purpose, on bare sockets: what no HTTP library would send. A thread a connection.

`fault` names what goes wrong from now on (FAULTS of the module for the protocol); None: nothing. A fault strikes at a moment: as a connection is
accepted, when a request is there, or when a connection that has served one gets the next.
"""
import select
import socket
import struct
import threading
import time

TRICKLE_S = 0.02  # between two bytes of who is slow
PATIENCE_S = 30


class Gone(Exception):
    """The connection is over, by whoever's will."""


class Peer:
    """One connection of a service."""

    def __init__(self, service, connection):
        self.service, self.socket, self.pending, self.served = service, connection, b"", 0
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def receive(self):
        data = self.socket.recv(65536)
        if not data:
            raise Gone
        self.pending += data

    def take(self, count):
        while len(self.pending) < count:
            self.receive()
        taken, self.pending = self.pending[:count], self.pending[count:]
        return taken

    def take_until(self, mark):
        while mark not in self.pending:
            self.receive()
        return self.take(self.pending.index(mark) + len(mark))

    def send(self, data):
        self.socket.sendall(data)

    def close(self):
        raise Gone

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Gone

    def wait_for_end(self):
        while True:
            self.receive()

    def trickle(self, data, seconds=TRICKLE_S):
        for i in range(len(data)):
            select.select([], [], [self.socket], seconds)
            if self.service.fault is None:
                raise Gone
            self.send(data[i:i + 1])

    def wait_for_client(self):
        """Until the client has what was sent: a reset takes away what was not read yet."""
        if not self.service.client_has_head.wait(PATIENCE_S):
            raise Gone


class Misbehaving:
    """speak(peer) serves one connection; `faults` are those that it knows: name → (moment, function of the peer)."""

    def __init__(self, name, speak, faults):
        self.name, self._speak, self.faults = name, speak, faults
        self.fault, self.hits, self.targets, self.times, self.connections = None, 0, [], [], set()
        self._lock = threading.Lock()
        self.client_has_head = threading.Event()
        self._listener, self._fillers, self.port = None, [], 0
        self.open()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def fail(self, fault):
        """A fault of `faults`, "refused": nobody listens, "deaf": nobody answers who wants to connect, None."""
        assert fault in (None, "refused", "deaf") or fault in self.faults, fault
        self.client_has_head.clear()
        self.hits, self.fault = 0, fault if fault in self.faults else None
        if fault in ("refused", "deaf"):
            self._shut()
            self.drop()
        if fault == "deaf":
            self._listen(0)
            # One waits to be accepted, by nobody: the kernel answers no further SYN.
            self._fillers = [socket.create_connection(("127.0.0.1", self.port))]
        elif fault is None and (self._fillers or self._listener is None):
            self._shut()
            self.open()

    def strike(self, moment, peer):
        """Lets the fault happen if this is its moment; the peer is as it was if nothing did."""
        what = self.faults.get(self.fault)
        if what is None or what[0] != moment or (moment == "reuse" and peer.served == 0):
            return False
        with self._lock:
            self.hits += 1
        what[1](peer)
        return True

    def note(self, target):
        """A request has come."""
        with self._lock:
            self.targets.append(target.decode())
            self.times.append(time.time())

    def drop(self):
        """Ends all connections."""
        for connection in list(self.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def stop(self):
        self._shut()
        self.drop()

    def _listen(self, backlog):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(backlog)
        self._listener, self.port = listener, listener.getsockname()[1]

    def open(self):
        self._listen(512)
        threading.Thread(target=self._accept, args=[self._listener], daemon=True).start()

    def _shut(self):
        for filler in self._fillers:
            filler.close()
        self._fillers = []
        if self._listener is not None:
            try:
                self._listener.shutdown(socket.SHUT_RDWR)  # wakes who accepts
            except OSError:
                pass
            self._listener.close()
            self._listener = None

    def _accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.connections.add(connection)
            threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection):
        peer = Peer(self, connection)
        try:
            self.strike("accept", peer)
            self._speak(peer)
        except (Gone, OSError):
            pass
        finally:
            self.connections.discard(connection)
            connection.close()
