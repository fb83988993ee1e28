"""A real MariaDB server on loopback, made anew for each test that wants one."""
import pathlib
import shutil
import signal
import subprocess

from support.gateway import wait_until
from support.ports import free_port

USER, PASSWORD, DATABASE = "gateway", "a password that nobody shall see", "gateway"


class MariaDb:
    """`args`: more of mariadbd's."""

    def __init__(self, folder, *args):
        self.folder, self.args = pathlib.Path(folder), args
        self.folder.mkdir(parents=True)
        self.port = free_port()
        subprocess.run(["mariadb-install-db", "--no-defaults", f"--datadir={self.folder}/data", "--auth-root-authentication-method=normal",
                        "--skip-test-db", "--user=root", "--basedir=/usr"], check=True, capture_output=True, timeout=120)
        self.process = None
        self.start()
        self.sql(f"CREATE DATABASE {DATABASE}; CREATE USER '{USER}'@'%' IDENTIFIED BY '{PASSWORD}'; "
                 f"GRANT ALL ON {DATABASE}.* TO '{USER}'@'%'", database="")

    def start(self):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(["mariadbd", "--no-defaults", "--user=root", f"--datadir={self.folder}/data",
                                             f"--socket={self.folder}/s.sock", "--bind-address=127.0.0.1", f"--port={self.port}",
                                             "--skip-name-resolve", "--skip-log-bin", "--innodb-buffer-pool-size=16M", *self.args],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(lambda: self.client("SELECT 1", "").returncode == 0, "MariaDB")

    def client(self, statements, database=DATABASE):
        return subprocess.run(["mariadb", "--no-defaults", f"--socket={self.folder}/s.sock", "-u", "root", "-N", *([database] if database else [])],
                              input=statements, capture_output=True, text=True, timeout=60)

    def sql(self, statements, database=DATABASE):
        done = self.client(statements, database)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def kill(self):
        self.process.kill()
        self.process.wait()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self):
        if self.process.poll() is None:
            self.go_on()
            self.kill()

    @staticmethod
    def is_there():
        return shutil.which("mariadbd") is not None

    def settings(self):
        """As the origin names them."""
        return {"MYSQL_HOST": "127.0.0.1", "MYSQL_PORT": str(self.port), "MYSQL_USER": USER, "MYSQL_PASSWORD": PASSWORD,
                "MYSQL_DATABASE": DATABASE}
