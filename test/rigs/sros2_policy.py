"""Reads config/security/policy.xml as SROS2 does: what each enclave may do, by full names."""

from __future__ import annotations

from collections import defaultdict
from xml.etree import ElementTree

from rigs.repository import REPOSITORY

POLICY = REPOSITORY / "config" / "security" / "policy.xml"
Rights = dict[str, set[str]]
"""Full names of topics and services by what may be done: publish, subscribe, reply, request."""
OF_ACTIONS = {  # sros2/policy/templates/dds/permissions.xsl
    "execute": {"reply": ("send_goal", "cancel_goal", "get_result"), "publish": ("feedback", "status")},
    "call": {"request": ("send_goal", "cancel_goal", "get_result"), "subscribe": ("feedback", "status")},
}


def full(name: str, namespace: str, node: str) -> str:
    """The full name of an expression."""
    inside = f"{namespace.rstrip('/')}/"
    return name if name.startswith("/") else f"{inside}{node}{name[1:]}" if name.startswith("~") else f"{inside}{name}"


def rights(text: str | None = None) -> dict[str, dict[str, Rights]]:
    """What is allowed, by enclave and node."""
    found: dict[str, dict[str, Rights]] = {}
    for enclave in ElementTree.fromstring(text or POLICY.read_text("utf-8")).iter("enclave"):
        nodes = found[enclave.attrib["path"]] = {}
        for profile in enclave.iter("profile"):
            own: Rights = defaultdict(set)
            nodes[profile.attrib["node"]] = own
            for rule in profile:
                assert set(rule.attrib.values()) == {"ALLOW"}
                names = {full(str(one.text), profile.attrib["ns"], profile.attrib["node"]) for one in rule}
                for verb in rule.attrib:
                    for right, parts in OF_ACTIONS.get(verb, {}).items():
                        own[right] |= {f"{name}/_action/{part}" for name in names for part in parts}
                    if verb not in OF_ACTIONS:
                        own[verb] |= names
    return found


def holders(right: str, name: str) -> set[str]:
    """The enclaves that have a right."""
    return {enclave for enclave, nodes in rights().items() if any(name in own[right] for own in nodes.values())}
