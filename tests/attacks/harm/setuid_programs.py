import os
import subprocess


def harm():
    found = []
    for name in ('su', 'mount', 'passwd', 'newgrp', 'chsh'):
        for folder in ('/bin', '/usr/bin'):
            if os.access(os.path.join(folder, name), os.X_OK):
                done = subprocess.run([os.path.join(folder, name), '-c', 'id -u'], stdin=subprocess.DEVNULL, capture_output=True, text=True)
                if done.stdout.strip() == '0':
                    found.append(name)
    return found
