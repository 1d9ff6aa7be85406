"""The parser of the command line: `ArgumentParser` says what was probably meant by an argument that it does not know.

`add_action` adds an action of a command. An option that names the one source of something uses `StoreOnce`: argparse
takes the last of two values without a word.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any


class ArgumentParser(argparse.ArgumentParser):
    """Unknown arguments end at the parser of their sub-command, so that its usage is printed and its options are near.

    argparse lets sub-commands give back what they do not know, and prints the usage of the whole program then.
    """

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse all arguments; the list is empty, since an unknown one ends the program with exit code 2."""
        parsed, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error("; ".join(map(self._describe_unknown, unknown)))
        return parsed, []

    def _describe_unknown(self, argument: str) -> str:
        """The argument with what was probably meant by it."""
        from harness.schema import nearest

        known = self._option_string_actions
        message = f"unrecognized argument {argument!r}"
        if argument.endswith(".toml") and "--config" in known:
            return f"{message}: did you mean --config {argument}?"
        word = argument.partition("=")[0]
        near = nearest(word, (name for name in known if name.startswith("--")))
        return f"{message}: did you mean {near}?" if near else message


def add_action(
    actions: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str
) -> argparse.ArgumentParser:
    """The parser of one action of a command; the text is its line in the command's help, and begins its own help."""
    return actions.add_parser(name, help=text, description=f"{text[:1].upper()}{text[1:]}.", allow_abbrev=False)


class StoreOnce(argparse.Action):
    """Stores a value as `store` does, and refuses a second one."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Store the value. Raises ArgumentError if there is one already."""
        if getattr(namespace, self.dest) is not self.default:
            raise argparse.ArgumentError(self, "given twice; leave out one of them")
        setattr(namespace, self.dest, values)
