"""Network namespaces: a machine in the middle (`node`) and pods around it, each with an address of its own, one hop away."""
import ctypes
import os
import subprocess
import threading

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


def run(*argv, text=None):
    done = subprocess.run([str(word) for word in argv], input=text, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
    return done.stdout


def are_there():
    """Whether namespaces and address translation are to be had (root, and a kernel with them)."""
    probe = "ip link add probe type veth && nft 'add table ip probe; add chain ip probe p { type nat hook prerouting priority -100; }'"
    try:
        return os.geteuid() == 0 and subprocess.run(["unshare", "-n", "sh", "-c", probe], capture_output=True, timeout=30).returncode == 0
    except FileNotFoundError:
        return False


class Namespace:
    def __init__(self, name):
        self.name, self.path = name, f"/run/netns/{name}"
        run("ip", "netns", "add", name)
        self.run("ip", "link", "set", "lo", "up")

    def prefix(self):
        """Before a command's words: it runs in here, under the pid that was started."""
        return ["nsenter", f"--net={self.path}"]

    def run(self, *argv, text=None):
        return run(*self.prefix(), *argv, text=text)

    def enter(self):
        """This thread's sockets are made in here from now on."""
        with open(self.path) as handle:
            if libc.setns(handle.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), f"cannot enter {self.name}")

    def call(self, fn):
        """fn() in a thread in here; what it returns."""
        found = []

        def inside():
            self.enter()
            found.append(fn())

        thread = threading.Thread(target=inside)
        thread.start()
        thread.join()
        return found[0]

    def stop(self):
        run("ip", "netns", "delete", self.name)


class Net:
    """`node`, and what add() puts around it: 10.77.N.2, the way to all others through 10.77.N.1, which is the node."""

    def __init__(self):
        self.prefix, self.spaces, self.count = f"gw-{os.getpid()}-{id(self) % 10000}", [], 0
        self.node = self._new("node")
        self.node.run("sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward")

    def _new(self, name):
        made = Namespace(f"{self.prefix}-{name}")
        self.spaces.append(made)
        return made

    def add(self, name):
        """Returns (namespace, address)."""
        self.count += 1
        made, here, there = self._new(name), f"n{self.count}", f"10.77.{self.count}"
        self.node.run("ip", "link", "add", here, "type", "veth", "peer", "name", "eth0", "netns", made.name)
        self.node.run("ip", "address", "add", f"{there}.1/30", "dev", here)
        self.node.run("ip", "link", "set", here, "up")
        made.run("ip", "address", "add", f"{there}.2/30", "dev", "eth0")
        made.run("ip", "link", "set", "eth0", "up")
        made.run("ip", "route", "add", "default", "via", f"{there}.1")
        return made, f"{there}.2"

    def stop(self):
        for space in reversed(self.spaces):
            space.stop()
