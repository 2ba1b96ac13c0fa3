"""Holds dashboards against Grafana's published schema, as its Foundation SDK has it.

Grafana itself makes the SDK's models from its schema. A file fits when the models read all of it and
write the same again (what they do not know would be lost), and every value has the type, and is one
of the words, that they say. Prints a line for each dashboard; ends with 1 and what is wrong.
"""

import enum
import json
import sys
import types
import typing

from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard


def differences(ours, theirs, path):
    """What one of two JSON values has and the other has not; defaults that were added are none."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in ours:
            if key not in theirs:
                # A null says the same as nothing.
                if ours[key] is not None:
                    yield f"{path}.{key} is not in the schema"
            else:
                yield from differences(ours[key], theirs[key], f"{path}.{key}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for number, (one, other) in enumerate(zip(ours, theirs)):
            yield from differences(one, other, f"{path}[{number}]")
    elif ours != theirs:
        yield f"{path} is {ours!r}, and {theirs!r} when it was read"


def written(model):
    """A model as JSON."""
    return json.loads(json.dumps(model, cls=JSONEncoder))


def misfits(value, hint, path):
    """Values that are not of the type that the models say."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is typing.Any or hint is object or value is None:
        return
    if origin in (typing.Union, types.UnionType):
        found = [list(misfits(value, one, path)) for one in arguments]
        if all(found):
            yield min(found, key=len)[0]
    elif origin is typing.Literal:
        if value not in arguments:
            yield f"{path} is {value!r}, not one of {arguments}"
    elif origin is list:
        if not isinstance(value, list):
            yield f"{path} is no list"
            return
        for number, one in enumerate(value):
            yield from misfits(one, arguments[0], f"{path}[{number}]")
    elif origin is dict:
        if not isinstance(value, dict):
            yield f"{path} is no object"
            return
        for key, one in value.items():
            yield from misfits(one, arguments[1], f"{path}.{key}")
    elif isinstance(hint, type) and issubclass(hint, enum.Enum):
        if value not in list(hint):
            yield f"{path} is {value!r}, not one of {[one.value for one in hint]}"
    elif hint is float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            yield f"{path} is {value!r}, not a number"
    elif isinstance(value, dict) and hasattr(hint, "from_json"):
        # The models leave some of their own parts unread.
        read = hint.from_json(value)
        yield from differences(value, written(read), path)
        yield from walk(read, path)
    elif isinstance(hint, type):
        if hint is int and isinstance(value, bool) or not isinstance(value, hint):
            yield f"{path} is {value!r}, not a {hint.__name__}"


def walk(model, path):
    """Every object of the models in another, with what does not fit in it."""
    module = sys.modules[type(model).__module__]
    hints = {}
    for base in reversed(type(model).__mro__):
        for name, hint in vars(base).get("__annotations__", {}).items():
            # Some refer to classes by their name alone.
            space = {**vars(typing), **vars(module), "typing": typing}
            hints[name] = eval(hint, space) if isinstance(hint, str) else typing.get_type_hints(
                type(model), space
            ).get(name, hint)
    for name, hint in hints.items():
        value = getattr(model, name, None)
        here = f"{path}.{name}"
        yield from misfits(value, hint, here)
        yield from descend(value, here)


def descend(value, path):
    if isinstance(value, list):
        for number, one in enumerate(value):
            yield from descend(one, f"{path}[{number}]")
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from descend(one, f"{path}.{key}")
    elif type(value).__module__.startswith("grafana_foundation_sdk.models") and not isinstance(
        value, enum.Enum
    ):
        yield from walk(value, path)


def main():
    plugins.register_default_plugins()
    wrong = 0
    for file in sys.argv[1:]:
        with open(file, encoding="utf-8") as text:
            ours = json.load(text)
        read = Dashboard.from_json(ours)
        found = [*differences(ours, written(read), "dashboard"), *walk(read, "dashboard")]
        for one in found:
            print(f"{file}: {one}")
        wrong += len(found)
        if not found:
            print(f"{ours['uid']}: {len(ours['panels'])} panels and rows fit")
    sys.exit(1 if wrong else 0)


main()
