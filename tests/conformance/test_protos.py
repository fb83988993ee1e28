"""Our protos against upstream's descriptors: no wrong number, type or name can land, and no upstream field is forgotten."""
import functools
import importlib
import pathlib
import re
import subprocess

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROTO = ROOT / "proto"
TABLES = sorted((ROOT / "common/xds").glob("unsupported_*.c"))
UPSTREAM_FILES = sorted(str(p.relative_to(PROTO)) for folder in ("envoy", "google") for p in PROTO.glob(folder + "/**/*.proto"))

# Unknown fields are tolerated in these: what is no received resource, and what is kept without looking inside.
TOLERANT = {"envoy.config.core.v3.Node", "envoy.config.core.v3.ControlPlane", "envoy.config.listener.v3.ApiListener",
            "envoy.type.matcher.v3.NodeMatcher"}
TOLERANT_PACKAGES = {"envoy.service.discovery.v3", "envoy.service.status.v3", "envoy.admin.v3", "google.rpc"}


@functools.cache
def ours():
    """File name to FileDescriptorProto, as protoc reads our files."""
    path = ROOT / "proto"
    out = subprocess.run(
        ["protoc-c", "--descriptor_set_out=/dev/stdout", f"-I{path}", "-I/usr/include", *UPSTREAM_FILES], cwd=path, check=True, capture_output=True
    ).stdout
    return {f.name: f for f in descriptor_pb2.FileDescriptorSet.FromString(out).file}


@functools.cache
def upstream(name):
    """A file's FileDescriptorProto, as generated from Envoy's sources."""
    importlib.import_module(name.removesuffix(".proto").replace("/", ".") + "_pb2")
    file = descriptor_pb2.FileDescriptorProto()
    descriptor_pool.Default().FindFileByName(name).CopyToProto(file)
    return file


def messages(file, prefix=None, holder=None):
    """Full name to DescriptorProto, nested ones too."""
    found = {}
    for message in (file.message_type if holder is None else holder.nested_type):
        name = f"{prefix or file.package}.{message.name}"
        found[name] = message
        found.update(messages(file, name, message))
    return found


def enums(file):
    found = {f"{file.package}.{e.name}": e for e in file.enum_type}
    for name, message in messages(file).items():
        found.update({f"{name}.{e.name}": e for e in message.enum_type})
    return found


def oneof(message, field):
    if not field.HasField("oneof_index") or field.proto3_optional:
        return None
    return message.oneof_decl[field.oneof_index].name


def shape(message, field):
    """All that the wire and generated code depend on."""
    return (field.name, field.number, field.type, field.label, field.type_name, oneof(message, field), field.proto3_optional)


def unsupported():
    """Message to {number: (name, is_ignored)}, read from the codec's table."""
    text = "\n".join(table.read_text() for table in TABLES)
    arrays = {
        name: {int(n): (field, flag == "IGNORED") for field, n, flag in re.findall(r'\{"(\w+)", (\d+), (IGNORED|REFUSED)\}', body)}
        for name, body in re.findall(r"gw_xds_unsupported_field (\w+)\[\] = \{(.*?)\n\};", text, re.S)
    }
    rows = re.findall(r'\{"([\w.]+)",\s*(\w+),\s*GW_ARRAY_LEN\((\w+)\)\}', text)
    assert {a for _, a, _ in rows} == set(arrays) and all(a == b for _, a, b in rows)
    assert len({m for m, _, _ in rows}) == len(rows)
    return {message: arrays[array] for message, array, _ in rows}


def resource_messages():
    for name in UPSTREAM_FILES:
        if ours()[name].package in TOLERANT_PACKAGES:
            continue
        for full_name, message in messages(ours()[name]).items():
            if full_name not in TOLERANT and not message.options.map_entry:
                yield name, full_name, message


def test_the_protos_are_found():
    assert len(UPSTREAM_FILES) > 20
    assert sum(len(messages(ours()[name])) for name in UPSTREAM_FILES) > 50


@pytest.mark.parametrize("name", UPSTREAM_FILES)
def test_package_and_syntax_are_upstreams(name):
    assert ours()[name].package == upstream(name).package
    assert ours()[name].syntax == upstream(name).syntax == "proto3"


@pytest.mark.parametrize("name", UPSTREAM_FILES)
def test_every_field_is_upstreams(name):
    theirs = messages(upstream(name))
    for full_name, message in messages(ours()[name]).items():
        assert full_name in theirs, f"upstream's {name} has no {full_name}"
        known = {f.number: shape(theirs[full_name], f) for f in theirs[full_name].field}
        for field in message.field:
            assert field.number in known, f"{full_name}.{field.name} = {field.number} is not upstream's"
            assert shape(message, field) == known[field.number], f"{full_name}.{field.name}"


@pytest.mark.parametrize("name", UPSTREAM_FILES)
def test_every_enum_is_upstreams_and_whole(name):
    theirs = enums(upstream(name))
    for full_name, enum in enums(ours()[name]).items():
        assert {v.number: v.name for v in enum.value} == {v.number: v.name for v in theirs[full_name].value}, full_name


@pytest.mark.parametrize("name", UPSTREAM_FILES)
def test_every_method_is_upstreams(name):
    def methods(file):
        return {
            (s.name, m.name): (m.input_type, m.output_type, m.client_streaming, m.server_streaming) for s in file.service for m in s.method
        }

    theirs = methods(upstream(name))
    for method, signature in methods(ours()[name]).items():
        assert theirs.get(method) == signature, method


def test_every_other_field_is_in_the_table_under_its_name():
    table = unsupported()
    for name, full_name, message in resource_messages():
        declared = {f.number for f in message.field}
        rest = {f.number: f.name for f in messages(upstream(name))[full_name].field if f.number not in declared}
        assert {n: field for n, (field, _) in table.get(full_name, {}).items()} == rest, full_name


def test_the_table_has_no_message_that_we_do_not_decode():
    assert set(unsupported()) <= {full_name for _, full_name, _ in resource_messages()}


def test_only_names_and_remarks_and_statistics_are_ignored():
    ignored = {name for fields in unsupported().values() for name, is_ignored in fields.values() if is_ignored}
    assert ignored == {"stat_prefix", "alt_stat_name", "metadata", "typed_filter_metadata", "traffic_direction", "dynamic_stats",
                       "track_remaining", "rules_stat_prefix", "shadow_rules_stat_prefix", "track_per_rule_stats"}
