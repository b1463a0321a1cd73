# SPDX-License-Identifier: Apache-2.0
"""How long all images take from an empty cache, and how much of it is kept, beside another commit.

    python benchmarks/images.py --against REF      whole builds in turns: medians, and their ratios
    python benchmarks/images.py --by-step          this checkout's steps, one after the other

Run it as root in the environment of this checkout, as the builds themselves. Every build has a
cache and a container storage of its own, which are removed after it: what the machine has built
for its runs is neither used nor touched. Package registries are asked as always. On a machine that
does other things compare processor seconds; times are then worth little.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from mlflow_conformance.stand import images
from mlflow_conformance.stand.images.steps import Builder, remove_tree

ROOT = Path(__file__).resolve().parents[1]
BUILD = (sys.executable, "-m", "mlflow_conformance.stand.images", "build")
KIB, MIB = 2**10, 2**20


@dataclass(frozen=True)
class Cost:
    """What a whole build took.

    Args:
        wall_s: from its start to its end.
        processor_s: of it and all that it ran, user and system.
        largest_process_mib: resident memory of the largest process in it.
        cache_mib: what its cache takes on the disk afterwards.
    """

    wall_s: float
    processor_s: float
    largest_process_mib: float
    cache_mib: float


def main(argv: list[str]) -> int:
    """Print what was asked for as a table; 2 when a build fails."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--against", metavar="REF", help="the commit to be compared with")
    what.add_argument("--by-step", action="store_true", help="what each step takes and keeps")
    parser.add_argument("--runs", type=int, default=3, help="builds of each commit (default 3)")
    parser.add_argument("--room", type=Path, help="a folder with 60 GB free (default: /tmp's)")
    asked = parser.parse_args(argv)
    try:
        if asked.by_step:
            by_step(asked.room)
        else:
            compare(asked.against, asked.runs, asked.room)
    except subprocess.CalledProcessError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def compare(ref: str, runs: int, room: Path | None) -> None:
    """Build both commits in turns, so that what the machine does besides befalls both."""
    costs: dict[str, list[Cost]] = {ref: [], "this": []}
    with checkout(ref) as other:
        for number in range(1, runs + 1):
            for name, tree in ((ref, other), ("this", ROOT)):
                with stand(room) as variables:
                    cost = measured(tree, variables)
                costs[name].append(cost)
                print(json.dumps({"build": name, "run": number, **asdict(cost)}), flush=True)
    print(f"\n| median of {runs} | {ref} | this | ratio |\n|---|---|---|---|")
    for field in fields(Cost):
        before, after = (
            statistics.median(getattr(cost, field.name) for cost in costs[name])
            for name in (ref, "this")
        )
        print(f"| {field.name} | {before:.0f} | {after:.0f} | {after / before:.2f} |")


def by_step(room: Path | None) -> None:
    """Build every step alone, each from what those before it left."""
    with stand(room) as variables:
        os.environ.update(variables)
        cache = Path(variables["MLFLOW_CONFORMANCE_CACHE"])
        steps = images.needed(images.plan(images.load_pins(), "build"))
        print("| step | processor seconds | seconds | MiB kept |\n|---|---|---|---|")
        for number, step in enumerate(steps, start=1):
            kept, used, started = size_mib(cache / "steps"), processor_s(), time.monotonic()
            Builder(cache, lambda _: None).build(steps[:number])
            took = (processor_s() - used, time.monotonic() - started)
            kept = size_mib(cache / "steps") - kept
            print(f"| {step.name} | {took[0]:.0f} | {took[1]:.0f} | {kept:.0f} |", flush=True)


def measured(tree: Path, variables: Mapping[str, str]) -> Cost:
    """Build all images of a checkout.

    Raises:
        subprocess.CalledProcessError: the build failed; it has said why.
    """
    env = {**os.environ, **variables, "PYTHONPATH": str(tree / "src")}
    started = time.monotonic()
    process = subprocess.Popen(BUILD, cwd=tree, env=env, stdout=sys.stderr)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, BUILD)
    return Cost(
        wall_s=time.monotonic() - started,
        processor_s=used.ru_utime + used.ru_stime,
        largest_process_mib=used.ru_maxrss * KIB / MIB,
        cache_mib=size_mib(Path(variables["MLFLOW_CONFORMANCE_CACHE"])),
    )


def processor_s() -> float:
    """Of this process and all that it ran, so far."""
    parts = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(part.ru_utime + part.ru_stime for part in parts)


def size_mib(folder: Path) -> float:
    """What a folder takes on the disk; files with several names count once."""
    done = subprocess.run(("du", "-sk", folder), check=True, stdout=subprocess.PIPE)
    return int(done.stdout.split()[0]) * KIB / MIB


@contextmanager
def stand(room: Path | None) -> Iterator[dict[str, str]]:
    """The variables of a build with an empty cache and an empty container storage."""
    place = Path(tempfile.mkdtemp(prefix="images-benchmark-", dir=room))
    try:
        (place / "cache" / "steps").mkdir(parents=True)
        settings = place / "storage.conf"
        settings.write_text(
            '[storage]\ndriver = "overlay"\n'
            f'graphroot = "{place / "storage"}"\nrunroot = "{place / "run"}"\n',
            encoding="utf-8",
        )
        yield {
            "CONTAINERS_STORAGE_CONF": str(settings),
            "MLFLOW_CONFORMANCE_CACHE": str(place / "cache"),
            "MLFLOW_CONFORMANCE_IMAGES": "build",
        }
    finally:
        remove_tree(place / "cache")
        shutil.rmtree(place)


@contextmanager
def checkout(ref: str) -> Iterator[Path]:
    """A commit's files in a folder of their own."""
    with tempfile.TemporaryDirectory(prefix="images-benchmark-") as name:
        git = ("git", "-C", ROOT, "worktree")
        subprocess.run((*git, "add", "--quiet", "--detach", f"{name}/tree", ref), check=True)
        try:
            yield Path(name, "tree")
        finally:
            subprocess.run((*git, "remove", "--force", f"{name}/tree"), check=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
