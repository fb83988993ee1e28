"""An HTTP/2 client by the h2 package, on a blocking socket: for what other clients don't show or wouldn't send."""
import socket
import time

import h2.config
import h2.connection
import h2.events
import h2.settings

SECONDS = 30


class Stream:
    def __init__(self):
        self.headers, self.trailers, self.data, self.has_ended, self.reset = [], [], b"", False, None

    @property
    def status(self):
        return int(self.field(":status") or 0)

    def field(self, name):
        return next((value for key, value in self.headers if key == name), None)

    def trailer(self, name):
        return next((value for key, value in self.trailers if key == name), None)


class H2Client:
    def __init__(self, port, tls=None, host="a.test", takes_data=True, settings=None):
        self.host, self.scheme, self.takes_data = host, "https" if tls else "http", takes_data
        self.socket = socket.create_connection(("127.0.0.1", port), SECONDS)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname=host)
            assert self.socket.selected_alpn_protocol() == "h2"
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(
            client_side=True, header_encoding="latin-1", validate_outbound_headers=False, normalize_outbound_headers=False))
        self.streams, self.goaway, self.is_closed = {}, None, False
        self.h2.initiate_connection()
        if settings:
            self.h2.update_settings(settings)
        self.flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def flush(self):
        self.socket.sendall(self.h2.data_to_send())

    def request(self, path, method="GET", headers=(), body=None, ends=True, authority=None, protocol=None):
        """Opens a stream; with ends=False its body goes on with send(). `protocol`: an extended CONNECT (RFC 8441)."""
        stream_id = self.h2.get_next_available_stream_id()
        stream = self.streams[stream_id] = Stream()
        stream.id = stream_id
        head = [(":method", method), (":scheme", self.scheme), (":authority", authority or self.host), (":path", path)]
        if protocol:
            self.wait(lambda: self.h2.remote_settings.enable_connect_protocol, "the peer's word that it takes extended CONNECT")
            head.append((":protocol", protocol))
        self.h2.send_headers(stream_id, [*head, *headers], end_stream=ends and body is None)
        self.flush()
        if body is not None:
            self.send(stream, body, ends)
        return stream

    def send(self, stream, data, ends=False):
        """All of it, as flow control lets it."""
        while data:
            self.wait(lambda: self.h2.local_flow_control_window(stream.id) > 0 or stream.reset is not None, "the peer's window")
            room = min(self.h2.local_flow_control_window(stream.id), self.h2.max_outbound_frame_size)
            self.h2.send_data(stream.id, data[:room])
            data = data[room:]
            self.flush()
        if ends:
            self.end(stream)

    def end(self, stream, trailers=()):
        if trailers:
            self.h2.send_headers(stream.id, list(trailers), end_stream=True)
        else:
            self.h2.end_stream(stream.id)
        self.flush()

    def reset(self, stream, code=8):
        stream.reset = code
        self.h2.reset_stream(stream.id, code)
        self.flush()

    def wait(self, condition, what, seconds=SECONDS):
        """Reads until the condition holds."""
        end = time.monotonic() + seconds
        while not condition():
            left = end - time.monotonic()
            assert left > 0, f"{what}: not within {seconds} s"
            assert not self.is_closed, f"{what}: the connection was closed first (GOAWAY: {self.goaway})"
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(65536)
            except TimeoutError:
                continue
            except ConnectionError:
                data = b""
            self.is_closed = not data
            for event in self.h2.receive_data(data) if data else ():
                self._take(event)
            if not self.is_closed:
                self.flush()

    def finish(self, stream, seconds=SECONDS):
        """Until the stream has ended, either way."""
        self.wait(lambda: stream.has_ended or stream.reset is not None, "the stream's end", seconds)
        return stream

    def fetch(self, path, **kw):
        return self.finish(self.request(path, **kw))

    def _take(self, event):
        stream = self.streams.get(getattr(event, "stream_id", None))
        if isinstance(event, h2.events.ResponseReceived):
            stream.headers = event.headers
        elif isinstance(event, h2.events.DataReceived):
            stream.data += event.data
            if self.takes_data and event.flow_controlled_length:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.TrailersReceived):
            stream.trailers = event.headers
        elif isinstance(event, h2.events.StreamEnded):
            stream.has_ended = True
        elif isinstance(event, h2.events.StreamReset):
            if stream:
                stream.reset = event.error_code
        elif isinstance(event, h2.events.ConnectionTerminated):
            self.goaway = event
