"""A few walked sessions, for tests that open them in several ways."""

from pathlib import Path

import pytest

TALK = """role,start_ms,end_ms,text
therapist,0,4000,"How has your week been since we met here the last time?"
client,4200,6000,"You don't listen to me."
therapist,6500,9000,"I'm sorry. What was it like for you when I said that?"
client,9400,14000,"It was all right I suppose and then I went home to my sister."
therapist,14200,18000,"Could you say a bit more about your sister and the house?"
client,24200,26000,"{says}"
therapist,60000,64000,"And what would you like to talk about today?"
client,64200,66000,"I don't see how this is supposed to help."
"""
SAYS = ("She is well.", "I don't know.", "Can we stop?", "Fine.", "You never listen to me.")


@pytest.fixture(scope="session")
def five_processed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace of five sessions, one of them in a language without lexicons."""
    from pipeline import config  # noqa: PLC0415  # only tests that ask for it load the product
    from pipeline.evaluation.material.batch_results import results_of  # noqa: PLC0415  # likewise
    from pipeline.session.workbench import Workbench  # noqa: PLC0415  # likewise

    folder = tmp_path_factory.mktemp("cases")
    for number, says in enumerate(SAYS):
        file = folder / f"{number}.csv"
        file.write_text(TALK.format(says=says), encoding="utf-8")
        language = "tlh" if number == 1 else "en"
        file.with_name(f"{file.name}.yaml").write_text(f"language: {language}\n", encoding="utf-8")
    bench = Workbench(config.load(), folder / "ws")
    files = sorted(folder.glob("*.csv"))
    results = results_of(files, bench)
    bench.catalogue.close()
    assert [result.error for result in results] == [None] * len(SAYS)
    return folder / "ws"
