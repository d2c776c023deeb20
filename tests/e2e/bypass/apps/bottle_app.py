"""Bottle behind WSGI on a free port, which is the first line of its output. The directory with the packages is the first argument."""

import sys

sys.path.insert(0, f"{sys.argv[1]}/python")

from bottle import Bottle
from wsgiref.simple_server import WSGIRequestHandler, make_server

METHODS = ["GET", "POST"]

app = Bottle()


@app.route("/hook/exact", METHODS)
@app.route("/hook/tree/<rest:path>", METHODS)
@app.route("/alias", METHODS)
def protected(**_):
    return "protected"


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = make_server("127.0.0.1", 0, app, handler_class=Quiet)
    print(server.server_port, flush=True)
    server.serve_forever()
