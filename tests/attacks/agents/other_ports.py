HOST, PORT = "127.0.0.1", int(URL.split(":")[2].split("/")[0])
answered = []
def raw(*lines, body=b""):
    with socket.create_connection((HOST, PORT), timeout=10) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        connection.shutdown(socket.SHUT_WR)
        reply = b""
        try:
            while data := connection.recv(65536):
                reply += data
        except OSError:
            pass
        return [part[:3] for part in reply.split(b"HTTP/1.1 ")[1:]]
body = json.dumps({"model": MODEL, "stream": False, "messages": [{"role": "user", "content": "hi"}]}).encode()
size = f"Content-Length: {len(body)}"
replies = [
    raw("GET http://127.0.0.1:22/ HTTP/1.1", "Host: 127.0.0.1:22"),
    raw("CONNECT 127.0.0.1:22 HTTP/1.1", "Host: 127.0.0.1:22"),
    raw("POST http://169.254.169.254/v1/chat/completions HTTP/1.1", "Host: x", size, body=body),
    raw("POST /v1/../api/pull HTTP/1.1", "Host: x", size, body=body),
    raw("POST /api/chat HTTP/1.1", "Host: x", size, body=body),
    raw("DELETE /v1/models HTTP/1.1", "Host: x"),
    raw("POST /v1/models HTTP/1.1", "Host: x", size, body=body),
    raw("GET /v1/chat/completions HTTP/1.1", "Host: x", "Upgrade: websocket", "Connection: Upgrade"),
    raw("POST /v1/chat/completions/../../slots HTTP/1.1", "Host: x", size, body=body),
]
for port in [22, 80, 443, 2375, 2376, 8080, 8124, 11434]:
    for host in (HOST, "172.17.0.1", "192.168.65.1", "host.docker.internal", "169.254.169.254"):
        try:
            socket.create_connection((host, port), timeout=0.2).close()
            answered.append((host, port))
        except OSError:
            pass
print(answered, sum(b"2" == status[:1] for reply in replies for status in reply))
