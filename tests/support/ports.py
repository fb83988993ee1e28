"""Ports for servers that can't be asked for 0."""
import random
import socket


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_port():
    """Free now, and below those that the system gives to connections, so that none takes it until it is used."""
    while not is_free(port := random.randrange(10000, 32000)):
        pass
    return port
