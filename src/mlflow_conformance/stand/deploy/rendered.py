# SPDX-License-Identifier: Apache-2.0
"""YAML that programs print: what helm and kustomize render, and what Kubernetes publishes.

Read by libyaml, ten times as fast as in Python, in the YAML 1.1 that these programs write.
"""

from typing import Any

import yaml


class NotSound(ValueError):  # noqa: N818 - as the others
    """A text that is no YAML, or has a key twice in a mapping; in one sentence."""


def objects(text: str) -> list[dict[str, Any]]:
    """The documents of a text that are not empty.

    Raises:
        NotSound: it is no YAML, or a template wrote a key twice.
    """
    try:
        return [document for document in yaml.load_all(text, _Loader) if document]
    except yaml.YAMLError as problem:
        raise NotSound(str(problem)) from problem


class _Loader(yaml.CSafeLoader):
    """Safe, and refuses a key that is there twice, of which YAML would silently keep the last."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    keys = [loader.construct_object(key, deep=True) for key, _ in node.value]
    twice = {key for key in keys if keys.count(key) > 1}
    if twice:
        raise yaml.constructor.ConstructorError(
            None, None, f"the key {min(twice, key=str)!r} is there twice", node.start_mark
        )
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
