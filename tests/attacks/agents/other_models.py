import gzip
HOST, PORT = "127.0.0.1", int(URL.split(":")[2].split("/")[0])
def post(data, path="/v1/chat/completions", **headers):
    request = urllib.request.Request(f"http://{HOST}:{PORT}{path}", data, {"Content-Type": "application/json", **headers})
    try:
        return urllib.request.urlopen(request, timeout=20).status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0
rest = ', "messages": [{"role": "user", "content": "hi"}]}'
good, bad = json.dumps(MODEL), json.dumps("another?tokens=5")
statuses = [
    post(f'{{"model": {bad}{rest}'.encode()),
    post(f'{{"model": {good}, "model": {bad}{rest}'.encode()),
    post(f'{{"model": {bad}, "model": {good}{rest}'.encode()),
    post(f'{{"model": {good}, "Model": {bad}{rest}'.encode()),
    post(f'{{"MODEL": {bad}, "model": {good}{rest}'.encode()),
    post(f'{{"model": {bad}{rest}'.encode("utf-16")),
    post(gzip.compress(f'{{"model": {bad}{rest}'.encode()), **{"Content-Encoding": "gzip"}),
    post(f'{{"model": [{good}, {bad}]{rest}'.encode()),
    post(f'{{"messages": [], "x": {{"model": {good}}}}}'.encode()),
    post(b"", path="/v1/chat/completions?model=another"),
    post(f'{{"model": {json.dumps(MODEL + chr(0))}{rest}'.encode()),
    post(f'{{"model": {json.dumps(MODEL.upper())}{rest}'.encode()),
]
print([status for status in statuses if status == 200])
