import ctypes

libc = ctypes.CDLL(None, use_errno=True)
REFUSED = (1, 38)
LOCAL, INTERNET, INTERNET6, STREAM, DATAGRAM, SEQUENCE, RAW = 1, 2, 10, 1, 2, 5, 3
FAMILIES = {'netlink': 16, 'packet': 17, 'rds': 21, 'can': 29, 'tipc': 30, 'bluetooth': 31, 'alg': 38, 'vsock': 40, 'kcm': 41, 'qipcrtr': 42, 'smc': 43, 'xdp': 44, 'mctp': 45}
# Each of these makes the kernel look for a module of its own.
PROTOCOLS = {'dccp': 33, 'gre': 47, 'l2tp': 115, 'sctp': 132, 'udplite': 136, 'smc': 256, 'mptcp': 262}


def works(name, *numbers):
    ctypes.set_errno(0)
    made = getattr(libc, name)(*numbers)
    return made >= 0 or ctypes.get_errno() not in REFUSED


def harm():
    two = (ctypes.c_int * 2)()
    reached = [name for name, family in FAMILIES.items() for kind in (STREAM, DATAGRAM, SEQUENCE, RAW) if works('socket', family, kind, 0)]
    reached += [f'pair of {name}' for name, family in {**FAMILIES, 'internet': INTERNET}.items() if works('socketpair', family, STREAM, 0, two)]
    for family in (INTERNET, INTERNET6):
        reached += [name for name, protocol in PROTOCOLS.items() for kind in (STREAM, DATAGRAM, SEQUENCE) if works('socket', family, kind, protocol)]
    honest = [(LOCAL, STREAM, 0), (INTERNET, STREAM, 6), (INTERNET, DATAGRAM, 17), (INTERNET6, STREAM, 0)]
    reached += [f'{kind} is refused' for kind in honest if libc.socket(*kind) < 0 and kind[0] != INTERNET6]
    return sorted(set(reached))
