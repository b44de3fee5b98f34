"""What a template refers to: from that come its parameters, and the proof that it has no circle."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from orchwipy_runtime.emit.structure import nested
from orchwipy_runtime.errors import CircularTemplate, InvalidTemplate

__all__ = ["check_circles", "check_targets", "made_by_sam", "unknown_names"]

_VARIABLE = re.compile(r"\$\{([^!}][^}]*)\}")
_ATTACHED = {"S3": "Bucket", "Api": "RestApiId", "HttpApi": "ApiId", "Cognito": "UserPool"}
"""Events that SAM writes into the resource that they come from, and the property that names it."""
_IMPLICIT = {"Api": "ServerlessRestApi", "HttpApi": "ServerlessHttpApi"}


def unknown_names(template: Mapping[str, Any]) -> list[str]:
    """The names in a `Ref`, or a `Fn::Sub`, that are neither in the template nor AWS's own, in order."""
    known = {*template["Resources"], *template.get("Parameters", ()), *made_by_sam(template)}
    found = {name: None for name, whole in _references(template) if whole and _base(name) not in known}
    return list(found)


def check_targets(template: Mapping[str, Any]) -> None:
    """Refuses an attribute of a resource, or a DependsOn, where there is no such resource."""
    known = {*template["Resources"], *made_by_sam(template)}
    for place, part in (*template["Resources"].items(), ("Outputs", template.get("Outputs"))):
        names = [name for name, whole in _references(part) if not whole]
        if isinstance(part, Mapping):
            names += _depends_on(part)
        for name in names:
            if name not in known:
                raise InvalidTemplate(
                    f"`{place}` needs the resource `{name}`, which the template does not have",
                    help="add it to other_resource_templates, or use {'Ref': ...}, which makes a parameter",
                )


def made_by_sam(template: Mapping[str, Any]) -> set[str]:
    """The names of resources that the transform adds and that others may refer to."""
    names = set()
    for name, resource in template["Resources"].items():
        if str(resource.get("Type", "")).startswith("AWS::Serverless::"):
            properties = resource.get("Properties", {})
            names |= {f"{name}Role", f"{name}Url", f"{name}DeadLetterQueue", f"{name}EventInvokeConfig"}
            for event, described in properties.get("Events", {}).items():
                names.add(f"{name}{event}")
                api = _IMPLICIT.get(described.get("Type"))
                if api:
                    names |= {api, f"{api}ProdStage", f"{api}ApiGatewayDefaultStage", f"{api}Deployment"}
    return names


def check_circles(template: Mapping[str, Any]) -> None:
    """Refuses resources that need each other in a circle, and says which."""
    import networkx as nx

    resources: Mapping[str, Any] = template["Resources"]
    graph = nx.DiGraph()
    for name, resource in resources.items():
        graph.add_edges_from(_needs(name, resource))
    try:
        circle = [source for source, _ in nx.find_cycle(graph)]
    except nx.NetworkXNoCycle:
        return
    shown = " → ".join(each for each in (*circle, circle[0]))
    raise CircularTemplate(
        f"resources need each other in a circle: {shown}",
        help="name one of them by text, as `!Sub ${AWS::StackName}-...` does, instead of a reference",
    )


def _needs(name: str, resource: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What has to be there before a resource, as pairs; what SAM makes of its parts is apart from it."""
    properties = resource.get("Properties", {})
    apart: Mapping[str, Any] = {}
    if resource.get("Type") == "AWS::Serverless::Function":
        parts = {"Events", "EventInvokeConfig"} | ({"Policies"} if "Role" not in properties else set())
        apart = {key: value for key, value in properties.items() if key in parts}
        properties = {key: value for key, value in properties.items() if key not in apart}
    own = {key: value for key, value in resource.items() if key != "Properties"}
    for other in _depends_on(resource):
        yield name, other
    for target, _ in _references([own, properties]):
        yield name, _base(target)
    for event, described in apart.get("Events", {}).items():
        yield from _needs_of_event(name, f"{name}{event}", described)
    if "Policies" in apart:
        role = f"{name}Role"
        yield name, role
        for target, _ in _references(apart["Policies"]):
            yield role, _base(target)
    if "EventInvokeConfig" in apart:
        config = f"{name}EventInvokeConfig"
        yield config, name
        for target, _ in _references(apart["EventInvokeConfig"]):
            yield config, _base(target)


def _needs_of_event(function: str, event: str, described: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield event, function
    kind, properties = described.get("Type", ""), described.get("Properties", {})
    source = _ATTACHED.get(kind)
    if source is None:
        for target, _ in _references(properties):
            yield event, _base(target)
    elif source in properties:
        for target, _ in _references(properties[source]):
            yield _base(target), event
    elif kind in _IMPLICIT:
        yield _IMPLICIT[kind], event


def _depends_on(resource: Mapping[str, Any]) -> list[str]:
    named = resource.get("DependsOn", [])
    return [named] if isinstance(named, str) else list(named)


def _references(value: object) -> Iterator[tuple[str, bool]]:
    """The names that stand in the value, and whether each stands for the whole, not for an attribute of it.

    AWS's own, such as AWS::Region, are no references.
    """
    for each in nested(value):
        for key, target in each.items():
            if key == "Ref" and isinstance(target, str):
                found = [(target, True)]
            elif key == "Fn::GetAtt":
                found = [(target.partition(".")[0] if isinstance(target, str) else target[0], False)]
            elif key == "Fn::Sub":
                found = list(_variables(target))
            else:
                continue
            yield from (one for one in found if isinstance(one[0], str) and not one[0].startswith("AWS::"))


def _variables(target: object) -> Iterator[tuple[str, bool]]:
    text, given = (target, {}) if isinstance(target, str) else (target[0], target[1])  # type: ignore[index]
    for name in _VARIABLE.findall(text):
        name = name.strip()
        if name not in given:
            base, dot, _ = name.partition(".")
            yield base, not dot


def _base(name: str) -> str:
    """The resource of a name: SAM knows `Function.Version` and the like as a Ref."""
    return name.partition(".")[0]
