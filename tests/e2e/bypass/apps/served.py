"""Runs servers that end with this program, however it ends, and shows the port of one."""

import ctypes
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time


def _end_with_parent():
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def start(*command, **environment):
    return subprocess.Popen(
        command,
        preexec_fn=_end_with_parent,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        env=dict(os.environ, **environment),
    )


def serve_script(directory, text):
    """Serves this script by PHP's own server, which runs it for each request, on a free port."""
    script = pathlib.Path(directory) / "front.php"
    script.write_text(text)
    port = free_port()
    serve(port, start("php", "-q", "-S", f"127.0.0.1:{port}", str(script)))


def await_listener(address, server):
    """Returns once something listens at an address: a port, or a socket in the file system."""
    family, address = (socket.AF_INET, ("127.0.0.1", address)) if isinstance(address, int) else (socket.AF_UNIX, str(address))
    while True:
        with socket.socket(family) as client:
            if client.connect_ex(address) == 0:
                return
        if server.poll() is not None:
            sys.exit("a server ended before it listened")
        time.sleep(0.02)


def serve(port, server):
    """Prints the port once the server listens there, and waits until it ends."""
    await_listener(port, server)
    print(port, flush=True)
    server.wait()
