"""Starlette behind ASGI on a free port, which is the first line of its output. The directory with the packages is the first argument."""

import socket
import sys

sys.path.insert(0, f"{sys.argv[1]}/python")

import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

METHODS = ["GET", "POST"]


async def protected(request):
    return PlainTextResponse("protected")


async def open_to_all(request):
    return PlainTextResponse("open", status_code=404)


app = Starlette(
    routes=[
        Route("/hook/exact", protected, methods=METHODS),
        Route("/hook/tree/{rest:path}", protected, methods=METHODS),
        Route("/alias", protected, methods=METHODS),
        Route("/{rest:path}", open_to_all, methods=METHODS),
    ]
)

# Of TCP by name, or what is written waits for the acknowledgement of what was written before.
listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
listener.bind(("127.0.0.1", 0))
# Whoever connects from now on waits until the application takes the connection.
listener.listen()
print(listener.getsockname()[1], flush=True)
uvicorn.Server(uvicorn.Config(app, log_level="error", ws="none")).run(sockets=[listener])
