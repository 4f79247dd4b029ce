"""What stands around every page: the navigation, who looks, and how they like it to look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from console.pages.rooms import ON_A_PHONE, SECTIONS, Room
from console.templatetags.channelscope import GLYPHS

if TYPE_CHECKING:
    from django.http import HttpRequest

THEMES = ("dark", "light")
DENSITIES = ("compact", "comfortable")


@dataclass(frozen=True, slots=True)
class Shell:
    """The frame of one page for one viewer.

    Attributes:
        viewer: the name of who looks.
        room: the room that the page is in; None at the door.
        theme: "dark", "light", or "" for what the system says.
        density: "compact", "comfortable", or "" for the default.
        recordings: the numbers and names of those that run now.
    """

    viewer: str
    room: Room | None
    theme: str
    density: str
    recordings: Sequence[tuple[int, str]] = ()

    theme_choices: ClassVar[tuple[tuple[str, str], ...]] = (
        ("", "As the system says"),
        ("dark", "Dark"),
        ("light", "Light"),
    )
    density_choices: ClassVar[tuple[tuple[str, str], ...]] = (
        ("", "Compact"),
        ("comfortable", "Comfortable"),
    )
    on_a_phone: ClassVar[frozenset[str]] = ON_A_PHONE
    sections: ClassVar[tuple[tuple[str, tuple[Room, ...]], ...]] = SECTIONS
    glyphs: ClassVar[list[dict[str, str]]] = [{"direction": name} for name in GLYPHS]

    @classmethod
    def of(cls, request: HttpRequest, user: Any, room: str = "") -> Shell:
        """Return the frame for a request; a cookie that says nonsense says nothing."""
        rooms = [one for _, section in SECTIONS for one in section if one.name == room]
        return cls(
            viewer=user.get_username() if user is not None else "",
            room=rooms[0] if rooms else None,
            theme=_choice(request, "channelscope_theme", THEMES),
            density=_choice(request, "channelscope_density", DENSITIES),
        )


def _choice(request: HttpRequest, cookie: str, choices: tuple[str, ...]) -> str:
    value = request.COOKIES.get(cookie, "")
    return value if value in choices else ""
