"""Fifty tenants and the operator: whatever one tries, what others have is like what does not exist."""

import random
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from memorag_graph.memory.backends.local import LocalMemoryModel
from memorag_graph.memory.memory_model import MemoryModel
from memorag_graph.serving.credentials import KeyFile
from tests.conftest import tiny_model
from tests.tenant_doors import NAMING, OPENING, SPELLINGS, Spelling
from tests.tenant_worlds import COMMON_NAME, Call, Kept, Run, Sent, Tenant, World, copy_files, settle

TENANTS = 50
CALLERS, ATTEMPTS = 20, 50
"""Of the tenants that try, and what each of them tries at what all others have: 1,000 in all."""

SEED = 0

LISTS = [Call("GET", path) for path in ("/memories", "/libraries", "/v1/models")]
_NAMES = ("memory_id", "memory", "library", "document")

_OF_THE_OPERATOR = "/metrics"
"""It tells the operator of all."""


@dataclass(frozen=True)
class Attempt:
    """What one tenant sends to get at what another has."""

    kind: str
    caller: Tenant
    victim: Tenant
    sent: Sent


@dataclass(frozen=True)
class City:
    """The service of all, who lives there, and what other services are made of.

    Attributes:
        world: The service.
        tenants: The operator and the tenants.
        files: A copy of their files, as they were when all had settled.
        keys: The keys of all.
        model: The model of all.
    """

    world: World
    tenants: Sequence[Tenant]
    files: Path
    keys: KeyFile
    model: MemoryModel

    def with_only(self, root: Path, *tenants: Tenant) -> World:
        """Start a service in which nobody but some tenants exists, as they were when they had settled."""
        copy_files(self.files, root, *tenants)
        return World(root, self.keys, self.model)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    root = tmp_path_factory.mktemp("city")
    keys, model = KeyFile(root / "keys.json"), LocalMemoryModel(tiny_model("llama"))
    world = World(root, keys, model)
    tenants = settle(world, keys, TENANTS, SEED)
    files = tmp_path_factory.mktemp("files")
    copy_files(root, files, *tenants)
    yield City(world, tenants, files, keys, model)
    world.stop()


def deck(chance: random.Random) -> list[tuple[str, Spelling | None]]:
    """Return kinds of attempts and spellings in random order: of each kind some with and some without a spelling."""
    opening = [(kind, it) for kind in OPENING for it in (*[None] * 8, *chance.sample(SPELLINGS, 8))]
    naming = [(kind, it) for kind in NAMING for it in (None, chance.choice(SPELLINGS))]
    missing = CALLERS * ATTEMPTS - len(opening) - len(naming)
    cards = [*opening, *naming, *((chance.choice([*OPENING]), None) for _ in range(missing))]
    chance.shuffle(cards)
    return sorted(cards, key=lambda card: card[0].endswith(_OF_THE_OPERATOR))  # the operator is dealt the first


def attempts(
    city: City, caller: Tenant, cards: Sequence[tuple[str, Spelling | None]], chance: random.Random
) -> Iterator[Attempt]:
    """Aim attempts of a tenant at what others have; sometimes at a memory that several have."""
    for kind, spell in cards:
        victim = chance.choice([it for it in city.tenants if it is not caller])
        its = victim.things
        if victim.common_id and chance.random() < 0.3:
            its = replace(its, memory_id=victim.common_id, memory=COMMON_NAME)
        if spell:
            memories, libraries = victim.folders
            folders = {"memory_id": memories, "memory": memories, "library": libraries, "document": libraries}
            root = str(city.world.root)
            spelled = {it: spell(getattr(its, it), victim.name, folder, root) for it, folder in folders.items()}
            its = replace(its, **spelled)
        door = OPENING.get(kind) or NAMING[kind]
        yield Attempt(kind, caller, victim, door(caller.things, its))


def leaks(city: City, caller: Tenant, reply: str, said: str) -> set[str]:
    """Return what a reply tells of others that the caller did not say; who has a text knows the id of its memory."""
    others = [it for it in city.tenants if it is not caller and it.things.word not in said]
    return {it for other in others for it in other.secrets if it in reply and it not in said}


def test_every_door_opens_to_its_owner_and_to_no_stranger(city: City, tmp_path: Path) -> None:
    world = city.with_only(tmp_path / "copy", *city.tenants)
    writers = [it for it in city.tenants if it.role != "reader"]
    for number, (kind, door) in enumerate(OPENING.items()):
        owner = writers[number % len(writers)]
        stranger = next(it for it in writers if not shared(it, owner))
        sent = door(owner.things, owner.things)
        refused, opened = world.reply(stranger, sent), world.reply(owner, sent)
        assert refused != opened, kind
        assert isinstance(sent, Run) or opened.startswith("2"), (kind, opened)
    world.stop()


def shared(one: Tenant, other: Tenant) -> set[str]:
    """Return the names that two tenants use for what they have."""
    return {getattr(one.things, it) for it in _NAMES} & {getattr(other.things, it) for it in _NAMES}


def unordered(reply: str) -> object:
    """Return what two replies have in common: of a log of patches, their places, as times tell what comes together."""
    if '{"ops":[' not in reply:
        return reply
    places = set(re.findall(r'"path":"([^"]*)"', reply))
    return reply.split("\n", 1)[0], {it for it in places if "timings" not in it and "~" not in it}


def faults(
    city: City, alone: World, attempt: Attempt, said: str, kept: dict[str, Kept]
) -> Iterator[tuple[str, object]]:
    """Make an attempt; yield what it gained, and what shows that.

    Args:
        city: Where it is made.
        alone: The service without anybody but the caller, where it is made, too.
        attempt: The attempt.
        said: All that the caller has sent.
        kept: The files of all.
    """
    caller, victim, sent = attempt.caller, attempt.victim, attempt.sent
    got, expected = city.world.reply(caller, sent), alone.reply(caller, sent)
    if unordered(got) != unordered(expected):
        yield "another reply than without the other tenant", (sent, got, expected)
    if told := leaks(city, caller, got, said):
        yield "tells", (sent, told)
    if (now := city.world.kept(victim)) != kept[victim.name]:
        kept[victim.name] = now
        yield "changes another tenant's files", sent


def test_what_another_tenant_has_is_like_what_does_not_exist(city: City, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    kept = {it.name: city.world.kept(it) for it in city.tenants}
    failed: defaultdict[str, list[object]] = defaultdict(list)
    operator, *others = city.tenants
    cards = deck(chance)
    for number, caller in enumerate([operator, *chance.sample(others, CALLERS - 1)]):
        alone, said = city.with_only(tmp_path / str(number), caller), ""
        alone.talk(caller)
        for attempt in attempts(city, caller, cards[number * ATTEMPTS : (number + 1) * ATTEMPTS], chance):
            said += str(attempt.sent)
            for what, shown in faults(city, alone, attempt, said, kept):
                failed[f"{attempt.kind}: {what}"].append(shown)
        for listed in LISTS:
            if city.world.reply(caller, listed) != alone.reply(caller, listed):
                failed["its own lists differ at the end"].append(listed)
        alone.stop()
        kept[caller.name] = city.world.kept(caller)  # it may change what is its own
    for tenant in city.tenants:
        if city.world.kept(tenant) != kept[tenant.name]:
            failed["files changed by a tenant who was not aimed at"].append(tenant.name)
    assert not failed, "\n".join(
        f"{len(shown)} x {what}, such as {str(shown[0])[:2000]}" for what, shown in failed.items()
    )
