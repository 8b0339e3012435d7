"""An address is made of all on which a result depends, and of nothing else."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import StoreError
from pipeline.core.tables import DROPOUTS, Tables
from pipeline.workspace.stage_cache import Computation, Outcome, State, run
from pipeline.workspace.store import Store

ROOT = "cd" * 32


def row(start_ms: int) -> dict[str, object]:
    return {"start_ms": start_ms, "end_ms": start_ms + 1, "channel": 0}


def stage(
    name: str = "first",
    work: Callable[[Tables], Tables] | None = None,
    needs: tuple[str, ...] = (),
    **more: object,
) -> Computation:
    def nothing(_: Tables) -> Tables:
        return {"dropouts": DROPOUTS.empty()}

    return replace(Computation(name, 1, needs, work or nothing), **more)  # type: ignore[arg-type]


def addresses(stages: list[Computation], folder: Path, root: str = ROOT) -> Mapping[str, str]:
    return run(stages, root, Store(folder)).addresses


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "workspace")


# What the parameters of a stage are made of: settings as JSON.
numbers = st.integers(-5, 5) | st.floats(-5, 5)
settings = st.dictionaries(
    st.sampled_from("abc"), numbers | st.booleans() | st.text(max_size=3) | st.none(), max_size=3
)
stages = st.builds(
    Computation,
    name=st.sampled_from(["one", "two"]),
    version=st.integers(1, 3),
    needs=st.sampled_from([(), ("up",), ("other",), ("up", "other")]),
    work=st.just(lambda _: {}),
    parameters=settings,
    engine=st.dictionaries(st.sampled_from(["library", "model"]), st.text(max_size=2), max_size=2),
)
known = st.fixed_dictionaries(
    {"up": st.sampled_from(["u1", "u2"]), "other": st.sampled_from(["o1", "o2"])}
)


@given(a=stages, b=stages, known_a=known, known_b=known, roots=st.tuples(st.text(), st.text()))
def test_facts_differ_exactly_where_the_stages_do(
    a: Computation,
    b: Computation,
    known_a: dict[str, str],
    known_b: dict[str, str],
    roots: tuple[str, str],
) -> None:
    def made_of(one: Computation, upstream: dict[str, str], root: str) -> object:
        inputs = [upstream[name] for name in sorted(one.needs)]
        # 1, 1.0 and True are equal in Python and three things in JSON.
        parameters = sorted((key, repr(value)) for key, value in one.parameters.items())
        return one.name, one.version, parameters, sorted(one.needs), inputs or root

    same = made_of(a, known_a, roots[0]) == made_of(b, known_b, roots[1])
    from pipeline.workspace.store import canonical  # noqa: PLC0415

    facts = [canonical(a.facts(roots[0], known_a)), canonical(b.facts(roots[1], known_b))]
    assert (facts[0] == facts[1]) == same


def test_every_ingredient_changes_the_address_and_what_follows(tmp_path: Path) -> None:
    def walk(first: Computation, root: str = ROOT) -> Mapping[str, str]:
        walk.count += 1  # type: ignore[attr-defined]
        folder = tmp_path / str(walk.count)  # type: ignore[attr-defined]
        return addresses([first, stage("second", needs=(first.name,))], folder, root)

    walk.count = 0  # type: ignore[attr-defined]
    base = walk(stage())
    assert walk(stage()) == base
    assert walk(stage(work=lambda _: {"dropouts": DROPOUTS.frame([row(1)])})) == base
    changed = [
        walk(stage(version=2)),
        walk(stage(parameters={"threshold": 1})),
        walk(stage(parameters={"threshold": 2})),
        walk(stage(engine={"library": "1.0"})),
        walk(stage(engine={"library": "1.1"})),
        walk(stage(), root="ce" * 32),
        walk(stage("third")),
    ]
    seconds = [outcome["second"] for outcome in changed]
    assert len({base["second"], *seconds}) == 1 + len(changed)
    firsts = [next(iter(outcome.values())) for outcome in changed]
    assert len({base["first"], *firsts}) == 1 + len(changed)


def counting(start_ms: int, seen: list[int]) -> Callable[[Tables], Tables]:
    def work(_: Tables) -> Tables:
        seen.append(start_ms)
        return {"dropouts": DROPOUTS.frame([row(start_ms)])}

    return work


def test_a_second_run_computes_nothing(store: Store) -> None:
    seen: list[int] = []
    made = [stage(work=counting(1, seen)), stage("second", counting(2, seen), ("first",))]
    told: list[tuple[str, State]] = []
    once = run(made, ROOT, store, on_progress=lambda name, state: told.append((name, state)))
    assert told == [
        ("first", "started"),
        ("first", "done"),
        ("second", "started"),
        ("second", "done"),
    ]
    told.clear()
    twice = run(made, ROOT, store, on_progress=lambda name, state: told.append((name, state)))
    assert told == [("first", "kept"), ("second", "kept")]
    assert seen == [1, 2]
    assert twice.tables["dropouts"].equals(once.tables["dropouts"])
    assert (twice.addresses, twice.slots) == (once.addresses, once.slots)


def test_a_changed_parameter_computes_that_stage_and_what_rests_on_it(store: Store) -> None:
    seen: list[int] = []

    def walk(threshold: int) -> Mapping[str, State]:
        made = [
            stage("first", counting(1, seen)),
            stage("aside", counting(2, seen)),
            stage("second", counting(3, seen), ("first",), parameters={"threshold": threshold}),
            stage("third", counting(4, seen), ("second", "aside")),
        ]
        return run(made, ROOT, store).states

    walk(1)
    seen.clear()
    assert walk(2) == {"first": "kept", "aside": "kept", "second": "done", "third": "done"}
    assert seen == [3, 4]
    seen.clear()
    assert set(walk(1).values()) == {"kept"}  # the old one is still there
    assert seen == []


def test_an_engine_upgrade_is_stale_and_used_until_a_refresh(store: Store) -> None:
    seen: list[int] = []

    def walk(library: str, start_ms: int, *, refresh: bool = False) -> Outcome:
        made = [
            stage(work=counting(start_ms, seen), engine={"library": library}),
            stage("second", counting(start_ms, seen), ("first",)),
        ]
        return run(made, ROOT, store, refresh=refresh)

    old = walk("1.0", 1)
    upgraded = walk("2.0", 2)
    assert upgraded.states == {"first": "stale", "second": "kept"}
    assert upgraded.tables["dropouts"]["start_ms"].to_list() == [1]
    assert upgraded.addresses == old.addresses  # provenance names what made the result
    assert seen == [1, 1]
    fresh = walk("2.0", 3, refresh=True)
    assert fresh.states == {"first": "done", "second": "done"}
    assert fresh.tables["dropouts"]["start_ms"].to_list() == [3]
    assert fresh.addresses["first"] != old.addresses["first"]
    assert fresh.addresses["second"] != old.addresses["second"]
    assert walk("2.0", 4).states == {"first": "kept", "second": "kept"}
    assert walk("1.0", 4).states["first"] == "stale"


def test_a_stage_that_raises_leaves_the_earlier_ones(store: Store) -> None:
    seen: list[int] = []

    def broken(_: Tables) -> Tables:
        raise RuntimeError

    first = stage(work=counting(1, seen))
    with pytest.raises(RuntimeError):
        run([first, stage("second", broken, ("first",))], ROOT, store)
    healed = stage("second", counting(2, seen), ("first",))
    assert run([first, healed], ROOT, store).states == {"first": "kept", "second": "done"}
    assert seen == [1, 2]


def test_a_result_that_does_not_conform_is_not_kept(store: Store) -> None:
    bad = stage(work=lambda _: {"dropouts": DROPOUTS.empty().drop("channel")})
    with pytest.raises(StoreError, match="lacks columns"):
        run([bad], ROOT, store)
    assert run([stage()], ROOT, store).states == {"first": "done"}


def test_a_stage_sees_what_stands_upstream(store: Store) -> None:
    def doubled(tables: Tables) -> Tables:
        return {"dropouts": DROPOUTS.frame([row(2 * tables["dropouts"]["start_ms"][0])])}

    seen: list[int] = []
    heard = run([stage(work=counting(21, seen))], ROOT, store)
    outcome = run([stage("second", doubled, ("first",))], ROOT, store, upstream=heard)
    assert outcome.tables["dropouts"]["start_ms"].to_list() == [42]
    assert list(outcome.states) == ["first", "second"]
    assert heard.tables["dropouts"]["start_ms"].to_list() == [21]


def test_recordings_do_not_share_results(store: Store) -> None:
    run([stage()], ROOT, store)
    assert run([stage()], "ef" * 32, store).states == {"first": "done"}


KILLED = """
    import os, signal, sys
    from pathlib import Path
    from pipeline.workspace.stage_cache import Computation, run
    from pipeline.workspace.store import Store
    from pipeline.core.tables import DROPOUTS
    victim = sys.argv[2]
    def work(name, start_ms):
        def do(tables):
            if name == victim:
                os.kill(os.getpid(), signal.SIGKILL)
            row = {"start_ms": start_ms, "end_ms": start_ms + 1, "channel": 0}
            return {"dropouts": DROPOUTS.frame([row])}
        return do
    names = ["first", "second", "third"]
    made = [Computation(n, 1, tuple(names[i - 1 : i]) if i else (), work(n, i))
            for i, n in enumerate(names)]
    outcome = run(made, "cd" * 32, Store(Path(sys.argv[1])))
    print(*outcome.states.values(), *outcome.tables["dropouts"].row(0), *outcome.addresses.values())
"""


@pytest.mark.parametrize(
    ("victim", "then"),
    [("first", "done done done"), ("second", "kept done done"), ("third", "kept kept done")],
)
def test_kill_in_any_stage_keeps_the_finished_and_gives_the_same(
    tmp_path: Path, victim: str, then: str
) -> None:
    def walk(folder: str, kill: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path / folder), kill]
        environment = {**os.environ, "PYTHONHASHSEED": "1" if kill else "2"}
        return subprocess.run(command, check=False, capture_output=True, text=True, env=environment)

    assert walk("killed", victim).returncode == -signal.SIGKILL
    again, whole = walk("killed", ""), walk("whole", "")
    assert again.stdout.startswith(then), again.stderr
    assert again.stdout.split()[3:] == whole.stdout.split()[3:]
