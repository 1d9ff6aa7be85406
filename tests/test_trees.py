"""An agent's final tree: read from a hostile archive, written as a patch and read back, cleaned."""

import io
import random
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from harness.trees import (
    MAX_FILE_BYTES,
    ORDINARY_REASONS,
    ExcludedPath,
    FinalTree,
    PatchError,
    apply_patch,
    clean_tree,
    make_patch,
    pack_tree,
    read_tree,
)

BEFORE = {"shop/cart.py": "a\nb\nc\nd\ne\nf\ng\nh\n", "shop/old.py": "x\n", "README.md": "no newline", "empty.txt": ""}
ODD = [
    "plain\n",
    "no newline",
    "",
    "\n",
    "a\r\nb\r\n",
    "a\x0cb\u2028c\n",
    "--- a/x\n+++ b/x\n",
    "\\ No newline at end of file\n",
    "tab\t\n \n",
]


def archive(files: Mapping[str, bytes], *members: tarfile.TarInfo) -> Iterator[bytes]:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        for member in members:
            tar.addfile(member)
    data = out.getvalue()
    return (data[at : at + 10_000] for at in range(0, len(data), 10_000))


def member(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def test_the_files_are_read_as_text() -> None:
    tree = read_tree(archive({"./a.py": b"1\n", "b/c.txt": "ä".encode()}, member("b", tarfile.DIRTYPE)))
    assert tree == FinalTree({"a.py": "1\n", "b/c.txt": "ä"})


def test_links_devices_absolute_names_and_binaries_are_left_out_and_listed() -> None:
    found = read_tree(
        archive(
            {"ok": b"1", "/etc/passwd": b"x", "../../up": b"x", "bin": b"\0", "latin": b"\xe4"},
            member("link", tarfile.SYMTYPE, "/etc/shadow"),
            member("hard", tarfile.LNKTYPE, "ok"),
            member("pipe", tarfile.FIFOTYPE),
            member("disk", tarfile.BLKTYPE),
            member("line\nbreak", tarfile.REGTYPE),
            member("a\nb/.git", tarfile.DIRTYPE),
        ),
        unsent=[("log\n", "file too large")],
    )
    assert found.files == {"ok": "1"}
    assert {entry.path: entry.reason for entry in found.left_out} == {
        "/etc/passwd": "outside of the tree",
        "../../up": "outside of the tree",
        "a?b/.git/": "repository, dependencies or cache",
        "log?": "file too large",
        "bin": "binary file",
        "latin": "binary file",
        "link": "link",
        "hard": "link",
        "pipe": "no regular file",
        "disk": "no regular file",
        "line?break": "unusual name",
    }


def test_a_name_that_is_not_utf_8_is_left_out_alone() -> None:
    found = read_tree(archive({"caf\udce9.txt": b"x", "a.py": b"fixed\n"}))
    assert found == FinalTree({"a.py": "fixed\n"}, (ExcludedPath("caf?.txt", "unusual name"),))


def test_no_number_of_ordinary_entries_hides_what_speaks_against_an_archive() -> None:
    binaries = {f"{number}.bin": b"\0" for number in range(1000)}
    found = read_tree(archive({**binaries, "/node_modules/a": b"1"}, member("1.bin", tarfile.SYMTYPE, "/etc")))
    others = [(entry.path, entry.reason) for entry in found.left_out if entry.reason not in ORDINARY_REASONS]
    assert others == [("/node_modules/a", "outside of the tree"), ("1.bin", "link")]
    assert len(found.left_out) < 300


@pytest.mark.parametrize("name", ["/etc", "../up", ".git/../../up", "a/../../node_modules"])
def test_a_folder_outside_of_the_tree_is_listed(name: str) -> None:
    (entry,) = read_tree(archive({}, member(name, tarfile.DIRTYPE))).left_out
    assert entry.reason == "outside of the tree"


def test_a_packed_tree_is_read_back_and_its_scripts_are_executable() -> None:
    files = {"a/b.py": "x" * 600, "run": "#!/bin/sh\n", "empty": ""}
    packed = pack_tree(files)
    assert read_tree([packed]) == FinalTree(files)
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        assert [(entry.name, entry.mode & 0o111) for entry in tar] == [("a/b.py", 0), ("empty", 0), ("run", 0o111)]


def test_folders_of_tools_are_left_out_as_a_whole() -> None:
    tree = read_tree(archive({".git/HEAD": b"x", "a/node_modules/.bin/node": b"x", "a/__pycache__/b.pyc": b"\0"}))
    assert tree.files == {}
    assert [entry.path for entry in tree.left_out] == [".git/", "a/__pycache__/", "a/node_modules/"]


def test_a_file_and_a_tree_that_are_too_large_are_left_out() -> None:
    tree = read_tree(archive({"large.log": b"x" * (MAX_FILE_BYTES + 1), "small": b"x"}))
    assert (tree.files, tree.left_out) == ({"small": "x"}, (ExcludedPath("large.log", "file too large"),))


def test_what_is_behind_the_limit_of_an_archive_counts_as_unchanged() -> None:
    zeros = (b"\0" * 512 * 1024 for _ in range(10**9))
    first = b"".join(archive({"new.py": b"1\n"}))[:1024]
    endless = member("huge", tarfile.REGTYPE)
    endless.size = 1 << 50
    chunks = iter([first, endless.tobuf(), *(next(zeros) for _ in range(8))])
    tree = read_tree(chunks, max_bytes=1024 * 1024)
    assert tree.files == {"new.py": "1\n"}
    assert ExcludedPath("/", "archive too large") in tree.left_out
    assert apply_patch(BEFORE, make_patch(BEFORE, tree)).files == {**BEFORE, "new.py": "1\n"}


def test_no_bytes_make_the_reader_fail() -> None:
    whole = bytearray(b"".join(archive({"a": b"1" * 700, "b": b"2"}, member("c", tarfile.SYMTYPE, "a"))))
    rng = random.Random(7)
    for _ in range(300):
        broken = bytearray(whole)
        for _ in range(rng.randrange(1, 8)):
            broken[rng.randrange(2048)] = rng.randrange(256)
        tree = read_tree([bytes(broken[: rng.randrange(len(broken))])])
        assert apply_patch({}, make_patch({}, tree)) == tree


@pytest.mark.parametrize("old", ODD)
def test_a_patch_is_read_back_as_the_tree_that_it_was_made_of(old: str) -> None:
    before = {**BEFORE, "odd name.txt": old}
    for new in ODD:
        tree = FinalTree(
            {"shop/cart.py": BEFORE["shop/cart.py"].replace("d", "D"), "odd name.txt": new, "new.txt": old}
        )
        assert apply_patch(before, make_patch(before, tree)) == tree
    assert make_patch(before, FinalTree(before)) == ""


def test_random_trees_survive_the_patch() -> None:
    rng = random.Random(3)
    for _ in range(150):
        before, after = (
            {
                f"f{n}": "".join(rng.choices(["a\n", "b\n", "\n", "c"], k=rng.randrange(12)))
                for n in range(4)
                if rng.random() < 0.8
            }
            for _ in "ab"
        )
        tree = FinalTree(after, (ExcludedPath("link (odd)", "link"),))
        assert apply_patch(before, make_patch(before, tree)) == tree


def test_git_applies_the_patch_and_gets_the_same_files(tmp_path: Path) -> None:
    tree = FinalTree(
        {"shop/cart.py": "z\nb\nc\nd\ne\nf\ng\n", "README.md": "no newline\n", "new dir/a b.txt": "1", "none": ""},
        (ExcludedPath("shop/link", "link"),),
    )
    for name, text in BEFORE.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    patch = make_patch(BEFORE, tree)
    subprocess.run(["git", "apply", "-"], input=patch, cwd=tmp_path, check=True, text=True)
    files = {str(path.relative_to(tmp_path)): path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    assert files == apply_patch(BEFORE, patch).files == tree.files


def test_what_git_diff_prints_is_read(tmp_path: Path) -> None:
    before = {"a.py": "def f():\n" + "    x = 1\n" * 9, "gone.txt": "x", "empty.txt": ""}
    after = {"a.py": before["a.py"] + "    return x\n", "new dir/b c.txt": "1\n", "b": ""}
    for name, text in before.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@x", "-C", str(tmp_path)]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"], ["rm", "-q", "gone.txt", "empty.txt"]):
        subprocess.run([*git, *command], check=True)
    (tmp_path / "new dir").mkdir()
    for name, text in after.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    subprocess.run([*git, "add", "-A"], check=True)
    shown = subprocess.run([*git, "diff", "--cached", "--no-renames"], check=True, capture_output=True, text=True)
    assert apply_patch(before, shown.stdout).files == after


def test_long_files_are_replaced_as_a_whole() -> None:
    before = {"long": "".join(f"{n % 7}\n" for n in range(5000))}
    tree = FinalTree({"long": before["long"].replace("3", "x")})
    patch = make_patch(before, tree)
    assert "@@ -1,5000 +1,5000 @@" in patch
    assert apply_patch(before, patch) == tree


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("-d", "-x"), "does not fit the file"),
        (("@@ -1,", "@@ -99,"), "out of place"),
        (("@@ -1,", f"@@ -{'1' * 5000},"), "expected a hunk"),
        (("@@ -1,", f"@@ -1,{'1' * 5000},"), "expected a hunk"),
        ((" b\n", ""), "expected a line of the hunk"),
        (("a/shop/cart.py b/", "a/../cart.py b/"), "expected the header"),
        (("diff --git a/shop/cart.py b/shop/cart.py\n", ""), "expected the header"),
        (("+++ b/shop/cart.py", "+++ b/shop/other.py"), "expected the header of the new file"),
        (("+D\n", "+D\n+E\n"), "number of lines"),
    ],
)
def test_a_patch_that_does_not_fit_exactly_is_refused(change: tuple[str, str], says: str) -> None:
    patch = make_patch(BEFORE, FinalTree({**BEFORE, "shop/cart.py": BEFORE["shop/cart.py"].replace("d", "D")}))
    with pytest.raises(PatchError, match=says):
        apply_patch(BEFORE, patch.replace(*change, 1))


def test_a_patch_cannot_make_a_file_in_a_file() -> None:
    patch = make_patch({}, FinalTree({"a": "1"})) + make_patch({}, FinalTree({"a/b": "1"}))
    with pytest.raises(PatchError, match="a is a file and a folder"):
        apply_patch({}, patch)


def test_what_may_not_change_is_put_back_and_what_is_new_elsewhere_is_removed() -> None:
    before = {"shop/cart.py": "1", "shop/price.py": "1", "tests/test_cart.py": "1", "pyproject.toml": "1"}
    after = {"shop/cart.py": "2", "shop/new.py": "1", "tests/test_cart.py": "pass", "scratch.py": "1"}
    clean = clean_tree(before, after, ["shop/*"])
    assert clean.files == {
        "shop/cart.py": "2",
        "shop/new.py": "1",
        "tests/test_cart.py": "1",
        "pyproject.toml": "1",
    }
    assert clean.changed == ("shop/cart.py", "shop/new.py", "shop/price.py")
    assert clean.put_back == ("pyproject.toml", "tests/test_cart.py")
    assert clean.removed == (ExcludedPath("scratch.py", "outside of what may change"),)


@pytest.mark.parametrize(
    "path",
    [
        "conftest.py",
        "shop/conftest.py",
        "shop/sitecustomize.py",
        "shop/x.pth",
        "pytest.ini",
        "shop/package.json",
        "node_modules/.bin/node",
        "shop/.env",
        "shop/a.so",
        "jest.config.js",
        ".git/config",
        "shop/json.py",
    ],
)
def test_what_would_be_loaded_without_being_asked_is_removed_wherever_it_is(path: str) -> None:
    clean = clean_tree({}, {path: "x"}, ["*"], lambda name: name.endswith("json.py"))
    assert clean.files == {}
    assert [entry.path for entry in clean.removed] == [path]


def test_a_task_may_allow_such_a_file_by_its_exact_name() -> None:
    assert clean_tree({}, {"package.json": "{}"}, ["src/*", "package.json"]).changed == ("package.json",)


@pytest.mark.parametrize("editable", [["*"], ["*.py", "*.js"], ["src/*"]])
def test_a_folder_in_the_place_of_a_protected_file_gives_way(editable: list[str]) -> None:
    before = {"conftest.py": "x", "package.json": "{}", "src/a.py": "1"}
    clean = clean_tree(before, {"conftest.py/x.py": "", "package.json/lib/q.js": "", "src/a.py": "2"}, editable)
    assert clean.files == {**before, "src/a.py": "2"}
    assert (clean.put_back, clean.changed) == (("conftest.py", "package.json"), ("src/a.py",))
    assert clean.removed == tuple(
        ExcludedPath(path, "outside of what may change") for path in ("conftest.py/x.py", "package.json/lib/q.js")
    )


def test_a_file_in_the_place_of_a_protected_folder_gives_way() -> None:
    clean = clean_tree({"tests/a.py": "1"}, {"tests": "x"}, ["tests"])
    assert clean.files == {"tests/a.py": "1"}
    assert clean.removed == (ExcludedPath("tests", "outside of what may change"),)
