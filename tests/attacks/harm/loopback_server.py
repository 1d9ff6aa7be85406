import socket
import threading


def harm():
    with socket.create_server(('127.0.0.1', 0)) as server:
        threading.Thread(target=lambda: server.accept()[0].sendall(b'hello')).start()
        with socket.create_connection(server.getsockname()) as made:
            return made.recv(5).decode()
