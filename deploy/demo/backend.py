#!/usr/bin/env python3
"""A demo backend: answers every request with what it saw, as JSON. Usage: backend.py NAME PORT [ADDRESS]"""
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BODY_MAX = 1 << 20


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # the head leaves before the body, which must not wait for its acknowledgement

    def answer(self):
        length = min(int(self.headers.get("Content-Length") or 0), BODY_MAX)
        body = self.rfile.read(length).decode("utf-8", "replace")
        seen = {"backend": self.server.name, "method": self.command, "path": self.path,
                "headers": dict(self.headers.items()), "body": body}
        data = (json.dumps(seen, indent=2) + "\n").encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # many data planes may come at once


def main():
    server = Server((sys.argv[3] if len(sys.argv) > 3 else "127.0.0.1", int(sys.argv[2])), Handler)
    server.name = sys.argv[1]
    server.serve_forever()


if __name__ == "__main__":
    main()
