"""Fork a running Python for each run of a program; python_driver.py starts and controls this process.

To start Python and load what a program imports takes several times as long as what most programs do then. So this
process does it once, and each fork runs the program as Python itself would: by the same function of its C interface,
in a module `__main__` like a new one. What a program can see of the difference: its command line in /proc, one frame
below its own, and at its end that what it left in a module of the library is not deleted.

It loads the modules that the program's first lines import, in their order, so far as they are listed here: what is
loaded when the program goes on is the same. Where a file beside the program would be imported instead, or the program
is no ordinary file, the fork executes Python anew.
"""

import os
import site
import sys

LOADED = frozenset(sys.modules)
PYTHON = "/usr/bin/python3"
SYNTAX_TREE_ONLY = 0x400
"""The flag of compile() that ast.parse passes."""
PR_SET_DUMPABLE = 4
PURE_MODULES = frozenset(
    """
    __future__ abc argparse array ast base64 binascii bisect calendar cmath codecs collections configparser contextlib
    copy csv dataclasses datetime decimal difflib enum errno fnmatch fractions functools getopt glob graphlib hashlib
    heapq html io itertools json keyword locale math numbers operator os pathlib pprint random re reprlib shlex shutil
    signal stat statistics string struct subprocess sys tempfile textwrap time tomllib types typing unicodedata
    """.split()  # noqa: SIM905
)
"""Modules that start nothing and keep nothing of their process, its environment, the time or its files when loaded."""


def first_imports(source):
    """(module, names) of each import at the head of a program, up to the first other statement."""
    for statement in compile(source, "<program>", "exec", SYNTAX_TREE_ONLY, dont_inherit=True).body:
        kind = type(statement).__name__
        if kind == "ImportFrom" and not statement.level:
            yield statement.module, [alias.name for alias in statement.names]
        elif kind == "Import":
            yield from ((alias.name, None) for alias in statement.names)
        elif not (kind == "Expr" and type(statement.value).__name__ == "Constant"):
            return


def load_first_imports(source):
    """Load what the program's first lines import, so far as it is known to be pure."""
    errors, sys.stderr = sys.stderr, None
    try:
        for module, names in first_imports(source):
            if module.partition(".")[0] not in PURE_MODULES:
                break
            __import__(module, fromlist=names)
    except (ImportError, SyntaxError, ValueError, RecursionError, MemoryError):
        # The program will meet the same error, where it does so otherwise.
        pass
    finally:
        sys.stderr = errors


def needs_new_python(path):
    """Whether this process may not be what the program would find: a file stands in the way, or is no ordinary one."""
    names = {name.partition(".")[0] for name in os.listdir(os.path.dirname(path))}
    is_shadowed = any(name.partition(".")[0] in names for name in sys.modules)
    return is_shadowed or os.path.islink(path) or not os.access(path, os.R_OK) or os.path.isdir(site.USER_SITE)


def new_main():
    """The module `__main__` as it is before a program begins."""
    module = type(sys)("__main__")
    vars(module).update(__annotations__={}, __builtins__=sys.modules["builtins"])
    return module


def prepare(request):
    """Make this fork what Python is when it begins the program; the program's path."""
    folder, *words = (os.fsdecode(word) for word in request.split(b"\0"))
    os.chdir(folder)
    os.environ["HOME"] = folder
    site.USER_BASE = site.USER_SITE = None
    site.getusersitepackages()
    path = os.path.join(folder, words[0])
    if needs_new_python(path):
        os.execv(PYTHON, ["python3", *words])
    sys.argv, sys.orig_argv = words, ["python3", *words]
    sys.path.insert(0, os.path.dirname(path))
    sys.modules["__main__"] = new_main()
    return os.fsencode(path)


def serve_forks(number):
    """Fork programs on request; in each fork, the function that runs it, its arguments, and that which ends Python."""
    import ctypes
    import gc

    from python_forker import serve

    library, python = ctypes.CDLL(None), ctypes.pythonapi
    library.fopen.restype = ctypes.c_void_p
    python.PyRun_AnyFileExFlags.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p)
    # While this is 0, no process of the same user can read or write this one's memory or take its descriptors (prctl).
    library.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    sys.path_importer_cache.pop(sys.path.pop(0), None)
    for name in sys.modules.keys() - LOADED:
        del sys.modules[name]
    load_first_imports(os.read(0, os.fstat(0).st_size))
    # Else the collection at its end would copy most of a fork's memory: a third of what the fork costs.
    gc.collect()
    gc.freeze()
    path = prepare(serve(number))
    library.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
    return python.PyRun_AnyFileExFlags, (library.fopen(path, b"rb"), path, True, None), python.Py_Exit


run, arguments, leave = serve_forks(int(sys.argv[1]))
# Python itself ends a program that was interrupted by the same signal, after this module.
if run(*arguments) and not isinstance(getattr(sys, "last_exc", None), KeyboardInterrupt):
    leave(1)
