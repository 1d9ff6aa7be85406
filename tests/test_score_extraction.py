"""Extraction of code from answers in the shapes that models give: the rule that finds it, and exactly what it finds."""

import time
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.languages import LANGUAGES
from harness.score.edits.apply import apply_edits
from harness.score.edits.formats import find_edits
from harness.score.execute import find_code
from harness.score.extraction.extract import RULES, Hints, extract
from harness.score.extraction.fences import fenced_blocks, label_of
from harness.score.extraction.json_answer import find_object
from harness.score.extraction.recognition import defines, is_code
from harness.score.extraction.review_findings import findings_of
from harness.score.extraction.template_tokens import clean
from harness.score.extraction.wrappers import new_side
from harness.score.prose.segments import names, sentences
from tests.deep import sampled
from tests.scored import case, variant_of

PY = "def add(a, b):\n    return a + b\n"
HELPED = (
    "import math\n\n\ndef half(n):\n    return math.floor(n / 2)\n\n\ndef add(a, b):\n    return half(a) + half(b)\n"
)
JS = "function add(a, b) {\n  return a + b;\n}\n"
TS = "export function add(a: number, b: number): number {\n  return a + b;\n}\n"
GO = 'package main\n\nimport "fmt"\n\nfunc main() {\n\tfmt.Println(1)\n}\n'
RUST = "fn add(a: i64, b: i64) -> i64 {\n    a + b\n}\n"
BASH = '#!/usr/bin/env bash\nset -euo pipefail\nfor file in "$1"/*.log; do\n  gzip "$file"\ndone\n'
STRANGE_BASH = (
    "#!/usr/bin/env bash\n# with `set -e`\n\n[[ $# -eq 1 ]] || exit 2\n(( $# > 0 )) && "
    "echo yes\n\n[[ -d $1 ]] || exit 3\n"
)
SQL = "SELECT name, count(*) AS n\nFROM orders\nGROUP BY name;\n"
THINK = "<think>Maybe\n```python\ndef add(a, b):\n    return 0\n```\n</think>\n"


@dataclass(frozen=True)
class Shape:
    """One answer: what it looks like, its language, the rule that must fire and the code that must come out."""

    name: str
    answer: str
    rule: str | None
    code: str = ""
    language: str = "python"
    wanted: tuple[str, ...] = ("add",)


FENCED = [
    Shape("a labeled fence", f"```python\n{PY}```", "fenced", PY),
    Shape("prose on both sides", f"Here you are:\n\n```python\n{PY}```\n\nIt adds. Done.", "fenced", PY),
    Shape("a short label", f"```py\n{PY}```", "fenced", PY),
    Shape("a label in capitals", f"```Python\n{PY}```", "fenced", PY),
    Shape("a label of version three", f"```python3\n{PY}```", "fenced", PY),
    Shape("a label with a file's name", f"```python:answer.py\n{PY}```", "fenced", PY),
    Shape("a label with a title", f'```python title="answer.py"\n{PY}```', "fenced", PY),
    Shape("a label in braces", f"```{{.python .numberLines}}\n{PY}```", "fenced", PY),
    Shape("a file's name for a label", f"```answer.py\n{PY}```", "fenced", PY),
    Shape("a space before the label", f"``` python\n{PY}```", "fenced", PY),
    Shape("Windows newlines", f"```python\n{PY}```".replace("\n", "\r\n"), "fenced", PY),
    Shape("a byte order mark", f"\ufeff```python\n{PY}```", "fenced", PY),
    Shape("a fence of four", f"````python\n{PY}````", "fenced", PY),
    Shape("a fence of tildes", f"~~~python\n{PY}~~~", "fenced", PY),
    Shape("a fence under a list item",
          "1. Replace it:\n\n   ```python\n   def add(a, b):\n       return a + b\n   ```\n",
          "fenced", PY),
    Shape("a fence in the item's own line", "- ```python\n  def add(a, b):\n      return a + b\n  ```\n", "fenced", PY),
    Shape("a fence in a quote", "> ```python\n> def add(a, b):\n>     return a + b\n> ```\n", "fenced", PY),
    Shape("a fence indented by four", "Code:\n\n    ```python\n    def add(a, b):\n        return a + b\n    ```\n",
          "fenced", PY),
    Shape("no label", f"```\n{PY}```", "fenced-plain", PY),
    Shape("a label that names no language", f"```text\n{PY}```", "fenced-plain", PY),
    Shape("the label on the next line", f"```\npython\n{PY}```", "fenced", PY),
    Shape("a closing fence at the end of the last line", f"```python\n{PY.rstrip()}```", "fenced", PY),
    Shape("never closed", f"Sure.\n```python\n{PY}", "fenced-unclosed", PY),
    Shape("cut in the middle of a line", "```python\ndef add(a, b):\n    return a +", "fenced-unclosed",
          "def add(a, b):\n    return a +\n"),
    Shape("cut before the name", "```python\nimport mat", "fenced-undefined-unclosed", "import mat\n"),
    Shape("a fence inside a docstring", '```python\n"""Use it:\n\n```\nadd(1, 2)\n```\n"""\n\n\n' + PY + "```",
          "fenced", '"""Use it:\n\n```\nadd(1, 2)\n```\n"""\n\n\n' + PY),
    Shape("an end-of-turn token after it", f"```python\n{PY}```<|im_end|>\n", "fenced", PY),
    Shape("another end-of-turn token", f"```python\n{PY}```\n</s>", "fenced", PY),
    Shape("a stray closing fence at the end", f"```python\n{PY}```\n```", "fenced", PY),
]  # fmt: skip
SEVERAL = [
    Shape("the code, then how it is used", f"```python\n{PY}```\nUse:\n```python\nprint(add(1, 2))\n```",
          "fenced-last", PY),
    Shape("the code, then a shell command", f"```python\n{PY}```\nRun:\n```bash\npython answer.py\n```", "fenced", PY),
    Shape("the code, then its output", f"```python\n{PY}```\nOutput:\n```\n3\n```", "fenced", PY),
    Shape("a draft, then a better one", f"```python\ndef add(a, b):\n    return a\n```\nNo:\n```python\n{PY}```",
          "fenced-last", PY),
    Shape("the broken code quoted first", f"You had\n```python\ndef add(a, b):\n    return a - b\n```\nFixed:\n"
          f"```python\n{PY}```", "fenced-last", PY),
    Shape("two functions in two blocks", "```python\ndef half(n):\n    return n / 2\n```\nand\n"
          "```python\ndef add(a, b):\n    return half(a) + half(b)\n```", "fenced-joined",
          "def half(n):\n    return n / 2\n\ndef add(a, b):\n    return half(a) + half(b)\n", wanted=("half", "add")),
    Shape("a labeled and a plain block", "```python\ndef half(n):\n    return n / 2\n```\nand\n"
          "```\ndef add(a, b):\n    return half(a)\n```", "fenced-mixed-joined",
          "def half(n):\n    return n / 2\n\ndef add(a, b):\n    return half(a)\n", wanted=("half", "add")),
    Shape("helpers and an import in the block", f"```python\n{HELPED}```", "fenced", HELPED),
    Shape("tests after the code", f"```python\n{PY}```\n```python\nfrom answer import add\nassert add(1, 1) == 2\n```",
          "fenced-last", PY),
    Shape("a program and its tests",
          f"```python\n{HELPED}```\n```python\nimport pytest\n{HELPED}\ndef test_add(): ...\n```",
          "fenced-last", HELPED, wanted=()),
    Shape("a program and an example of it", f"```bash\n{BASH}```\nThen:\n```bash\nchmod +x rotate.sh\n```",
          "fenced-last", BASH, "bash", ()),
    Shape("the shebang marks the script", "```bash\n# how to install, at some length, in one line of shell\n"
          f"sudo cp rotate.sh /usr/local/bin/ && sudo chmod 755 /usr/local/bin/rotate.sh\n```\n```bash\n{BASH}```\n"
          "```bash\n# and a crontab\n0 3 * * * /usr/local/bin/rotate.sh /var/log/app 7 >> /var/log/rotate.log\n```",
          "fenced-last", BASH, "bash", ()),
    Shape("the wanted name in a plain block", f"```bash\npip install nothing\n```\n```\n{PY}```", "fenced-plain", PY),
    Shape("only a function of another name", "```python\ndef plus(a, b):\n    return a + b\n```", "fenced-undefined",
          "def plus(a, b):\n    return a + b\n"),
    Shape("under another language's label", f"```js\n{PY}```", "fenced-mislabeled", PY),
    Shape("TypeScript under JavaScript's label", f"```javascript\n{TS}```", "fenced", TS, "typescript"),
]  # fmt: skip
UNFENCED = [
    Shape("nothing but code", PY, "unfenced", PY),
    Shape("code with a comment and an import", f"# adds\nimport math\n\n{PY}", "unfenced",
          f"# adds\nimport math\n\n{PY}"),
    Shape("code that does not parse", "def add(a, b)\n    return a + b\n", "unfenced",
          "def add(a, b)\n    return a + b\n"),
    Shape("prose, then code", f"Here is the function:\n\n{PY}", "unfenced-in-prose", PY),
    Shape("prose around code", f"Here it is:\n\n{PY}\nThis adds both numbers.", "unfenced-in-prose", PY),
    Shape("code that was cut", "def add(a, b):\n    if a:\n        return (a +", "unfenced",
          "def add(a, b):\n    if a:\n        return (a +"),
    Shape("JavaScript alone", JS, "unfenced", JS, "javascript"),
    Shape("JavaScript after prose", f"Here it is.\n\n{JS}", "unfenced-in-prose", JS, "javascript"),
    Shape("an arrow function", "const add = (a, b) => a + b;\n", "unfenced", "const add = (a, b) => a + b;\n",
          "javascript"),
    Shape("TypeScript alone", TS, "unfenced", TS, "typescript"),
    Shape("Go alone", GO, "unfenced", GO, "go", ()),
    Shape("Rust alone", RUST, "unfenced", RUST, "rust"),
    Shape("Bash alone", BASH, "unfenced", BASH, "bash", ()),
    Shape("SQL alone", SQL, "unfenced", SQL, "sql", ()),
    Shape("Bash before one word", f"Here:\n\n{BASH}\nDone.", "unfenced-in-prose", BASH, "bash", ()),
    Shape("SQL between sentences", f"Use this query:\n\n{SQL}\nIt counts per name.", "unfenced-in-prose", SQL, "sql",
          ()),
    Shape("a program of one line", 'print("hello")\n', "unfenced", 'print("hello")\n', wanted=()),
    Shape("a prompt session", ">>> def add(a, b):\n...     return a + b\n...\n>>> add(1, 2)\n3\n",
          "prompt-session", "def add(a, b):\n    return a + b\n\nadd(1, 2)\n"),
]  # fmt: skip
WRAPPED = [
    Shape("a diff of the whole code", "```diff\n--- a/answer.py\n+++ b/answer.py\n@@ -1,2 +1,2 @@\n def add(a, b):\n"
          "-    return a - b\n+    return a + b\n```", "diff-new-side", PY),
    Shape("a diff without a label", "```\n@@ -1,2 +1,2 @@\n def add(a, b):\n-    return a - b\n+    return a + b\n```",
          "diff-new-side", PY),
    Shape("an object with the code", '{"code": "def add(a, b):\\n    return a + b\\n"}', "json", PY),
    Shape("a fenced object with the code", '```json\n{"answer": "def add(a, b):\\n    return a + b\\n"}\n```', "json",
          PY),
    Shape("between tags", f"<answer>\n{PY}</answer>", "tagged", PY),
    Shape("between HTML tags", "<pre><code>def add(a, b):\n    return [a + b, a &lt; b][0]\n</code></pre>",
          "tagged",
          "def add(a, b):\n    return [a + b, a < b][0]\n"),
    Shape("between square tags", f"[PYTHON]\n{PY}[/PYTHON]", "tagged", PY),
    Shape("between backticks", "Write `add = lambda a, b: a + b` and be done.", "inline", "add = lambda a, b: a + b\n"),
    Shape("a fence on one line", "```python add = lambda a, b: a + b```", "inline", "add = lambda a, b: a + b\n"),
    Shape("after a thought with a draft", f"{THINK}```python\n{PY}```", "fenced", PY),
    Shape("after the end of a thought",
          f"draft\n```python\ndef add(a, b):\n    return 0\n```\n</think>\n```python\n{PY}```",
          "fenced", PY),
]  # fmt: skip
NOTHING = [
    Shape("nothing", "", None),
    Shape("whitespace", " \n\n ", None),
    Shape("one word", "Done", None),
    Shape("prose", "Import the module first. For each item, return the sum; if there is none, return zero.", None),
    Shape("prose with a list", "- First, add a check\n- Then return the value\n1. Done: nothing else changes", None),
    Shape("prose with inline names", "Change `k` to `k - 1` in `add` and it works.", None),
    Shape("a refusal", "I'm sorry, but I cannot help with that request.", None),
    Shape("only reasoning", "<think>\ndef add(a, b): return a\n</think>", None),
    Shape("reasoning that never ended", f"<think>Let me see.\n```python\n{PY}```", None),
    Shape("only the shell commands", "Run:\n```bash\npip install add\n```", None),
    Shape("only an output", "It prints:\n```text\n3\n```", None),
    Shape("an empty fence", "```python\n```", None),
    Shape("an object without code", '{"status": "cannot", "reason": "missing_file"}', None),
    Shape("prose in a JavaScript task", "Let the index start at zero. Const is better than var; return the item.", None,
          language="javascript"),
    Shape("prose in a Go task", "The function should return the item. For ranges, type is important.", None,
          language="go",
          wanted=()),
    Shape("prose in a Bash task", "First, rotate the logs. Then, if a file is old, delete it.", None, language="bash",
          wanted=()),
    Shape("prose in an SQL task", "Select the rows you need with a join. Update the index, then delete the old ones.",
          None, language="sql", wanted=()),
    Shape("prose in a Rust task", "Use a reference. The struct should own it; impl the trait.", None, language="rust"),
    Shape("prose that has a colon and a bracket", "Note: this (the last one) is right.\nResult: fine", None, wanted=()),
]  # fmt: skip
WRONG = "def add(a, b):\n    return 0\n"
DRAFT = f"```python\n{WRONG}```\n"
CALLED = '{"name": "write_file", "arguments": {"path": "answer.py", "content": "def add(a, b):\\n    return a + b\\n"}}'
LEAKED = [
    Shape("channels: analysis, then final", "<|channel|>analysis<|message|>Maybe\n" + DRAFT
          + f"<|end|><|start|>assistant<|channel|>final<|message|>```python\n{PY}```<|return|>", "fenced", PY),
    Shape("channels: final, unfenced", f"<|start|>assistant<|channel|>final<|message|>{PY}<|return|>", "unfenced", PY),
    Shape("channels: analysis alone", f"<|channel|>analysis<|message|>Maybe\n{DRAFT}<|end|>", None),
    Shape("a reasoning channel with short marks", f"<|channel>thought\n{DRAFT}<channel|>```python\n{PY}```", "fenced",
          PY),
    Shape("reasoning in square brackets", f"[THINK]Maybe\n{DRAFT}[/THINK]```python\n{PY}```", "fenced", PY),
    Shape("reasoning in lozenges", f"◁think▷Maybe\n{DRAFT}◁/think▷```python\n{PY}```", "fenced", PY),
    Shape("reasoning with a prefixed tag", f"<seed:think>Maybe\n{DRAFT}</seed:think>```python\n{PY}```", "fenced", PY),
    Shape("a closing mark in a sentence", f"```python\n{PY}```\nI left out the </think> tag.", "fenced", PY),
    Shape("opened reasoning on one line", f"<think>It must add </think> as here:\n```python\n{PY}```", "fenced",
          PY),
    Shape("a closing mark between backticks", f"```python\n{PY}```\nIt ignores `</think>`.", "fenced", PY),
    Shape("a closing mark in a string", "```python\ndef add(a):\n    return a + '</think>'\n```", "fenced",
          "def add(a):\n    return a + '</think>'\n"),
    Shape("a mention below reasoning", f"{THINK}```python\n{PY}```\nIt ignores the </think> tag.", "fenced", PY),
    Shape("reasoning that ends in a sentence", f"It must add. </think> Here:\n```python\n{PY}```", "fenced", PY),
    Shape("reasoning that ends in a word in backticks", f"{DRAFT}Call it `add`</think>\n```python\n{PY}```", "fenced",
          PY),
    Shape("reasoning that ends in a quoted word", f'{DRAFT}Call it "add"</think>\n{PY}', "unfenced", f"\n{PY}"),
    Shape("reasoning that ends in a fence", f"{DRAFT.rstrip()}</think>\nIt adds:\n\n{PY}", "unfenced-in-prose", PY),
    Shape("reasoning that ends in the middle of a sentence",
          f"{DRAFT}ok, done </think> here it is:\n```python\n{PY}```", "fenced", PY),
    Shape("reasoning that ends before a period", f"{DRAFT}ok, done </think>.\n{PY}", "unfenced-in-prose", PY),
    Shape("opened reasoning with mentions alone",
          f"<think>Not the </think> tag.\n{DRAFT}Nor the </think> tag.\n```python\n{PY}```", "fenced", PY),
    Shape("reasoning without an answer", f"Maybe\n{DRAFT}</think>\n", None),
    Shape("a tool token before it", f"<|python_tag|>{PY}<|eom_id|>", "unfenced", PY),
    Shape("role tokens before it", f"<|im_start|>assistant\n{PY}<|im_end|>", "unfenced", PY),
    Shape("a role header before it", f"<|start_header_id|>assistant<|end_header_id|>\n\n```python\n{PY}```",
          "fenced", PY),
    Shape("an end token with wide bars", f"```python\n{PY}```<｜end▁of▁sentence｜>", "fenced", PY),
    Shape("an end token with wide bars, unfenced", f"{PY}<｜end▁of▁sentence｜>", "unfenced", PY),
    Shape("a byte order mark in the fence", f"```python\n\ufeff{PY}```", "fenced", PY),
    Shape("a zero-width space before the fence", f"\u200b```python\n{PY}```", "fenced", PY),
]  # fmt: skip
ODD = [
    Shape("a document in a fence of four", f"````markdown\nHere:\n```python\n{PY}```\n````", "fenced", PY),
    Shape("a document in a fence of three", f"```markdown\n# Answer\n\n```python\n{PY}```\n```", "fenced", PY),
    Shape("text after the closing fence", f"```python\n{PY}``` This adds both numbers.", "fenced", PY),
    Shape("classic Mac newlines", f"```python\n{PY}```".replace("\n", "\r"), "fenced", PY),
    Shape("a fence indented by a tab", "\t```python\n\tdef add(a, b):\n\t    return a + b\n\t```", "fenced", PY),
    Shape("a fence in a nested list", "* Code:\n  * ```python\n    def add(a, b):\n        return a + b\n    ```",
          "fenced", PY),
    Shape("a path for a label", f"```src/answer.py\n{PY}```", "fenced", PY),
    Shape("attributes in braces after the label", f"```python {{linenos=true}}\n{PY}```", "fenced", PY),
    Shape("a fence inside folded details", f"<details>\n<summary>Code</summary>\n\n```python\n{PY}```\n\n</details>",
          "fenced", PY),
    Shape("a sketch, then the whole", f"```python\ndef add(a, b):\n    ...\n```\nIn full:\n```python\n{PY}```",
          "fenced-last", PY),
    Shape("the whole, then its signature", f"```python\n{PY}```\nIt stays\n```python\ndef add(a, b): ...\n```",
          "fenced-last", PY),
    Shape("the whole, then where it goes",
          f"```javascript\n{JS}```\nso\n```javascript\n// ...\nconst add = 1;\n```", "fenced-last", JS,
          "javascript"),
    Shape("a prompt session after the code", f"```python\n{PY}```\n```python\n>>> add(1, 2)\n3\n```",
          "fenced-last", PY),
    Shape("a prompt session in a fence", "```python\n>>> def add(a, b):\n...     return a + b\n...\n```",
          "prompt-session", "def add(a, b):\n    return a + b\n\n"),
    Shape("numbered lines are no code", "```python\n1 | def add(a, b):\n2 |     return a + b\n```", "fenced-undefined",
          "1 | def add(a, b):\n2 |     return a + b\n"),
    Shape("an indented block of Markdown", "Here it is:\n\n    def add(a, b):\n        return a + b\n\nDone.",
          "indented", PY),
    Shape("the language's name, then code", f"python\n{PY}", "unfenced", PY),
    Shape("a file's name as a heading, then code", f"**answer.py**\n\n{PY}", "unfenced-in-prose", PY),
    Shape("a LaTeX environment", f"\\begin{{lstlisting}}[language=Python]\n{PY}\\end{{lstlisting}}",
          "unfenced-in-prose", PY),
    Shape("a diff without a fence",
          "Here is the diff:\n\n--- a/answer.py\n+++ b/answer.py\n@@ -1,2 +1,2 @@\n def add(a, b):\n"
          "-    return a - b\n+    return a + b\n\nThat is all.", "diff-new-side", f"{PY}"),
    Shape("a diff under the language's label", "```python\n def add(a, b):\n-    return a - b\n+    return a + b\n```",
          "diff-new-side", PY),
    Shape("a diff that makes the file", "```diff\ndiff --git a/answer.py b/answer.py\nnew file mode 100644\n"
          "index 0000000..1111111\n--- /dev/null\n+++ b/answer.py\n@@ -0,0 +1,2 @@\n+def add(a, b):\n"
          "+    return a + b\n```", "diff-new-side", PY),
    Shape("a tool call", CALLED, "json", PY),
    Shape("a tool call between tags", f"<tool_call>\n{CALLED}\n</tool_call>", "json", PY),
    Shape("a tool call as tags", "<tool_call>\n<function=write_file>\n<parameter=content>\n" + PY
          + "</parameter>\n</function>\n</tool_call>", "unfenced-in-prose", PY),
    Shape("a list of files", '{"files": [{"path": "answer.py", "content": "def add(a, b):\\n    return a + b\\n"}]}',
          "json", PY),
    Shape("a JSON string", '"def add(a, b):\\n    return a + b\\n"', "json", PY),
    Shape("verbatim between tags", f"<answer><![CDATA[\n{PY}]]></answer>", "tagged", PY),
    Shape("tags with attributes", '<pre lang="python"><code class="language-python">def add(a, b):\n    return a + b\n'
          "</code></pre>", "tagged", PY),
    Shape("a shell that writes the file", f"```bash\ncat > answer.py <<'EOF'\n{PY}EOF\npython answer.py\n```",
          "here-document", PY),
    Shape("a script that writes a file is a script", "```bash\ncat > out.txt <<EOF\nadd() { :; }\nEOF\n```", "fenced",
          "cat > out.txt <<EOF\nadd() { :; }\nEOF\n", "bash", ()),
]  # fmt: skip
ROTATE = 'for file in "$1"/*.log; do\n  gzip "$file"\ndone\n'
COUNT = "import sys\n\n\ndef count(text):\n    return len(text.split())\n"
START = 'if __name__ == "__main__":\n    print(count(sys.stdin.read()))\n'
LONG_USE = (
    "mkdir -p logs\nfor name in web mail admin; do\n  printf 'line\\n%.0s' 1 2 3 > logs/$name.log\ndone\n"
    "chmod +x rotate.sh\n./rotate.sh logs\nls -l logs | awk '{print $1, $9}'\n"
)
JS_MAIN = "const lines = process.argv.slice(2);\nconsole.log(total(lines));\n"
JS_TOTAL = "function total(lines) {\n  return lines.length;\n}\n"
WRONG_ADD = "def add(a, b):\n    return b\n"
PARTS = [
    Shape("a function, then the code that starts it", f"```python\n{COUNT}```\nand\n```python\n{START}```",
          "fenced-joined", COUNT + "\n" + START, wanted=()),
    Shape("a start that imports too", f"```python\n{COUNT}```\nand\n```python\nimport sys\n\n{START}```",
          "fenced-joined", COUNT + "\nimport sys\n\n" + START, wanted=()),
    Shape("a long part, then a short start", f"```python\n{COUNT}{'# words' * 40}\n```\nRun it by\n"
          f"```python\n{START}```", "fenced-joined", COUNT + "# words" * 40 + "\n\n" + START, wanted=()),
    Shape("imports, then the rest", "```python\nimport json\n```\nthen\n```python\nprint(json.dumps([]))\n```",
          "fenced-joined", "import json\n\nprint(json.dumps([]))\n", wanted=()),
    Shape("a helper before the wanted function", "```python\ndef half(n):\n    return n / 2\n```\nand\n"
          "```python\ndef add(a, b):\n    return half(a) + half(b)\n```", "fenced-joined",
          "def half(n):\n    return n / 2\n\ndef add(a, b):\n    return half(a) + half(b)\n"),
    Shape("a helper after the wanted function", "```python\ndef add(a, b):\n    return half(a) + half(b)\n```\nwith\n"
          "```python\ndef half(n):\n    return n / 2\n```", "fenced-joined",
          "def add(a, b):\n    return half(a) + half(b)\n\ndef half(n):\n    return n / 2\n"),
    Shape("a draft is no part of the better one", f"```python\n{COUNT}{START}```\nBetter:\n"
          f"```python\n{COUNT.replace('split()', 'split(None)')}{START}```", "fenced-last",
          COUNT.replace("split()", "split(None)") + START, wanted=()),
    Shape("an example of use is no part", f"```python\n{COUNT}{START}```\nFor example:\n"
          '```python\nprint(count("a b"))\n```', "fenced-last", COUNT + START, wanted=()),
    Shape("a parameter is no part of another block", f"```javascript\nconst a = [1];\n```\n```javascript\n{JS}```",
          "fenced-last", JS, "javascript"),
    Shape("two parts in JavaScript", f"```js\n{JS_TOTAL}```\nand\n```js\n{JS_MAIN}```", "fenced-joined",
          JS_TOTAL + "\n" + JS_MAIN, "javascript", ()),
    Shape("two parts in Bash", '```bash\nlog() {\n  echo "$1" >&2\n}\n```\nand\n```bash\nlog "$#"\nexit 1\n```',
          "fenced-joined", 'log() {\n  echo "$1" >&2\n}\n\nlog "$#"\nexit 1\n', "bash", ()),
    Shape("a function in Bash, then a short start", f"```bash\nrotate() {{\n{ROTATE}}}\n```\nand\n"
          '```bash\nrotate "$@"\n```', "fenced-joined", f'rotate() {{\n{ROTATE}}}\n\nrotate "$@"\n', "bash", ()),
]  # fmt: skip
BESIDE = [
    Shape("Bash without a shebang, then a longer use", f"```bash\n{ROTATE}```\nTo see it work:\n```bash\n{LONG_USE}```",
          "fenced-last", ROTATE, "bash", ()),
    Shape("a longer use, then Bash without a shebang", f"Set up:\n```bash\n{LONG_USE}```\nThe script:\n"
          f"```bash\n{ROTATE}```", "fenced-last", ROTATE, "bash", ()),
    Shape("what is run after the script", f"```bash\n{ROTATE}```\nRun this after the script:\n"
          "```bash\nls -l logs\nzcat logs/*.gz | head -n 5\ndu -sh logs\n```", "fenced-last", ROTATE, "bash", ()),
    Shape("what is run after the program", f"```python\n{COUNT}{START}```\nRun this after the script to check it:\n"
          "```python\nimport subprocess\n\nout = subprocess.run(['python3', 'answer.py'], input=b'a b', "
          "capture_output=True)\nprint(out.stdout.decode() == '2')\n```", "fenced-last", COUNT + START, wanted=()),
    Shape("a test block beside the program", f"```python\n{COUNT}{START}```\nTests:\n```python\nfrom answer import "
          "count\n\n\ndef test_count():\n    assert count('a b') == 2\n\n\ndef test_none():\n    "
          "assert count('') == 0\n```", "fenced-last", COUNT + START, wanted=()),
    Shape("a test block that loads the answer", f"```js\n{JS}```\n```js\nconst add = require('./answer').add;\n"
          "console.assert(add(1, 2) === 3);\n```", "fenced-last", JS, "javascript"),
    Shape("the fixed code, then the old", f"```python\n{PY}```\nThe original code was:\n"
          "```python\ndef add(a, b):\n    return a - b\n```", "fenced-last", PY),
    Shape("a fix of the original, then a better one", "A first fix:\n```python\ndef add(a, b):\n    return a\n```\n"
          f"A better version of the original:\n```python\n{PY}```", "fenced-last", PY),
    Shape("a better one after words of the old", f"```python\n{WRONG_ADD}```\nBut the original order counts, so:\n"
          f"```python\n{PY}```", "fenced-last", PY),
    Shape("a better program after a check", f"```python\n{COUNT}{START}```\nI should also check for a missing file:\n"
          f"```python\n{COUNT}# checked\n{START}```", "fenced-last", COUNT + "# checked\n" + START, wanted=()),
    Shape("a query without the driver's verb", f"```sql\n{SQL}```\nAll rows:\n```sql\nSELECT * FROM rows;\n```",
          "fenced-last", SQL, "sql", ()),
]  # fmt: skip
TICKS = "# `main()` is below\n"
FIRST_TRY = f"```python\n{WRONG_ADD}```\n"
MISLEADING = [
    Shape("a correction below what is wrong with the version before",
          f"{FIRST_TRY}The previous version is wrong for an empty list, so:\n```python\n{PY}```", "fenced-last", PY),
    Shape("a correction of what the version before missed",
          f"{FIRST_TRY}This handles what the previous version missed:\n```python\n{PY}```", "fenced-last", PY),
    Shape("a correction beside words of the original",
          f"{FIRST_TRY}The original function returned the wrong sum; this one does not:\n```python\n{PY}```",
          "fenced-last", PY),
    Shape("a correction, then the old code for reference",
          f"```python\n{PY}```\nIt adds. For reference, the original function:\n{FIRST_TRY}", "fenced-last", PY),
    Shape("a whole program that one can run, after a snippet",
          "The core of it:\n```python\nword = 'a'\n```\nThe complete script, to run with `python3 answer.py`:\n"
          f"```python\n{COUNT}{START}```", "fenced-last", COUNT + START, wanted=()),
    Shape("a script to run, after a snippet",
          f"Names are sorted bytewise:\n```bash\nexport LC_ALL=C\n```\nRun this script:\n```bash\n{BASH}```",
          "fenced-last", BASH, "bash", ()),
    Shape("a query to use, after an example",
          f"For example:\n```sql\nSELECT name FROM orders;\n```\nUse this query:\n```sql\n{SQL}```",
          "fenced-last", SQL, "sql", ()),
    Shape("a comment with backticks", TICKS + COUNT + START, "unfenced", TICKS + COUNT + START, wanted=()),
    Shape("a comment with backticks, below a sentence", f"Here it is:\n\n{COUNT}{TICKS}{START}", "unfenced-in-prose",
          COUNT + TICKS + START, wanted=()),
    Shape("a comment with backticks in SQL", f"-- `select name from pets` first\n{SQL}", "unfenced",
          f"-- `select name from pets` first\n{SQL}", "sql", ()),
    Shape("a script with lines that no pattern knows", STRANGE_BASH, "unfenced", STRANGE_BASH, "bash", ()),
    Shape("such a script, then sentences",
          f"{STRANGE_BASH}\nThis script counts the files.\n\n- It stops at a missing folder.\n", "unfenced",
          STRANGE_BASH, "bash", ()),
]  # fmt: skip
USE = "```python\nprint(add(1, 2))\n```"
CODE_LINE = PY.rstrip()
DOCUMENTED = 'def add(a, b):\n    """Add.\n\n    ```python\n    add(1, 2)\n    ```\n    """\n    return a + b\n'
WRITES_FENCE = "#!/usr/bin/env bash\ncat > README.md <<EOF\n```bash\nmake\n```\nEOF\n"
INEXACT = [
    Shape("a fence below words, with text after it", f"Here is the code: ```python\n{PY}```\nThis adds.", "fenced", PY),
    Shape("a fence below bold words, then its use", f"**Answer:** ```python\n{PY}```\n\nIt adds.\n\n{USE}",
          "fenced-last", PY),
    Shape("a closing fence after the last line, then text", f"```python\n{CODE_LINE} ```\nDone.", "fenced", PY),
    Shape("a closing fence after the last line, then its use", f"```python\n{CODE_LINE}```\n\nUsage:\n\n{USE}",
          "fenced-last", PY),
    Shape("such a one in JavaScript", "```js\nconst add = (a, b) => a + b;```\n\nUsage:\n\n```js\nadd(1, 2);\n```",
          "fenced-last", "const add = (a, b) => a + b;\n", "javascript"),
    Shape("a period after the closing fence", f"```python\n{PY}```.\n\nThis works.", "fenced", PY),
    Shape("a label after the closing fence", f"```python\n{PY}```python\nIt works.", "fenced", PY),
    Shape("a word after the closing fence, then its use", f"```python\n{PY}```end\nUse:\n{USE}", "fenced-last", PY),
    Shape("a closing fence that is missing before the next block", f"```python\n{PY}{USE}", "fenced-last", PY),
    Shape("a token after the closing fence, then a message",
          f"```python\n{PY}```<|endoftext|><|im_start|>user\nThanks<|im_end|>", "fenced", PY),
    Shape("a fence of four, closed by three", f"````python\n{PY}```\nIt works.", "fenced", PY),
    Shape("a fence of backticks, closed by tildes", f"```python\n{PY}~~~\nIt works.", "fenced", PY),
    Shape("a document without a label in a fence of four", f"````\n```python\n{PY}```\n````", "fenced", PY),
    Shape("a document without a label in a fence of three", f"```\n```python\n{PY}```\n```", "fenced", PY),
    Shape("such a document in Go", f"````\n```go\n{GO}```\n````", "fenced", GO, "go", ()),
    Shape("a labeled fence in a docstring", f"```python\n{DOCUMENTED}```", "fenced", DOCUMENTED),
    Shape("such a docstring without a label", f"````\n{DOCUMENTED}````", "fenced-plain", DOCUMENTED),
    Shape("a labeled fence in a docstring, never closed", f"```python\n{DOCUMENTED}", "fenced-unclosed", DOCUMENTED),
    Shape("fences in comments of Rust, never closed", f"```rust\n/// ```\n/// add(1, 2);\n/// ```\n{RUST}",
          "fenced-unclosed", f"/// ```\n/// add(1, 2);\n/// ```\n{RUST}", "rust"),
    Shape("a here-document in a fence of four", f"````bash\n{WRITES_FENCE}````", "fenced", WRITES_FENCE, "bash",
          ()),
    Shape("a fence below words without a colon", f"Here is the code ```python\n{PY}```\nIt adds.", "fenced", PY),
    Shape("a fence that is spoken of", f"I return one block that begins with: ```python\n\n```python\n{PY}```\nDone.",
          "fenced", PY),
    Shape("a fence that is spoken of in bold", f"**Format:** ```python\n\nHere it is:\n\n```python\n{PY}```", "fenced",
          PY),
    Shape("fences that are spoken of", f"- it starts with: ```python\n- it ends with: ```\n\n```python\n{PY}```",
          "fenced", PY),
    Shape("many drafts, each closed after its last line",
          f"No:\n```python\n{WRONG.rstrip()}```\n\ntext\n\n" * 20 + f"Yes:\n```python\n{PY.rstrip()}```\n\nDone.",
          "fenced-last", PY),
    Shape("a version in the label", f"```python3.11\n{PY}```", "fenced", PY),
]  # fmt: skip
NAMED_LIKE = "def add(a, b):\n    add = a\n    add = add + b\n    return add\n"
NAMED_LIKE_GO = "func add(a int) int {\n\tadd := 0\n\tadd = add + a\n\treturn add\n}\n"
JS_DRAFT = "function add(a, b) {\n  return a;\n}\n"
FRAGMENTS = [
    Shape("the whole, then a signature that does not parse",
          f"```python\n{PY}```\nThe signature is unchanged:\n```python\ndef add(a: int, b: int) -> int:\n```",
          "fenced-last", PY),
    Shape("the whole, then a signature in Rust",
          f"```rust\n{RUST}```\nThe signature is unchanged:\n```rust\nfn add(a: i64, b: i64) -> i64\n```",
          "fenced-last", RUST, "rust"),
    Shape("the whole, then a signature in TypeScript",
          f"```ts\n{TS}```\nIts type:\n```ts\nfunction add(a: number, b: number): number;\n```",
          "fenced-last", TS, "typescript"),
    Shape("the whole, then a use that takes its name", f"```python\n{PY}```\nExample:\n```python\nadd = add(1, 2)\n```",
          "fenced-last", PY),
    Shape("the whole, then a use that imports it",
          f"```python\n{PY}```\nUsage:\n```python\nfrom answer import add\n\nadd = add\nprint(add(1, 2))\n```",
          "fenced-last", PY),
    Shape("the whole, then a signature with types",
          f"```python\n{PY}```\nThe signature:\n```python\ndef add(a: int, b: int) -> int: ...\n```", "fenced-last",
          PY),
    Shape("a draft, then one with an import of its name", f"{DRAFT}Final:\n```python\nimport tools.add\n\n\n{PY}```",
          "fenced-last", f"import tools.add\n\n\n{PY}"),
    Shape("a draft, then one that imports a function of its name",
          f"{DRAFT}Final:\n```python\nfrom tools import add as plus\n\n\n{PY}```", "fenced-last",
          f"from tools import add as plus\n\n\n{PY}"),
    Shape("a draft, then one with a variable of its name", f"{DRAFT}Final:\n```python\n{NAMED_LIKE}```", "fenced-last",
          NAMED_LIKE),
    Shape("a draft, then one with a variable of its name in Go",
          f"```go\nfunc add(a int) int {{\n\treturn 0\n}}\n```\nFinal:\n```go\n{NAMED_LIKE_GO}```", "fenced-last",
          NAMED_LIKE_GO, "go"),
    Shape("a draft, then one that binds its name again",
          f"{DRAFT}Final:\n```python\n{PY}add = add if add else None\n```",
          "fenced-last", f"{PY}add = add if add else None\n"),
    Shape("a draft, then one that loads another package",
          "```js\nconst add = 0;\n```\nFinal:\n```js\nconst add = require('sums').add;\n```", "fenced-last",
          "const add = require('sums').add;\n", "javascript"),
    Shape("a draft, then a better one that does not parse",
          f"{DRAFT}Better:\n```python\n# adds both numbers\ndef add(a, b)\n    return a + b\n```", "fenced-last",
          "# adds both numbers\ndef add(a, b)\n    return a + b\n"),
    Shape("a better one that calls itself", f"{DRAFT}Better:\n```python\n{PY}add = cached(add)\n```", "fenced-last",
          f"{PY}add = cached(add)\n"),
    Shape("a function, then its export", f"```js\n{JS}```\nExport it:\n```js\nmodule.exports = {{ add }};\n```",
          "fenced-joined", f"{JS}\nmodule.exports = {{ add }};\n", "javascript"),
    Shape("a function, then its export by name", f"```js\n{JS}```\nExport it:\n```js\nexports.add = add;\n```",
          "fenced-joined", f"{JS}\nexports.add = add;\n", "javascript"),
    Shape("a draft, a better one, then its export",
          f"```js\n{JS_DRAFT}```\nBetter:\n```js\n{JS}```\n```js\nmodule.exports = {{\n  add: add,\n}};\n```",
          "fenced-joined", f"{JS}\nmodule.exports = {{\n  add: add,\n}};\n", "javascript"),
    Shape("a draft, then an export with the function in it",
          f"```js\n{JS_DRAFT}```\n```js\nmodule.exports = {{ add: (a, b) => a + b }};\n```",
          "fenced-last", "module.exports = { add: (a, b) => a + b };\n", "javascript"),
    Shape("a query under the label of its dialect, then its rows", f"```pgsql\n{SQL}```\nOutput:\n```\nname|n\n```",
          "fenced", SQL, "sql", ()),
    Shape("a script under another label, then what it prints", f"```console\n{BASH}```\nOutput:\n```\n3 a\n```",
          "fenced-mislabeled", BASH, "bash", ()),
    Shape("a single block that looks like nothing", "```\nvalues (1)\n```", "fenced-plain", "values (1)\n", "sql", ()),
]  # fmt: skip
SHAPES = [
    *FRAGMENTS,
    *INEXACT,
    *PARTS,
    *BESIDE,
    *MISLEADING,
    *FENCED,
    *SEVERAL,
    *UNFENCED,
    *WRAPPED,
    *LEAKED,
    *ODD,
    *NOTHING,
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_each_shape_gives_exactly_its_code_by_its_rule(shape: Shape) -> None:
    found = extract(shape.answer, shape.language, shape.wanted)
    assert (found and found.rule, found.code if found else "") == (shape.rule, shape.code)


def test_there_are_at_least_sixty_different_shapes() -> None:
    assert len({(shape.answer, shape.language) for shape in SHAPES}) >= 60


def test_every_rule_finds_a_shape() -> None:
    rules = {shape.rule for shape in SHAPES if shape.rule}
    for prefix in ("prompt-session", "fenced", "fenced-plain", "fenced-mixed", "diff", "json", "tagged", "inline",
                   "unfenced", "unfenced-in-prose", "fenced-mislabeled", "fenced-undefined", "indented",
                   "here-document"):  # fmt: skip
        assert any(rule.startswith(prefix) for rule in rules)
    assert len(RULES) == 15


def test_an_unclosed_block_is_reported() -> None:
    cut, whole = extract(f"```python\n{PY}", "python"), extract(f"```python\n{PY}```", "python")
    assert cut is not None
    assert whole is not None
    assert (cut.closed, whole.closed) == (False, True)


def test_all_blocks_are_joined_where_the_task_says_so() -> None:
    answer = "```sql\nSELECT 1;\n```\nand\n```sql\nSELECT 2;\n```"
    last, both = extract(answer, "sql"), extract(answer, "sql", (), Hints(joined=True))
    assert last is not None
    assert both is not None
    assert (last.code, both.code) == ("SELECT 2;\n", "SELECT 1;\n\nSELECT 2;\n")


def test_a_quotation_of_the_prompt_is_not_taken_for_the_answer() -> None:
    old = "def add(a, b):\n    return a - b\n"
    prompt = f"Repair this:\n```python\n{old}```\n"
    for quoted in (old, "def add(a, b):\n\n    return a - b  # here\n"):
        found = extract(
            f"```python\n{PY}```\nIt stood:\n```python\n{quoted}```", "python", ("add",), Hints(given=(prompt,))
        )
        assert found is not None
        assert found.code == PY
    unchanged = extract(f"```python\n{old}```", "python", ("add",), Hints(given=(prompt,)))
    assert unchanged is not None
    assert unchanged.code == old


def test_the_names_of_sql_are_not_those_of_the_driver() -> None:
    cases = [
        case("c", {"call": "rows", "args": [""]}, value=[]),
        case("d", {"call": "after", "args": ["", ""]}, value=[]),
    ]
    answer = f"```sql\n{SQL}```\nIt gives the rows by name:\n```sql\n-- rows after\nSELECT 1;\n```"
    found = find_code(answer, variant_of("calls", cases, language="sql"))
    assert found is not None
    assert found.code == SQL


@pytest.mark.parametrize(
    "label",
    [
        "Note that this would be wrong:", "A common mistake is to write:", "Not:", "Before the fix:",
        "The bug was here:", "Instead of:", "A naive version that is wrong:",
    ],
)  # fmt: skip
def test_a_counterexample_below_the_code_is_not_taken(label: str) -> None:
    found = extract(f"```python\n{PY}```\nIt adds. {label}\n{DRAFT}", "python", ("add",))
    assert found is not None
    assert found.code == PY


@pytest.mark.parametrize(
    "label",
    [
        "That is wrong:", "This avoids the common mistake:", "The bug was in the sum, which is fixed here:",
        "This would be wrong for None, so:", "Not bad, but better:", "Before the fix it gave 0, now:",
        "Actually, that would be wrong:", "Wait, that would be wrong.", "No, this would be a mistake:",
        "Hmm, returning 0 would be incorrect.", "That solution would still be wrong.", "Wrong!", "Wrong.", "Incorrect.",
        "Bad.", "Not this.", "Not that:", "The bug is here.", "The problem is here!", "The error was here:",
        "The fault was here:", "No, that is a version that is wrong:",
    ],
)  # fmt: skip
def test_a_correction_below_words_of_what_is_wrong_is_taken(label: str) -> None:
    found = extract(f"{DRAFT}{label}\n```python\n{PY}```", "python", ("add",))
    assert found is not None
    assert found.code == PY


def test_a_query_is_taken_before_sample_data_and_indexes_where_rows_are_looked_at() -> None:
    setup = "CREATE TABLE orders (name TEXT);\nINSERT INTO orders VALUES ('a'), ('b'), ('c'), ('d'), ('e'), ('f');\n"
    index = "CREATE INDEX orders_by_name ON orders (name);\n"
    sample = f"Given:\n```sql\n{setup}```\nThe query:\n```sql\n{SQL}```\n"
    faster = f"```sql\n{SQL}```\nYou may add an index:\n```sql\n{index}```\n"
    rows, after = (variant_of("calls", [case("c", {"call": call, "args": [""]}, value=[])], language="sql")
                   for call in ("rows", "after"))  # fmt: skip
    for answer, variant, code in ((sample, rows, SQL), (faster, rows, SQL), (faster, after, index),
                                  (f"```sql\n{index}```", rows, index)):  # fmt: skip
        found = find_code(answer, variant)
        assert found is not None
        assert found.code == code


def test_a_mark_chooses_the_block_that_contains_it() -> None:
    tests = "def test_add():\n    assert add(1, 1) == 2\n"
    found = extract(f"```python\n{tests}```\nfor\n```python\n{PY}```", "python", (), Hints(mark=r"^def test"))
    assert found is not None
    assert found.code == tests


def test_tests_in_several_blocks_are_taken_together() -> None:
    imports, first, second = "import pytest\n", "def test_a():\n    assert pytest\n", "def test_b():\n    assert 1\n"
    better, helper = first.replace("pytest", "pytest.mark"), "def check(a):\n    assert add(a, 1)\n"
    cases = [
        ((("Imports:", imports), ("One:", first), ("Two:", second)), "\n".join([imports, first, second])),
        ((("Imports:", imports), ("One:", first), ("Again:", better)), "\n".join([imports, better])),
        ((("One:", first), ("A better test:", second)), second),
        ((("One:", second), ("It tests this:", f"import re\n\n{PY}")), second),
        *(
            ((("One:", first), (label, second)), f"{first}\n{second}")
            for label in (
                "New Year:",
                "Tests with fixed dates:",
                "Tests for correct error messages:",
                "Whole ranges:",
                "Also a new test:",
            )
        ),
        *(
            ((("One:", first), (label, second)), second)
            for label in (
                "Improved:",
                "The final version:",
                "Corrected tests:",
                "Wait, it is 2, so let me redo this:",
                "Use this instead:",
            )
        ),
        ((("One:", second), ("Avoid tests like these, which need pytest:", first)), second),
        (
            (("Setup:", helper), ("One:", "def test_a():\n    check(1)\n"), ("Two:", second)),
            f"{helper}\ndef test_a():\n    check(1)\n\n{second}",
        ),
        (
            (("Setup:", "import pytest\nCASES = [1]\n"), ("One:", "def test_a():\n    assert CASES\n")),
            "import pytest\nCASES = [1]\n\ndef test_a():\n    assert CASES\n",
        ),
    ]
    for blocks, code in cases:
        answer = "\n".join(f"{label}\n```python\n{text}```" for label, text in blocks)
        found = extract(answer, "python", (), Hints(mark=r"^def test"))
        assert found is not None
        assert found.code == code


@pytest.mark.parametrize(
    ("language", "code", "name"),
    [
        ("python", "async def add(a):\n    pass", "add"),
        ("python", "class Tree:\n    def add(self): ...", "Tree.add"),
        ("python", "add: int = 3", "add"),
        ("javascript", "module.exports = { add };", "add"),
        ("javascript", "exports.add = (a) => a;", "add"),
        ("typescript", "export class Add {}", "Add"),
        ("go", "func (t *Tree) Add(n int) {}", "Add"),
        ("rust", "pub fn add<T>(a: T) {}", "add"),
        ("bash", "add() {", "add"),
        ("sql", "CREATE VIEW IF NOT EXISTS add_up AS SELECT 1", "add_up"),
    ],
)
def test_a_definition_is_recognized_in_each_language(language: str, code: str, name: str) -> None:
    assert defines(language, code, name)


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("python", "from answer import add"),
        ("python", "print(add(1, 2))"),
        ("python", "if add == 3: pass"),
        ("python", "def add_all(a): pass"),
        ("javascript", "add(1, 2);"),
        ("go", "x := add(1)"),
        ("rust", "let x = add(1);"),
    ],
)
def test_a_use_is_not_a_definition(language: str, code: str) -> None:
    assert not defines(language, code, "add")


def test_code_too_deeply_nested_for_the_parser_is_not_fatal() -> None:
    assert not is_code("python", "(" * 5000)
    assert extract("```python\n" + "(" * 5000 + "\n```", "python") is not None


def test_a_diffs_new_side_has_neither_headers_nor_old_lines() -> None:
    assert new_side("diff --git a/x b/x\nindex 1..2\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-old\n+new\n kept") == "new\nkept\n"


@pytest.mark.parametrize(
    ("info", "label"),
    [
        ("python", "python"),
        ("", ""),
        ("{.python}", "python"),
        ("JS\t", "js"),
        ("python,linenos", "python"),
        ("c++", "c++"),
    ],
)
def test_the_label_is_the_first_word_of_the_info_string(info: str, label: str) -> None:
    assert label_of(info) == label


def test_a_block_has_its_info_string_and_the_line_before_it() -> None:
    (block,) = fenced_blocks("intro\n\n**app.py**\n\n```python title=x\nx = 1\n```\n")
    assert (block.before, block.info, block.text) == ("**app.py**", "python title=x", "x = 1\n")


@given(st.text(), st.sampled_from(sorted(LANGUAGES)))
def test_no_text_breaks_the_search_for_code(text: str, language: str) -> None:
    found = extract(text, language, ("add",))
    assert found is None or found.code.strip()


@given(st.text(alphabet="`~ \n>-1.)#ab=(:", max_size=80))
def test_no_arrangement_of_marks_breaks_reading_fences(text: str) -> None:
    for block in fenced_blocks(clean(text)):
        assert "\r" not in block.text


ENDLESS = ["<think>", "<|im_end|>\n", "```\n", "~~~\n", "` ", "<code>", "[python]", "{", "[", " ", "\n", "- ", "> ",
           "1. ", "e.g. ", "<<<<<<< SEARCH\n", "--- a\n+++ b\n", "- line 3\n", "```a\n```\n"]  # fmt: skip


@pytest.mark.parametrize("token", sampled(ENDLESS, 4))
def test_an_endlessly_repeated_token_is_read_in_linear_time(token: str) -> None:
    """What took time in proportion to the square of its length would not come to an end here."""
    answer = token * (150_000 // len(token))
    found = extract(answer, "python", ("add",))
    assert found is None or found.code
    assert find_object(answer) is None
    assert findings_of(answer) is None or findings_of(answer)
    assert apply_edits(find_edits(answer, {"a.py": ""}), {"a.py": ""}).files is not None
    assert all(span.text for span in [*sentences(answer), *names(answer)])


ENDLESS_CODE = [" ", "\t", "\n", " \n", "function ", "class a\n", "type a\n", "exports = ", "const a\n", "use a::",
                "a: ", "a()", "with a (\n", "<<EOF\n", "```md\n", "@@ -1 +1 @@\n", "<|a|>", "# ...\n", "async ",
                "::"]  # fmt: skip


@pytest.mark.parametrize("language", sampled(LANGUAGES, 2))
def test_endlessly_repeated_code_is_read_in_linear_time(language: str) -> None:
    """The first words of a definition with nothing but blanks after them, and a line again and again."""
    began = time.process_time()
    for token in ENDLESS_CODE:
        for head in ("", f"Here:\n{token.strip()}", f"```{language}\n{token.strip()}", "function", "use a::"):
            answer = head + token * (20_000 // len(token))
            found = extract(answer, language, ("add",))
            assert found is None or found.code
    assert time.process_time() - began < 20
