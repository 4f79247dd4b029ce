"""HTTP Archive 1.2 as a JSON Schema, written down from its public description.

Fields that begin with an underscore are a tool's own, which the format allows.

Source: "HTTP Archive (HAR) format", W3C Web Performance Working Group, version 1.2
"""

from __future__ import annotations

from typing import Any

STRING = {"type": "string"}
NUMBER = {"type": "number"}
SIZE = {"type": "integer", "minimum": -1}
MOMENT = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"}
TIME_MS = {"type": "number", "minimum": -1}
COMMENT = {"comment": STRING}


def thing(required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    """Return the schema of an object that has nothing but these fields, and a tool's own."""
    return {
        "type": "object",
        "required": list(required),
        "properties": {**required, **optional, **COMMENT},
        "patternProperties": {"^_": {}},
        "additionalProperties": False,
    }


def many(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": schema}


PAIR = thing({"name": STRING, "value": STRING})
COOKIE = thing(
    {"name": STRING, "value": STRING},
    path=STRING,
    domain=STRING,
    expires=STRING,
    httpOnly={"type": "boolean"},
    secure={"type": "boolean"},
)
MESSAGE = {
    "httpVersion": STRING,
    "cookies": many(COOKIE),
    "headers": many(PAIR),
    "headersSize": SIZE,
    "bodySize": SIZE,
}
REQUEST = thing(
    {
        "method": STRING,
        "url": {"type": "string", "format": "uri"},
        **MESSAGE,
        "queryString": many(PAIR),
    },
    postData=thing({"mimeType": STRING}, params=many(thing({"name": STRING})), text=STRING),
)
CONTENT = thing(
    {"size": {"type": "integer", "minimum": 0}, "mimeType": STRING},
    compression={"type": "integer"},
    text=STRING,
    encoding=STRING,
)
RESPONSE = thing(
    {
        "status": {"type": "integer"},
        "statusText": STRING,
        **MESSAGE,
        "content": CONTENT,
        "redirectURL": STRING,
    }
)
TIMINGS = thing(
    {
        "send": {"type": "number", "minimum": 0},
        "wait": {"type": "number", "minimum": 0},
        "receive": {"type": "number", "minimum": 0},
    },
    blocked=TIME_MS,
    dns=TIME_MS,
    connect=TIME_MS,
    ssl=TIME_MS,
)
ENTRY = thing(
    {
        "startedDateTime": MOMENT,
        "time": {"type": "number", "minimum": 0},
        "request": REQUEST,
        "response": RESPONSE,
        "cache": thing(
            {},
            beforeRequest={"type": ["object", "null"]},
            afterRequest={"type": ["object", "null"]},
        ),
        "timings": TIMINGS,
    },
    pageref=STRING,
    serverIPAddress=STRING,
    connection=STRING,
)
PAGE = thing(
    {
        "startedDateTime": MOMENT,
        "id": STRING,
        "title": STRING,
        "pageTimings": thing({}, onContentLoad=NUMBER, onLoad=NUMBER),
    }
)
HAR = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["log"],
    "properties": {
        "log": thing(
            {
                "version": {"const": "1.2"},
                "creator": thing({"name": STRING, "version": STRING}),
                "entries": many(ENTRY),
            },
            browser=thing({"name": STRING, "version": STRING}),
            pages=many(PAGE),
        )
    },
    "additionalProperties": False,
}
