"""Where the console's pages are, below wherever a project includes this module."""

from __future__ import annotations

from django.urls import path

from console import (
    action_views,
    client_views,
    downloads,
    letter_views,
    preference_views,
    recording_views,
    views,
)

app_name = "channelscope"

urlpatterns = [
    path("", views.index, name="index"),
    path("overview/", views.overview, name="overview"),
    path("connections/", views.connections, name="connections"),
    path("connections/<slug:connection_id>/", views.connection, name="connection"),
    path("traffic/", views.traffic, name="traffic"),
    path("traces/", views.traces, name="traces"),
    path("traces/<slug:trace_id>/", views.trace, name="trace"),
    path("groups/", views.groups, name="groups"),
    path("groups/<path:name>/", views.groups, name="group"),
    path("routing/", views.routing, name="routing"),
    path("workers/", views.workers, name="workers"),
    path("workers/letters/<slug:kind>/", letter_views.letters, name="letters"),
    path("settings/", views.settings, name="settings"),
    path("settings/preferences/", preference_views.preferences, name="preferences"),
    path("client/", views.client, name="client"),
    path("dialogs/<slug:kind>/", action_views.dialog, name="dialog"),
    path("act/<slug:kind>/", action_views.act, name="act"),
    path("recordings/", views.recordings, name="recordings"),
    path("recordings/keep/", recording_views.keep, name="keep-recording"),
    path("recordings/begin/", recording_views.begin, name="begin-recording"),
    path("recordings/<int:number>/", views.recording, name="recording"),
    path("recordings/<int:number>/end/", recording_views.end, name="end-recording"),
    path("recordings/<int:number>/change/", recording_views.change, name="change-recording"),
    path("recordings/<int:number>/remove/", recording_views.remove, name="remove-recording"),
    path(
        "recordings/<int:number>/steps.ndjson", recording_views.as_ndjson, name="recording-ndjson"
    ),
    path("recordings/<int:number>/steps.har", recording_views.as_har, name="recording-har"),
    path("recordings/<int:number>/test.py", recording_views.as_test, name="recording-test"),
    path("client/as/", client_views.open_as, name="open-as"),
    path("client/saved/", client_views.save, name="saved"),
    path("client/saved/<int:number>/", client_views.change, name="saved-message"),
    path("export/traffic.ndjson", downloads.traffic_ndjson, name="traffic-ndjson"),
    path("export/traffic.har", downloads.traffic_har, name="traffic-har"),
    path("export/connections.ndjson", downloads.connections_ndjson, name="connections-ndjson"),
    path("export/connections.har", downloads.connections_har, name="connections-har"),
    path("export/trace/<slug:trace_id>.otel.json", downloads.trace_otel, name="trace-otel"),
    path("metrics", downloads.metrics, name="metrics"),
    path("login/", views.SignIn.as_view(), name="login"),
    path("logout/", views.SignOut.as_view(), name="logout"),
]
