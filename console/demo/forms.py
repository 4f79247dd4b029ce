"""What visitors fill in: a name, a room, a headline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms
from django.contrib.auth.models import User
from django.core.validators import validate_slug

from console.demo.accounts import visitor
from console.demo.consumers.chat import MAX_ROOM_CHARS
from console.demo.models import Headline

if TYPE_CHECKING:
    HeadlineModelForm = forms.ModelForm[Headline]
else:
    HeadlineModelForm = forms.ModelForm

NO_HELP_FROM_THE_BROWSER = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


class NameForm(forms.Form):
    """A visitor's name; `user` is who goes by it once the form is valid."""

    name = forms.CharField(
        label="Your name",
        max_length=24,
        widget=forms.TextInput({"class": "input", **NO_HELP_FROM_THE_BROWSER}),
    )

    user: User

    def clean_name(self) -> str:
        """Find or make the user, so that a name that is taken is an error of this field."""
        name: str = self.cleaned_data["name"]
        self.user = visitor(name)
        return name


class RoomForm(forms.Form):
    """The name of a room to open."""

    room = forms.CharField(
        label="Another room",
        max_length=MAX_ROOM_CHARS,
        validators=[validate_slug],
        widget=forms.TextInput({"class": "input mono", **NO_HELP_FROM_THE_BROWSER}),
    )


class HeadlineForm(HeadlineModelForm):
    """A piece of news."""

    text = forms.CharField(
        label="Headline",
        max_length=140,
        widget=forms.TextInput({"class": "input", "autocomplete": "off"}),
    )

    class Meta:
        model = Headline
        fields = ("text",)
