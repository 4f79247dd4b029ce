"""The room Client: where a person can connect to, and which messages are kept for it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from console import saved
from console.marks import new_mark
from console.pages.page import Page
from console.policy import impersonation_obstacle, steering_obstacle
from console.relay import relay
from console.routes import websocket_routes
from console.scope_drafts import ScopeDraft, drafts
from runtime.routing import get_default_application

if TYPE_CHECKING:
    from django.http import QueryDict


@dataclass(frozen=True, slots=True)
class RouteChoice:
    """One route of the select.

    Attributes:
        route: the pattern.
        path_template: the path, with its arguments in braces.
        arguments_json: [{"name", "example", "converter"}] as dial.js reads it.
    """

    route: str
    path_template: str
    consumer: str
    arguments_json: str
    is_chosen: bool


class ClientPage(Page):
    """The client; each `url` in its address is where one connection is set to go.

    Attributes:
        viewer: who looks; set by the view.
        host: that the viewer knows this site by; set by the view.
        saved_json: the messages that the project keeps, as saved.js reads them.
        drafts: of scopes that the server can run the application for.
        obstacle: why the viewer may not do that, as a sentence; "" if they may.
        as_obstacle: why the viewer may not open connections as other users; "" if they may.
    """

    name: ClassVar[str] = "client"
    room: ClassVar[str] = "client"
    template: ClassVar[str] = "console/client.html"
    title = "Client"
    is_live: ClassVar[bool] = False

    def __init__(self, params: QueryDict, subject: str = "") -> None:
        super().__init__(params, subject)
        self.url = params.get("url", "")
        self.viewer: Any = None
        self.host = "localhost"
        self.routes: list[RouteChoice] = []
        self.saved_json = "[]"
        self.drafts: list[ScopeDraft] = []
        self.obstacle = self.as_obstacle = ""

    @property
    def drafts_json(self) -> str:
        """The drafts, as virtual.js reads them."""
        return json.dumps([draft.as_json() for draft in self.drafts])

    @property
    def process_name(self) -> str:
        """The process that would run the application."""
        return relay.reader.process.name

    @property
    def mark(self) -> str:
        """What marks this viewer's connections as the console's."""
        return new_mark(self.viewer)

    async def load(self) -> None:
        """Read the routes of the application, and what the project has saved."""
        await super().load()
        if self.viewer is not None:
            self.saved_json = json.dumps(await saved.listed(self.viewer))
            self.obstacle = await steering_obstacle(self.viewer)
            self.as_obstacle = await impersonation_obstacle(self.viewer)
        application = get_default_application()
        found = websocket_routes(application)
        self.drafts = drafts(application, self.host)
        self.routes = [
            RouteChoice(
                route=one.route,
                path_template=one.path_template,
                consumer=one.consumer,
                arguments_json=json.dumps(
                    [
                        {"name": item.name, "example": item.example, "converter": item.converter}
                        for item in one.arguments
                    ]
                ),
                is_chosen=not self.url and place == 0,
            )
            for place, one in enumerate(found)
        ]
