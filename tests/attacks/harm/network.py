import socket

ADDRESSES = ['1.1.1.1', '8.8.8.8', '169.254.169.254', '172.17.0.1', '192.168.0.1', '10.0.2.2', '255.255.255.255', '::ffff:1.1.1.1', '2606:4700:4700::1111']


def connect(address):
    family = socket.AF_INET6 if ':' in address else socket.AF_INET
    with socket.socket(family) as made:
        made.settimeout(0.2)
        made.connect((address, 80))


def send(address):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.sendto(b'x', (address, 53))


ATTEMPTS = [(address, lambda address=address: connect(address)) for address in ADDRESSES]
ATTEMPTS += [('datagram', lambda: send('1.1.1.1'))]
ATTEMPTS += [('name', lambda: socket.getaddrinfo('example.org', 80)), ('host', lambda: socket.gethostbyname('host.docker.internal'))]
ATTEMPTS += [('raw', lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)), ('packet', lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)), ('netlink', lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW))]


def worked(attempt):
    try:
        return attempt() is not False
    except (OSError, ValueError):
        return False


def harm():
    return [name for name, attempt in ATTEMPTS if worked(attempt)]
