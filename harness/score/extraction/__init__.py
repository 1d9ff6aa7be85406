"""Finding the scored part of an answer: code, a JSON object, or review findings, in fences, wrappers or prose."""
