# SPDX-License-Identifier: Apache-2.0
"""What people use: MLflow's own command line and its pages in a browser."""

import io
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from mlflow_conformance.core import shell
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.run.fixtures.belongings import Belongings, Unique
from mlflow_conformance.stand.packages import BROWSERS
from mlflow_conformance.target.base import Target
from mlflow_conformance.tracking.browser import Browser, started
from mlflow_conformance.tracking.thresholds import Pages

if TYPE_CHECKING:
    from mlflow import MlflowClient

_PICTURE_PX = 800
_PICTURE_QUALITY = 60


@check(
    "TRK-8",
    impact="People see an empty page, or the commands of their documentation fail.",
    remedy="Open the page in the attached picture; look at --static-prefix, the allowed hosts, the "
    "origins of pages (--cors-allowed-origins, which SEC-6 judges) and the ingress's paths.",
    writes=("mlflow",),
)
def test_command_line_and_pages(
    evidence: Evidence,
    target: Target,
    mlflow_client: "MlflowClient",
    client_environment: dict[str, str],
    experiment: str,
    unique: Unique,
    belongings: Belongings,
    tmp_path: Path,
) -> None:
    """The documented commands and the pages in a browser show what was just made.

    Steps:
        1. Make a run with an artifact, and a registered model.
        2. `mlflow experiments search`, `mlflow runs list` and `mlflow artifacts download` find
           them (`experiments list` and `runs search` of older documentation no longer exist).
        3. A headless browser, once it has shown a page of its own, loads the page of the experiment
           and that of the model through the front door: the document that its scripts made shows
           their names.
    """
    within_s = evidence.row(Pages).within_s
    run_name, model = unique("run"), belongings.model(unique("model"))
    title = mlflow_client.get_experiment(experiment).name
    run_id = mlflow_client.create_run(experiment, run_name=run_name).info.run_id
    mlflow_client.log_text(run_id, "conformance", "note.txt")
    mlflow_client.create_registered_model(model)

    def ran(*arguments: str) -> shell.Completed:
        words = [sys.executable, "-m", "mlflow", *arguments]
        variables = {**client_environment, "COLUMNS": "400"}
        try:
            return shell.run(words, timeout_s=within_s, cwd=tmp_path, env=variables, check=False)
        except shell.CommandFailed as late:
            return late.completed

    if (alone := ran("--version")).code:
        evidence.undecided(
            f"`mlflow --version` does not run on this machine ({alone.problem}): install mlflow "
            "where this program is"
        )

    url = target.need_front().url
    pages = {
        "experiment": (f"{url}/#/experiments/{experiment}/runs", [title, run_name]),
        "model": (f"{url}/#/models/{model}", [model]),
    }
    pictures = {page: tmp_path / f"{page}.png" for page in pages}

    def browsed() -> tuple[Browser, dict[str, str]]:
        browser = started(BROWSERS, tmp_path, within_s)
        documents = {
            page: browser.document(address, pictures[page]) for page, (address, _) in pages.items()
        }
        return browser, documents

    # Each program keeps a core busy: the browser beside the commands.
    with ThreadPoolExecutor(1) as beside:
        shown = beside.submit(browsed)
        searched = ran("experiments", "search")
        listed = ran("runs", "list", "--experiment-id", experiment)
        downloaded = ran(
            "artifacts", "download", "--run-id", run_id, "--dst-path", str(tmp_path / "got")
        )

    for done in (searched, listed, downloaded):
        command = done.argv[3:5]
        what = f"exit code of mlflow {' '.join(command)}"
        if not evidence.expect("cli.exit-code", what, done.code, "==", 0, door="front"):
            evidence.note(f"standard error of mlflow {command[0]}", done.stderr[-1000:])
    evidence.expect(
        "cli.experiments", "experiments that are listed",
        title in searched.stdout, "==", True, door="front",
    )  # fmt: skip
    evidence.expect(
        "cli.runs", "runs that are listed", run_name in listed.stdout, "==", True, door="front"
    )
    got = tmp_path / "got" / "note.txt"
    evidence.expect(
        "cli.artifact", "artifact that was downloaded", got.read_text() if got.is_file() else None,
        "==", "conformance", door="front",
    )  # fmt: skip

    browser, documents = shown.result()
    evidence.note("a page of no server in the browser", round(browser.own_s, 1), unit="s")
    for page, (_, words) in pages.items():
        evidence.expect(
            "page.names", f"page of the {page}: names shown",
            [w for w in words if w in documents[page]], "==", words,
            door="front",
        )  # fmt: skip
        if pictures[page].is_file():
            picture = _small(pictures[page])
            evidence.attach(f"page of the {page}", picture, "image/webp", ".webp")


def _small(picture: Path) -> bytes:
    """A picture that a report has room for: narrower, as WebP."""
    from PIL import Image

    with Image.open(picture) as image:
        image.thumbnail((_PICTURE_PX, _PICTURE_PX))
        content = io.BytesIO()
        image.save(content, "WEBP", quality=_PICTURE_QUALITY)
    return content.getvalue()
