"""Requests at a steady rate, whatever becomes of them: for limits, where what is let through depends on what comes."""
import http.client
import threading
import time


class Pace:
    """One kept connection to each of `ports`, each with `rate` requests a second for `seconds`. The statuses are in `found`, by port."""

    def __init__(self, ports, rate, seconds, path="/x"):
        self.rate, self.seconds, self.path = rate, seconds, path
        self.found = [[] for _ in ports]
        self.go = threading.Barrier(len(ports))
        threads = [threading.Thread(target=self.run, args=(port, found)) for port, found in zip(ports, self.found)]
        begin = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.elapsed = time.monotonic() - begin

    def run(self, port, found):
        connection, tick = http.client.HTTPConnection("127.0.0.1", port, timeout=30), threading.Event()
        connection.connect()
        self.go.wait()
        begin = time.monotonic()
        for number in range(int(self.rate * self.seconds)):
            # Late ones follow at once, so that the number is what was asked for.
            tick.wait(max(0, begin + number / self.rate - time.monotonic()))
            connection.request("GET", self.path)
            answer = connection.getresponse()
            answer.read()
            found.append(answer.status)
        connection.close()

    def count(self, status):
        return sum(found.count(status) for found in self.found)
