"""The driver that runs programs: what it observes of a case, and that no case finds what another left."""

from collections.abc import Iterator

import pytest

from harness.sandbox import DockerSandbox, open_sandbox
from harness.sandbox.runner import case_order
from harness.types import Job, Json, Limits, Observation

PATIENT = Limits(load_timeout_s=60.0, case_timeout_s=30.0)
GO_PROGRAM = """package main

import (
	"fmt"
	"os"
)

func main() {
	_, err := os.Stat("/build/seen")
	fmt.Println(err == nil)
	os.WriteFile("/build/seen", nil, 0644)
	path, _ := os.Executable()
	os.Remove(path)
	os.WriteFile(path, []byte("#!/bin/sh\\necho replaced\\n"), 0755)
}
"""


def job_of(language: str, code: str, gives: list[Json]) -> Job:
    entry = {"bash": "answer.sh", "python": "answer.py", "go": "answer.go"}[language]
    cases = tuple((f"c{index}", give) for index, give in enumerate(gives))
    return Job(language, "program", entry, {entry: code}, cases, PATIENT)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[DockerSandbox]:
    with open_sandbox("test", print, ["bash"]) as opened:
        yield opened


def run(sandbox: DockerSandbox, code: str, *gives: Json) -> list[Observation]:
    return list(sandbox.run(job_of("bash", code, list(gives))))


def outputs(sandbox: DockerSandbox, code: str, cases: int = 3) -> set[str]:
    """What a program prints in each of several cases."""
    found = run(sandbox, code, *({"argv": []} for _ in range(cases)))
    assert [one.status for one in found] == ["returned"] * cases
    return {one.value["stdout"] for one in found}


@pytest.mark.engine
def test_deletions_modes_folders_and_links_are_observed(sandbox: DockerSandbox) -> None:
    give = {"files": {"a": "1", "b": "2", "c": "3", "d/e": "4", "same": "5", "gone/x": "6"}}
    code = "rm a; chmod 600 b; echo -n 9 > c; mkdir -p new/er; ln -s b link; mkfifo pipe; rm -r gone; chmod 700 d"
    (seen,) = run(sandbox, code, give)
    assert seen.value["files"] == {
        "a": {"deleted": True},
        "c": "9",
        "gone": {"deleted": True},
        "gone/x": {"deleted": True},
        "link": {"symlink": "b"},
        "new": {"folder": True},
        "new/er": {"folder": True},
        "pipe": {"special": "p"},
    }
    assert seen.value["modes"] == {"b": "600", "c": "644", "d": "700", "new": "755", "new/er": "755", "pipe": "644"}


@pytest.mark.engine
def test_a_case_begins_with_the_folders_links_and_modes_that_it_gives(sandbox: DockerSandbox) -> None:
    give = {"files": {"a": "x"}, "folders": ["d/e"], "links": {"l": "a"}, "modes": {"a": "400", "d/e": "500"}}
    (seen,) = run(sandbox, "stat -c '%A %N' a d/e l; cat l", give)
    assert seen.value["stdout"] == "-r-------- 'a'\ndr-x------ 'd/e'\nlrwxrwxrwx 'l' -> 'a'\nx"
    assert (seen.value["files"], seen.value["modes"]) == ({}, {})


@pytest.mark.engine
def test_an_empty_run_changes_nothing_and_bytes_are_exact(sandbox: DockerSandbox) -> None:
    (seen,) = run(sandbox, "printf 'a\\r\\n\\xff'; printf 'é\\n' >&2", {"files": {"a": "x"}})
    assert seen.value == {
        "exit": 0,
        "stdout": {"$": "bytes", "v": "YQ0K/w=="},
        "stderr": "é\n",
        "files": {},
        "modes": {},
    }


@pytest.mark.engine
@pytest.mark.parametrize("folder", ["/tmp", "/dev/shm", "/dev/mqueue", "/work", "$PWD/..", "$HOME"])
def test_no_folder_keeps_anything_for_the_next_case(sandbox: DockerSandbox, folder: str) -> None:
    code = f"stat -c %A {folder}; ls -A {folder} | grep -v '^answer.sh$' | grep -Ev '^[0-9a-f]{{16}}$'"
    left = f"; : > {folder}/left; touch -a -d 2040-01-01 {folder}; chmod 000 {folder} 2>/dev/null; exit 0"
    assert len(outputs(sandbox, code + left)) == 1
    assert len(outputs(sandbox, f"[ $(stat -c %X {folder}) -gt 2200000000 ] && echo later; true{left}")) == 1


@pytest.mark.engine
def test_every_folder_that_a_program_can_write_to_is_one_that_is_emptied(sandbox: DockerSandbox) -> None:
    code = "find / -xdev -type d -writable 2>/dev/null; find /dev /run /var /sys -type d -writable 2>/dev/null"
    (seen,) = run(sandbox, code, {"argv": []})
    own = {line for line in seen.value["stdout"].splitlines() if not line.startswith(("/work", "/proc"))}
    assert own <= {"/tmp", "/dev/shm", "/dev/mqueue", "/build"}


@pytest.mark.engine
def test_the_process_of_the_driver_can_be_neither_read_nor_written(sandbox: DockerSandbox) -> None:
    code = "for f in mem environ fd/200 maps; do head -c 1 /proc/1/$f >/dev/null 2>&1 && echo $f; done; ls /proc/1/fd;"
    code += "for f in $(find /proc/1 -maxdepth 1 -type f); do (echo 1 > $f) 2>/dev/null && echo $f; done; exit 0"
    (seen,) = run(sandbox, code, {"argv": []})
    assert seen.value["stdout"] == ""


@pytest.mark.engine
@pytest.mark.parametrize(
    "code",
    [
        "ulimit -Sn; prlimit --pid 1 --nofile=100:256",
        "nice; renice -n 5 -p 1",
        "taskset -p $$ | cut -d: -f2; taskset -p 1 1",
    ],
)
def test_a_case_that_changes_the_driver_itself_is_not_seen_by_the_next(sandbox: DockerSandbox, code: str) -> None:
    found = run(sandbox, code + " >/dev/null; exit 0", *({"argv": []} for _ in range(3)))
    shown = {one.value["stdout"] for one in found if one.status == "returned"}
    assert {one.status for one in found} <= {"returned", "crashed"}
    assert len(shown) <= 1


@pytest.mark.engine
@pytest.mark.parametrize("code", ["kill -INT 1", "for n in $(seq 64); do [ $n = 9 ] || kill -$n 1 2> /dev/null; done"])
def test_no_signal_from_inside_ends_or_stops_the_driver(sandbox: DockerSandbox, code: str) -> None:
    assert outputs(sandbox, f"{code}; sleep 0.3; echo x") == {"x\n"}


@pytest.mark.engine
def test_no_signal_from_inside_ends_the_driver_of_functions_in_bash(sandbox: DockerSandbox) -> None:
    code = "kill -INT 1\nf() { kill -INT 1; sleep 0.3; echo x; }"
    found = sandbox.run(
        Job("bash", "calls", "a.sh", {"a.sh": code}, (("a", {"call": "f"}), ("b", {"call": "f"})), PATIENT)
    )
    assert [one.value for one in found] == ["x", "x"]


@pytest.mark.engine
def test_an_interrupt_still_ends_what_a_program_starts(sandbox: DockerSandbox) -> None:
    assert outputs(sandbox, "sh -c 'kill -INT $$; echo no'; echo $?", cases=1) == {"130\n"}


@pytest.mark.engine
def test_a_program_may_remove_its_folder(sandbox: DockerSandbox) -> None:
    given: Json = {"argv": [], "files": {"in/a.txt": "a"}}
    found = run(sandbox, 'rm -rf "$PWD"; echo done', given, given)
    gone = {path: {"deleted": True} for path in (".", "answer.sh", "in", "in/a.txt")}
    assert [one.value["stdout"] for one in found] == ["done\n"] * 2
    assert [(one.value["files"], one.value["modes"]) for one in found] == [(gone, {})] * 2


@pytest.mark.engine
@pytest.mark.parametrize("target", ["/proc/1/net", "/usr", "nowhere"])
def test_a_folder_that_became_a_link_is_described_and_not_followed(sandbox: DockerSandbox, target: str) -> None:
    (seen,) = run(sandbox, f'd=$PWD; cd /; rm -rf "$d"; ln -s {target} "$d"', {"argv": []})
    assert (seen.status, seen.value["files"]) == (
        "returned",
        {".": {"symlink": target}, "answer.sh": {"deleted": True}},
    )


@pytest.mark.engine
def test_an_argument_that_is_too_long_ends_its_case_alone_and_is_named(sandbox: DockerSandbox) -> None:
    found = run(sandbox, "echo ${#1}", {"argv": ["x"]}, {"argv": ["x" * 140_000]}, {"argv": ["xy"]})
    ends = [(one.status, one.note) for one in found]
    assert ends == [("returned", None), ("crashed", "not started: Argument list too long"), ("returned", None)]
    code = "f() { echo ${#1}; }"
    cases = (("a", {"call": "f", "args": ["x" * 140_000]}), ("b", {"call": "f", "args": ["xy"]}))
    long, short = sandbox.run(Job("bash", "calls", "a.sh", {"a.sh": code}, cases, PATIENT))
    assert (long.status, long.note, short.value) == ("crashed", "not started: Argument list too long", "2")


@pytest.mark.engine
def test_the_name_of_the_folder_is_random_and_its_owner_is_alone(sandbox: DockerSandbox) -> None:
    assert len(outputs(sandbox, "pwd")) == 3
    assert outputs(sandbox, "ls -A .. | wc -l") == {"1\n"}


@pytest.mark.engine
def test_a_compiled_program_finds_its_folder_of_the_build_as_it_was() -> None:
    with open_sandbox("test", print, ["go"]) as sandbox:
        found = sandbox.run(job_of("go", GO_PROGRAM, [{"argv": []}, {"argv": []}, {"argv": []}]))
    assert [one.value["stdout"] for one in found] == ["false\n"] * 3


@pytest.mark.engine
def test_shuffled_cases_are_reported_in_the_order_of_the_job(sandbox: DockerSandbox) -> None:
    found = run(sandbox, "echo $1; [ $1 = 2 ] && kill -9 $$", *({"argv": [str(number)]} for number in range(6)))
    assert [one.value["stdout"] for one in found] == [f"{number}\n" for number in range(6)]
    assert [one.case for one in found] == [f"c{number}" for number in range(6)]


def test_the_order_of_cases_depends_on_the_job_alone_and_is_no_order_of_numbers() -> None:
    gives: list[Json] = [{"argv": [str(number)]} for number in range(20)]
    order = case_order(job_of("bash", "true", gives))
    assert order == case_order(job_of("bash", "true", gives))
    assert sorted(order) == list(range(20)) != order
    assert order != case_order(job_of("bash", "false", gives))
    assert order != case_order(job_of("bash", "true", [*gives[:-1], {"argv": ["x"]}]))
