"""Data planes as a control plane sees them: agent sessions, spoken by a stock gRPC client from our .proto files."""
import contextlib
import queue
import subprocess
import threading

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from .gateway import PATIENCE_S, ROOT

SESSION = "/gateway.agent.v1.Agent/Session"
FIND_FAILURES = "/gateway.admin.v1.Admin/FindFailures"
REVOKE = "/gateway.admin.v1.Admin/RevokeApiKeys"


def load_messages(*files):
    """Of our .proto files: a function that gives a message's class by its name."""
    out = subprocess.run(["protoc-c", "--descriptor_set_out=/dev/stdout", "--include_imports", "-I.", *files], cwd=ROOT / "proto", check=True,
                         capture_output=True).stdout
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(out).file:
        pool.Add(file)
    return lambda name: message_factory.GetMessageClass(pool.FindMessageTypeByName(name))


_message = load_messages("gateway/admin/v1/admin.proto")
NodeMessage, ControlMessage = _message("gateway.agent.v1.NodeMessage"), _message("gateway.agent.v1.ControlMessage")
Failure, Attempt = _message("gateway.agent.v1.Failure"), _message("gateway.agent.v1.Attempt")
FindFailuresRequest = _message("gateway.admin.v1.FindFailuresRequest")
FindFailuresResponse = _message("gateway.admin.v1.FindFailuresResponse")
RevokeApiKeysRequest = _message("gateway.admin.v1.RevokeApiKeysRequest")
RevokeApiKeysResponse = _message("gateway.admin.v1.RevokeApiKeysResponse")


class Agent:
    """One session that has said hello and is known to the control plane. `answer`: gets a FindFailures, returns the messages to send back."""

    def __init__(self, target, node_id, answer=None, cluster="tests"):
        self.node_id, self.asked, self._answer = node_id, queue.Queue(), answer
        self._outgoing, self._welcome = queue.Queue(), threading.Event()
        self._channel = grpc.insecure_channel(target)
        self.say(hello={"node_id": node_id, "node_cluster": cluster, "instance_id": f"instance of {node_id}"})
        method = self._channel.stream_stream(SESSION, NodeMessage.SerializeToString, ControlMessage.FromString)
        self.call = method(iter(self._outgoing.get, None), wait_for_ready=True)
        threading.Thread(target=self._read, daemon=True).start()
        assert self._welcome.wait(PATIENCE_S), "the fleet's size, which says that hello was heard"

    def _read(self):
        with contextlib.suppress(grpc.RpcError):
            for message in self.call:
                if message.HasField("fleet"):
                    self._welcome.set()
                elif message.HasField("find_failures"):
                    self.asked.put(message.find_failures)
                    for answer in self._answer(message.find_failures) if self._answer else []:
                        self._outgoing.put(answer)

    def say(self, **fields):
        self._outgoing.put(NodeMessage(**fields))

    def found(self, query_id, *failures, silent_workers=0):
        self.say(found_failures={"query_id": query_id, "failures": failures, "silent_workers": silent_workers})

    def next_question(self):
        return self.asked.get(timeout=PATIENCE_S)

    def close(self):
        self._outgoing.put(None)
        self.call.cancel()
        self._channel.close()


def found(question, *failures, **fields):
    """What an Agent's `answer` returns."""
    return [NodeMessage(found_failures={"query_id": question.query_id, "failures": failures, **fields})]


@contextlib.contextmanager
def admin_calls(control):
    """find_failures(request_id) to that control plane's admin API: returns grpc's future."""
    token = control.token_path.read_text().strip()
    with grpc.insecure_channel(f"127.0.0.1:{control.ports()['admin']}") as channel:
        method = channel.unary_unary(FIND_FAILURES, FindFailuresRequest.SerializeToString, FindFailuresResponse.FromString)
        yield lambda request_id, token=token: method.future(FindFailuresRequest(request_id=request_id), timeout=PATIENCE_S,
                                                            metadata=[("authorization", f"Bearer {token}")])


@contextlib.contextmanager
def revocations(control):
    """revoke(ids) by that control plane's admin API: returns grpc's future."""
    token = control.token_path.read_text().strip()
    with grpc.insecure_channel(f"127.0.0.1:{control.ports()['admin']}") as channel:
        method = channel.unary_unary(REVOKE, RevokeApiKeysRequest.SerializeToString, RevokeApiKeysResponse.FromString)
        yield lambda ids: method.future(RevokeApiKeysRequest(ids=ids), timeout=PATIENCE_S, metadata=[("authorization", f"Bearer {token}")])
