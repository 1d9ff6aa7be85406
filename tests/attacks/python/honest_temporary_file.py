import json
import tempfile


def order(items):
    with tempfile.NamedTemporaryFile('w+') as file:
        json.dump(sorted(items), file)
        file.seek(0)
        return json.load(file)
