"""Django behind WSGI on a free port, which is the first line of its output. The directory with the packages is the first argument."""

import sys

sys.path.insert(0, f"{sys.argv[1]}/python")

import django
from django.conf import settings
from django.http import HttpResponse
from django.urls import path, re_path
from wsgiref.simple_server import WSGIRequestHandler, make_server

settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY="of a test")


def protected(request, **_):
    return HttpResponse("protected")


def open_to_all(request):
    return HttpResponse("open", status=404)


urlpatterns = [
    path("hook/exact", protected),
    path("hook/tree/<path:rest>", protected),
    path("alias", protected),
    re_path("(?i)^hook/folded$", protected),
    re_path("", open_to_all),
]


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


if __name__ == "__main__":
    django.setup()
    from django.core.handlers.wsgi import WSGIHandler

    server = make_server("127.0.0.1", 0, WSGIHandler(), handler_class=Quiet)
    print(server.server_port, flush=True)
    server.serve_forever()
