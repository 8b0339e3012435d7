"""The public names of the package: lazy, typed, documented, and doing what the commands do."""

import ast
import contextlib
import inspect
import io
import re
import runpy
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

import pipeline
from pipeline.cli.main import cli
from pipeline.core.tables import SCHEMAS

TALK = """role,start_ms,end_ms,text
therapist,0,4000,"How has your week been since we met here the last time?"
client,4200,6000,"You don't listen to me."
therapist,6500,9000,"I'm sorry. What was it like for you when I said that?"
client,9400,14000,"It was all right I suppose and then I went home to my {}."
"""
CODES = "session,start_ms,marker\nS-1,4500,C1\nS-2,4500,C1\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sessions in ``workspace``, and files about them."""
    folder = tmp_path_factory.mktemp("api")
    for name, code, who in (("a", "S-1", "sister"), ("b", "S-2", "brother")):
        (folder / f"{name}.csv").write_text(TALK.format(who), encoding="utf-8")
        notes = f"{{language: en, code: {code}, client: C-0{code[-1]}}}"
        (folder / f"{name}.csv.yaml").write_text(notes, encoding="utf-8")
    (folder / "codes.csv").write_text(CODES, encoding="utf-8")
    (folder / "mine.yaml").write_text("rules: [withdrawal]\n", encoding="utf-8")
    done = pipeline.run([folder / "a.csv", folder / "b.csv"], workspace=folder / "workspace")
    assert [each.error for each in done.recordings] == [None, None]
    return folder


def python(code: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )
    return ran.stdout.strip()


def test_importing_the_package_loads_nothing_else() -> None:
    code = (
        "import sys; before = set(sys.modules); import pipeline; dir(pipeline);"
        "print(sorted(n for n in set(sys.modules) - before if '.' in n or not n.startswith('_')))"
    )
    loaded = set(ast.literal_eval(python(code)))
    assert "pipeline" in loaded
    assert {name.split(".")[0] for name in loaded} <= {"pipeline", *sys.stdlib_module_names}
    assert {name for name in loaded if name.startswith("pipeline.")} == set()


def test_settings_and_errors_load_no_polars() -> None:
    code = (
        "import sys, pipeline; pipeline.Settings, pipeline.InputError; print(sorted(sys.modules))"
    )
    loaded = ast.literal_eval(python(code))
    assert "pipeline.config" in loaded
    assert "torch" not in loaded
    assert "polars" not in loaded


def test_looking_at_a_workspace_loads_no_model_library() -> None:
    loaded = ast.literal_eval(python("import sys, pipeline.api; print(sorted(sys.modules))"))
    assert {"torch", "pyannote", "faster_whisper"}.isdisjoint(loaded)


def test_every_public_name_is_there_and_says_what_it_is() -> None:
    assert dir(pipeline) == sorted(pipeline.__all__)
    for name in pipeline.__all__:
        value = getattr(pipeline, name)
        if name != "__version__":
            assert inspect.getdoc(value), name
            assert value.__name__ == name


def test_type_checkers_see_the_names_that_are_imported() -> None:
    (block,) = (
        node
        for node in ast.parse(inspect.getsource(pipeline)).body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    seen: dict[str, str | None] = {}
    for node in block.body:
        assert isinstance(node, ast.ImportFrom)
        seen |= {alias.name: node.module for alias in node.names}
    assert {*seen, "__version__"} == set(pipeline.__all__)
    for name, module in seen.items():
        assert module is not None
        assert getattr(sys.modules[module], name) is getattr(pipeline, name)


def test_a_name_that_is_not_public_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'pipeline' has no attribute 'nonsense'"):
        getattr(pipeline, "nonsense")  # noqa: B009  # mypy would see that it is missing


def test_a_session_has_its_metadata_moments_and_tables(folder: Path) -> None:
    with pipeline.open_workspace(folder / "workspace") as ws:
        assert [session.name for session in ws.sessions] == ["S-1", "S-2"]
        assert len(ws) == 2
        assert ws.n_unreadable == 0
        first, second = ws
    assert (first.duration_ms, first.language, first.replaced) == (14_000, "en", False)
    assert (first.metadata.client, second.metadata.client) == ("C-01", "C-02")
    assert first.path == folder / "a.csv"
    assert first.moments["kind", "marker"].rows() == [("confrontation", "C1")]
    assert "sister" not in repr(first)
    assert repr(first) == f"<Session {first.id[:12]}>"


def test_a_session_is_found_by_the_beginning_of_its_id_or_its_path(folder: Path) -> None:
    with pipeline.open_workspace(folder / "workspace") as ws:
        first = ws.sessions[0]
        assert ws[first.id[:6]].id == first.id
        assert ws[str(folder / "a.csv")].id == first.id
        with pytest.raises(pipeline.InputError, match="no session of this workspace matches"):
            ws["000000"]


def test_every_table_with_a_speaker_has_the_role_beside_it(folder: Path) -> None:
    with pipeline.open_workspace(folder / "workspace") as ws:
        session = ws.sessions[0]
    known = dict(session.table("roles").select("speaker", "role").iter_rows())
    assert set(known.values()) == {"therapist", "client"}
    assert "measures" in session.tables
    for name in session.tables:
        frame = session.table(name)
        own = frame.columns
        as_kept = [each for each in own if each != "role" or name in ("turns", "roles")]
        assert as_kept == SCHEMAS[name].names
        if "speaker" in own:
            assert own[own.index("speaker") + 1] == "role"
            pairs = frame.select("speaker", "role").unique().rows()
            assert pairs or name == "readings"  # without a reader nothing is read
            assert all(role == known.get(speaker) for speaker, role in pairs)
    measures = session.table("measures")
    assert measures.filter(pl.col("speaker").is_null())["role"].null_count() > 0


def test_every_table_is_explained() -> None:
    explained = inspect.getdoc(pipeline.Session.table) or ""
    assert set(re.findall(r"^(\w+)  +\S", explained, re.MULTILINE)) == set(SCHEMAS)


def test_a_table_that_is_not_there_is_told_with_the_nearest_name(folder: Path) -> None:
    with pipeline.open_workspace(folder / "workspace") as ws:
        session = ws.sessions[0]
    with pytest.raises(pipeline.ConfigError, match="unknown table 'turn'") as caught:
        session.table("turn")
    assert caught.value.expected == "did you mean 'turns'?"
    with pytest.raises(pipeline.ConfigError, match="this session has no table 'voices'"):
        session.table("voices")


def test_tables_are_exported(folder: Path, tmp_path: Path) -> None:
    with pipeline.open_workspace(folder / "workspace") as ws:
        session = ws.sessions[0]
    short = session.id[:12]
    (turns,) = session.export("parquet", tmp_path / "new", ["turns"])
    assert turns == tmp_path / "new" / f"{short}-turns.parquet"
    assert pl.read_parquet(turns).equals(session.table("turns"))
    (subtitles,) = session.export("vtt", str(tmp_path))
    assert "<v therapist>" in subtitles.read_text(encoding="utf-8")
    assert len(session.export("csv", tmp_path)) == len(session.tables)
    with pytest.raises(pipeline.ConfigError, match="unknown format 'parket'") as caught:
        session.export("parket", tmp_path)
    assert "parquet" in caught.value.expected


def test_a_run_gives_what_each_recording_came_to(folder: Path, tmp_path: Path) -> None:
    told: list[str] = []
    (tmp_path / "letter.txt").write_text("Dear all", encoding="utf-8")
    (tmp_path / "broken.wav").write_bytes(b"no sound")
    done = pipeline.run(
        [folder / "a.csv", tmp_path],
        workspace=folder / "workspace",
        on_result=lambda result: told.append(result.status),
    )
    first, second = done.recordings
    assert (first.status, first.error, first.exit_code) == ("kept", None, 0)
    assert first.session is not None
    assert first.session.name == "S-1"
    assert (second.status, second.session, second.exit_code) == ("failed", None, 3)
    assert second.error
    assert told == ["kept", "failed"]
    assert done.exit_code == 6
    assert done.remarks == ("Files in folders without a recording's suffix, not processed: 1.",)


def test_a_report_names_the_settings_that_were_given(folder: Path, tmp_path: Path) -> None:
    for settings, name in (
        ("strict", "strict"),
        (folder / "mine.yaml", "mine"),
        (pipeline.load_settings(folder / "mine.yaml"), "given from Python"),
    ):
        done = pipeline.run(str(folder / "a.csv"), workspace=tmp_path, settings=settings)
        assert done.exit_code == 0
        (report,) = tmp_path.glob("sessions/*/report.html")
        assert f"settings “{name}”" in report.read_text(encoding="utf-8")


def test_wrong_settings_are_refused_before_a_workspace_is_made(tmp_path: Path) -> None:
    with pytest.raises(pipeline.ConfigError, match="no profile 'strct'"):
        pipeline.run("a.csv", workspace=tmp_path / "ws", settings="strct")
    assert not (tmp_path / "ws").exists()


def test_a_workspace_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(pipeline.ConfigError, match="there is no workspace") as caught:
        pipeline.open_workspace(tmp_path / "none")
    assert caught.value.hint == "tether run RECORDING..."
    with pytest.raises(pipeline.ConfigError, match=r"is not a workspace: it has no tether\.db"):
        pipeline.open_workspace(tmp_path)
    with pytest.raises(pipeline.ConfigError, match="there is no workspace"):
        pipeline.evaluate(tmp_path / "none", folder_codes(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["codes.csv"]


def folder_codes(folder: Path) -> Path:
    (folder / "codes.csv").write_text(CODES, encoding="utf-8")
    return folder / "codes.csv"


def test_a_damaged_session_is_counted_and_the_others_open(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text(TALK.format(name), encoding="utf-8")
    files = [tmp_path / "a.csv", tmp_path / "b.csv"]
    done = pipeline.run(files, workspace=tmp_path / "ws")
    bad = done.recordings[0].session
    assert bad is not None
    (tmp_path / "ws" / "sessions" / bad.id[:12] / "walk.json").write_text("{")
    with pipeline.open_workspace(tmp_path / "ws") as ws:
        assert [session.path.name for session in ws.sessions] == ["b.csv"]
        assert ws.n_unreadable == 1
        with pytest.raises(pipeline.StoreError, match="damaged"):
            ws[bad.id]


def test_moments_are_scored_against_codes(folder: Path) -> None:
    with pipeline.open_workspace(folder / "workspace") as ws:
        result = pipeline.evaluate(ws, folder / "codes.csv")
        again = pipeline.evaluate(ws, [folder / "codes.csv"], settings=folder / "mine.yaml")
    assert result.evaluation.tally("confrontation").recall == 1
    assert again.evaluation.tally("confrontation").recall == 0
    assert "2 sessions" in pipeline.as_text(result)
    assert "0 sessions" in pipeline.as_text(result.evaluation.split("2")[0])


def test_one_tolerance_is_given(folder: Path) -> None:
    codes = pipeline.read_codes(folder / "codes.csv")
    workspace = folder / "workspace"
    wide = pipeline.evaluate(workspace, codes, tolerance_utterances=2)
    assert (wide.evaluation.tolerance.value, wide.evaluation.tolerance.unit) == (2, "utterances")
    assert pipeline.evaluate(workspace, codes, tolerance_ms=0).evaluation.tolerance.value == 0
    with pytest.raises(pipeline.ConfigError, match="a tolerance in milliseconds and one"):
        pipeline.evaluate(workspace, codes, tolerance_ms=1, tolerance_utterances=1)


def test_decisions_of_the_desk_serve_as_codes(folder: Path) -> None:
    with pipeline.open_workspace(folder / "workspace") as ws:
        assert ws.decisions.sessions == frozenset()
        both = pipeline.read_codes(folder / "codes.csv") + ws.decisions
    assert both.sessions == {"S-1", "S-2"}


def test_settings_are_compared(folder: Path) -> None:
    workspace = folder / "workspace"
    with pipeline.open_workspace(workspace) as ws:
        changes = pipeline.compare(ws, "default", folder / "mine.yaml", folder / "codes.csv")
        same = pipeline.compare(ws, None, pipeline.load_settings())
    assert changes.moments["change"].to_list() == ["vanished", "vanished"]
    assert changes.after is not None
    assert changes.after.tally().recall == 0
    assert "vanished" in pipeline.as_text(changes)
    assert same.moments["change"].to_list() == ["same", "same"]
    assert same.before is None


def test_settings_are_tuned_and_written(folder: Path, tmp_path: Path) -> None:
    sweep = folder / "sweep.yaml"
    sweep.write_text(
        "codes: codes.csv\ngroup: confrontation\ngoal: f1\nfolds: 2\n"
        "parameters: {moments.min_score: [0.0, 0.99]}\n",
        encoding="utf-8",
    )
    steps: list[tuple[int, int]] = []
    tuned = pipeline.tune(
        folder / "workspace",
        sweep,
        output=tmp_path / "tuned.yaml",
        on_progress=lambda done, every: steps.append((done, every)),
    )
    assert tuned.chosen == {"moments.min_score": 0.0}
    assert steps[-1][0] == steps[-1][1]
    assert pipeline.load_settings(tmp_path / "tuned.yaml").moments.min_score == 0.0
    text = (tmp_path / "tuned.txt").read_text(encoding="utf-8")
    assert text == f"{pipeline.as_text(tuned)}\n"
    with pytest.raises(pipeline.ConfigError, match="the sweep cannot be read"):
        pipeline.tune(folder / "workspace", folder / "none.yaml")


def test_codes_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    with pytest.raises(pipeline.InputError, match="codes: cannot be read"):
        pipeline.read_codes(tmp_path / "none.csv")
    bad = tmp_path / "bad.csv"
    bad.write_text("session,start_ms,marker\nS-1,x,C1\n", encoding="utf-8")
    with pytest.raises(pipeline.TetherError) as caught:
        pipeline.read_codes(bad)
    assert "line 2" in caught.value.found


def test_commands_and_functions_give_the_same_text(folder: Path) -> None:
    place = ["--workspace", str(folder / "workspace"), "--codes", str(folder / "codes.csv")]
    for command, names, text in (
        (
            "evaluate",
            [],
            pipeline.as_text(pipeline.evaluate(folder / "workspace", folder / "codes.csv")),
        ),
        (
            "compare",
            ["default", "strict"],
            pipeline.as_text(
                pipeline.compare(folder / "workspace", "default", "strict", folder / "codes.csv")
            ),
        ),
    ):
        got = CliRunner().invoke(cli, [command, *names, *place], catch_exceptions=False)
        assert got.output.strip() == text.strip()


def test_the_tour_runs(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tour = runpy.run_path(str(repository / "docs" / "examples" / "api_tour.py"))
    tour["main"](tmp_path)
    said = capsys.readouterr().out
    assert "monday.csv done" in said
    assert "confrontation events 2 recall 1.0" in said
    assert "missed: [('S-1', 'withdrawal', ['W4'], 30000)]" in said
    assert "vanished" in said
    assert "did you mean 'strict'?" in said


def test_the_page_runs_and_names_everything(
    folder: Path, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (repository / "docs" / "api.md").read_text(encoding="utf-8")
    assert [name for name in pipeline.__all__ if f"`{name}" not in page] == []
    for name, there in (("monday.csv", "a.csv"), ("monday.csv.yaml", "a.csv.yaml")):
        (tmp_path / name).write_bytes((folder / there).read_bytes())
    (tmp_path / "codes.csv").write_text("session,start_ms,marker\nS-1,4500,C1\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    said = io.StringIO()
    space: dict[str, object] = {}
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(blocks) == 6
    with contextlib.redirect_stdout(said):
        for block in blocks:
            exec(block, space)  # noqa: S102  # the page is ours
    assert "monday.csv done None" in said.getvalue()
    assert "there is no workspace 'no-such-folder'" in said.getvalue()
    assert (tmp_path / "tables").is_dir()
