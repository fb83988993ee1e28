"""A real systemd as process 1 of its own processes, network, mounts and control groups, over a Debian root: units start there as on a machine, with their
users, system call filters and all. What it can't show: a boot, and devices."""
import os
import pathlib
import subprocess

from .gateway import Program, wait_until

# $1: the root. Only what is made here is mounted, and all of it ends with the namespaces.
BOOT = """
root=$1
ip link set lo up
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mountpoint -q "$root/sys/fs/cgroup" || mount -t tmpfs cgroup "$root/sys/fs/cgroup"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
for folder in run dev; do mount -t tmpfs -o mode=755 "$folder" "$root/$folder"; done
mount -t tmpfs -o mode=1777 tmp "$root/tmp"
for node in null zero full random urandom tty; do touch "$root/dev/$node"; mount --bind "/dev/$node" "$root/dev/$node"; done
mkdir "$root/dev/shm" "$root/dev/pts"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
mkdir -p "$root/.old"
cd "$root"
pivot_root . .old
umount -l /.old
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system --unit=multi-user.target --log-target=journal --show-status=no
"""


def cgroup2():
    """Where version 2 of control groups is mounted; None: nowhere, or not to be written to."""
    for line in pathlib.Path("/proc/mounts").read_text().splitlines():
        _, place, kind, *_ = line.split()
        if kind == "cgroup2" and os.access(place, os.W_OK):
            return pathlib.Path(place)
    return None


class Systemd:
    def __init__(self, folder, root):
        self.root, self.group = root, cgroup2() / f"gateway-test-{os.getpid()}"
        self.group.mkdir()
        self.program = Program(folder, "systemd", ["sh", "-c", f"echo $$ >{self.group}/cgroup.procs && exec \"$@\"", "sh", "unshare", "--net", "--pid", "--mount",
                                                   "--uts", "--ipc", "--cgroup", "--fork", "--kill-child", "sh", "-euc", BOOT, "sh", root])
        wait_until(lambda: self.run("systemctl", "is-system-running").stdout.strip() in ("running", "degraded"), "systemd", interval=0.2)

    def first(self):
        assert self.program.is_running(), self.program.log()
        return pathlib.Path(f"/proc/{self.program.pid}/task/{self.program.pid}/children").read_text().strip()

    def run(self, *argv):
        """In there, as root."""
        return subprocess.run(["nsenter", "--target", self.first(), "--all", "--root", "--wd=/", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8",
                               *map(str, argv)], capture_output=True, text=True, timeout=150)

    def show(self, unit, name):
        return self.run("systemctl", "show", "--value", "--property", name, unit).stdout.strip()

    def journal(self, unit):
        return self.run("journalctl", "--no-pager", "--output", "cat", "--unit", unit).stdout

    def stop(self):
        """All that is in there ends with its process 1; then its control groups are empty."""
        if self.program.is_running():
            os.kill(int(self.first()), 9)
            self.program.wait()

        def is_gone():
            for folder, _, _ in os.walk(self.group, topdown=False):
                try:
                    os.rmdir(folder)
                except OSError:
                    return False
            return True

        wait_until(is_gone, "the end of the control groups", interval=0.05)
