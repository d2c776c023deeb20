"""Judges requests with Twilio's Python library: asked on standard input, answered on standard output, one JSON array a line."""

import base64
import json
import sys
from urllib.parse import parse_qsl

from twilio.request_validator import RequestValidator, get_signature_algorithm


class MultiDict(dict):
    """What web frameworks hand over for a form: names with all of their values."""

    def __init__(self, pairs):
        super().__init__()
        for name, value in pairs:
            self.setdefault(name, []).append(value)

    def getlist(self, name):
        return self[name]


def text(encoded):
    return base64.b64decode(encoded).decode("utf-8", "replace")


def pairs(encoded):
    return parse_qsl(text(encoded), keep_blank_values=True)


def params(reading):
    """The body as text, a form, a query as Twilio's agent SDK reads it (the first value of each name), or nothing."""
    if "body" in reading:
        return text(reading["body"])
    if "first_params" in reading:
        return dict(reversed(pairs(reading["first_params"])))
    return MultiDict(pairs(reading.get("params", "")))


def judge(request):
    validator = RequestValidator(request["token"])
    algorithm = get_signature_algorithm(request["settings"])
    answers = []
    for reading in request["readings"]:
        try:
            answers.append(validator.validate(reading["url"], params(reading), request["signature"], algorithm))
        except Exception as error:  # no acceptance: an application would answer 500
            answers.append(repr(error))
    return answers


for line in sys.stdin:
    print(json.dumps([judge(request) for request in json.loads(line)]), flush=True)
