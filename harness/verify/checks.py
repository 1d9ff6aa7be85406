"""Every check by its id: the level it belongs to and what it demands. tests/reject/ has what each must refuse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CheckInfo:
    """A check as documents name it."""

    level: str
    demands: str


CHECKS: Mapping[str, CheckInfo] = {
    "file-missing": CheckInfo("readable", "the result is there"),
    "archive": CheckInfo("readable", "an archive can be read, is not encrypted and not damaged"),
    "archive-path": CheckInfo("readable", "names in an archive are plain file names, none leads out of it"),
    "archive-link": CheckInfo("readable", "no link and no device stands where a file should"),
    "archive-double": CheckInfo("readable", "no name stands in an archive twice"),
    "archive-bomb": CheckInfo("readable", "an archive does not unpack to absurd sizes or numbers of files"),
    "size": CheckInfo("readable", "documents and lines are not larger than the caps"),
    "json": CheckInfo("readable", "JSON in UTF-8, no key twice, no NaN, every line whole"),
    "json-depth": CheckInfo("readable", "documents are not nested absurdly"),
    "version": CheckInfo("schema", "the file's major version is one that this kit reads"),
    "schema-result": CheckInfo("schema", "result.json fits its schema"),
    "schema-manifest": CheckInfo("schema", "manifest.json fits its schema"),
    "manifest": CheckInfo("consistent", "the bundle holds exactly the manifest's files, byte for byte"),
    "signature": CheckInfo("consistent", "a signature that is there is one of the manifest's bytes"),
    "digests": CheckInfo("consistent", "recordings and scores are the files that the result names"),
    "answers": CheckInfo("consistent", "each answer has its digest"),
    "run-id": CheckInfo("consistent", "the run is called after its start and its seed"),
    "trials": CheckInfo("consistent", "tasks x trials, none missing, doubled, unplanned or of another variant"),
    "times": CheckInfo("consistent", "trials lie within the run and do not overlap"),
    "verdicts": CheckInfo("consistent", "outcome and fraction follow from the checks"),
    "simulated": CheckInfo("consistent", "a run with a simulated model says that it is simulated"),
    "counts": CheckInfo("consistent", "a stream's events, arrivals and first events agree"),
    "turn-times": CheckInfo("consistent", "the moments of a turn are in their order and within the trial"),
    "rates": CheckInfo("consistent", "each rate is its tokens over its time"),
    "usage": CheckInfo("consistent", "no part of the server's tokens is more than the whole (doubt)"),
    "tokens-for-text": CheckInfo("consistent", "the server's tokens fit the text that it sent (doubt)"),
    "cells": CheckInfo("consistent", "every number of a cell follows from its trials"),
    "summaries": CheckInfo("consistent", "every number of a model follows from its trials"),
    "warnings": CheckInfo("consistent", "every warning that the evidence calls for is there, and no other"),
    "recomputed": CheckInfo("consistent", "comparisons, ranks, recommendations follow from the trials"),
    "tasks": CheckInfo("consistent", "the tasks are those known here, by digest"),
    "suite": CheckInfo("consistent", "a run of a suite has every task of it, and no other"),
    "run-plan": CheckInfo("consistent", "a run.json beside the result says the same of the run"),
    "rate-bound": CheckInfo("consistent", "no model decodes faster than the machine's memory allows (doubt)"),
    "same-times": CheckInfo("consistent", "trials do not take the same nanoseconds (doubt)"),
    "schema-recordings": CheckInfo("reread", "each line of recordings.jsonl fits its schema"),
    "schema-scores": CheckInfo("reread", "each line of scores.jsonl fits its schema"),
    "recordings": CheckInfo("reread", "the recordings are those of the result's trials, in order, turn by turn"),
    "chunk-times": CheckInfo("reread", "chunks come in order, after the headers and before the end"),
    "scores": CheckInfo("reread", "verdicts, checks and sandbox are those of scores.jsonl"),
    "reread": CheckInfo("reread", "the streams give the same answers, counts and times"),
    "asked": CheckInfo("reread", "each request is what task, settings and seed make it"),
    "rescored": CheckInfo("rescored", "the answers, run again, get the same verdicts"),
    "replicated": CheckInfo("replicated", "trials asked again agree by interval"),
}
