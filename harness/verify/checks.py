"""The table of all checks: the id that findings carry, the level that the check belongs to, and what it requires.

tests/reject/<id>/ has the files that each check must refuse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CheckInfo:
    """A check's level, and its requirement as a statement that is true of a sound result."""

    level: str
    requirement: str


CHECKS: Mapping[str, CheckInfo] = {
    "file-missing": CheckInfo("readable", "result.json exists"),
    "archive": CheckInfo("readable", "an archive is readable, neither encrypted nor damaged"),
    "archive-path": CheckInfo("readable", "archive members have plain file names"),
    "archive-link": CheckInfo("readable", "files are regular files, not links or devices"),
    "archive-duplicate": CheckInfo("readable", "archive members have unique names"),
    "archive-bomb": CheckInfo("readable", "an archive stays below the limits for size, ratio and number of files"),
    "size": CheckInfo("readable", "documents and lines stay below the size limits"),
    "json": CheckInfo("readable", "JSON is valid UTF-8 without duplicate keys and NaN, every line ends with a newline"),
    "json-depth": CheckInfo("readable", "documents stay below the nesting limit"),
    "version": CheckInfo("schema", "this version of lanebench reads the format version of result.json"),
    "schema-result": CheckInfo("schema", "result.json is valid under its schema"),
    "schema-manifest": CheckInfo("schema", "manifest.json is valid under its schema"),
    "manifest": CheckInfo("consistent", "the bundle holds exactly the files of the manifest, byte for byte"),
    "signature": CheckInfo("consistent", "a signature is valid; where signers are listed, there is one of theirs"),
    "supersedes": CheckInfo("consistent", "a correction is signed by the key of what it corrects (warning)"),
    "digests": CheckInfo("consistent", "recordings, scores and log have the digests that the result states"),
    "answer-digests": CheckInfo("consistent", "each answer has the digest that is stated beside it"),
    "run-id": CheckInfo("consistent", "the run's id follows from its start and its seed"),
    "trials": CheckInfo(
        "consistent", "each model's trials are the first of the plan, in its order, each with its variant"
    ),
    "skipped": CheckInfo("consistent", "the skipped tasks are those that do not fit into the served context"),
    "looks": CheckInfo(
        "consistent", "a sequential run looked at the planned times and ended where its own rule ends it"
    ),
    "trial-times": CheckInfo("consistent", "trials lie within the run and do not overlap"),
    "outcomes": CheckInfo("consistent", "outcome and fraction follow from the checks"),
    "simulated": CheckInfo("consistent", "a run is marked as simulated exactly if one of its models is"),
    "agent-limits": CheckInfo("consistent", "all trials of agents have the same limits, and are within them"),
    "event-counts": CheckInfo("consistent", "the event counts of a stream agree with each other"),
    "turn-times": CheckInfo("consistent", "the times of a turn are in order and within the trial"),
    "rates": CheckInfo("consistent", "each rate is its tokens divided by its time"),
    "token-usage": CheckInfo("consistent", "no part of the server's token counts exceeds the whole (warning)"),
    "token-count": CheckInfo("consistent", "the server's token count is plausible for the text (warning)"),
    "cells": CheckInfo("consistent", "the cells follow from the trials"),
    "summaries": CheckInfo("consistent", "the summaries follow from the trials"),
    "warnings": CheckInfo("consistent", "the warnings are those that the evidence gives"),
    "derived": CheckInfo(
        "consistent", "comparisons, ranks, recommendations, gaps and sources follow from the evidence"
    ),
    "judging": CheckInfo("consistent", "ballots, mapping and answers of a blind judging are those that were committed"),
    "kit": CheckInfo("consistent", "the result was made by this version of lanebench"),
    "tasks": CheckInfo(
        "consistent", "the tasks are known locally, with the same digests; names of the kit's are its own"
    ),
    "suite": CheckInfo("consistent", "a run of a suite has exactly the tasks of that suite"),
    "lanes": CheckInfo(
        "consistent", "a lane with the name of one of the kit's has its tasks and its demands (warning)"
    ),
    "run-files": CheckInfo("consistent", "run.json and models.jsonl, if present, agree with the result"),
    "roofline": CheckInfo("consistent", "no model decodes faster than the memory bandwidth allows (warning)"),
    "identical-times": CheckInfo("consistent", "the trials of a cell do not all take the same time (warning)"),
    "schema-recordings": CheckInfo("reread", "each line of recordings.jsonl is valid under its schema"),
    "schema-scores": CheckInfo("reread", "each line of scores.jsonl is valid under its schema"),
    "schema-log": CheckInfo("reread", "each line of log.jsonl is valid under its schema"),
    "chain": CheckInfo("reread", "recordings, scores and log are one chain from the plan on, written in its sessions"),
    "log": CheckInfo("reread", "trials are missing only where a model or the recording was stopped"),
    "recordings": CheckInfo("reread", "the recordings are those of the result's trials, in order"),
    "turns": CheckInfo(
        "reread", "without an agent a trial has the turns that task and replies give, one after the other"
    ),
    "chunk-times": CheckInfo("reread", "chunks are in order, after the headers and before the end"),
    "repeated-times": CheckInfo("reread", "no two turns have the same times between their chunks"),
    "repetition": CheckInfo("reread", "a response that was stopped as a loop repeats to its end"),
    "server-timings": CheckInfo("reread", "no response is faster than its server says; both count the same tokens"),
    "anchors": CheckInfo("reread", "time stamps are of the line before them, and agree with the machine's time"),
    "served-models": CheckInfo(
        "reread", "the responses to a model report one model on one host, and those to another id another one (warning)"
    ),
    "clocks": CheckInfo("reread", "the clocks of this machine and of the server agree"),
    "scores": CheckInfo("reread", "outcomes, checks and sandbox are those of scores.jsonl"),
    "reread": CheckInfo("reread", "the recorded streams give the same answers, counts and timings"),
    "requests": CheckInfo("reread", "each request is the one that task, settings and seed give"),
    "rescored": CheckInfo("rescored", "the answers, run again, get the same verdicts"),
    "replicated": CheckInfo("replicated", "trials run again agree within chance"),
}
