"""Delivers an event to each step of `measured` as Lambda would, and prints its trace last."""

import contextlib
import json
import sys

from aws_xray_sdk.core import xray_recorder
from measured import pipe

sent = []


class Emitter:
    def send_entity(self, entity):
        sent.append(entity.to_dict())


class Context:
    aws_request_id = "request-1"
    function_name = "shop-weigh"


xray_recorder.configure(sampling=False, emitter=Emitter())
for step in sys.argv[1:]:
    state = {"grams": 1500, "heavy": True}
    event = {
        "$orchwipy": {"states": {"event": state, "branches": [], "step": step, "run": "run-1", "retry": 0}}
    }
    with contextlib.suppress(KeyError):
        pipe.lambda_handler(event, Context())
print(json.dumps(sent))
