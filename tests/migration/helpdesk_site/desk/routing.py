from django.urls import path, re_path

from desk import consumers
from desk.middleware import TokenMiddleware

websocket_urlpatterns = [
    re_path(r"^ws/tickets/(?P<ticket>\d+)/$", TokenMiddleware(consumers.TicketConsumer.as_asgi())),
    path("ws/status/", consumers.StatusConsumer.as_asgi()),
    path("ws/login/", consumers.LoginConsumer.as_asgi()),
]

http_urlpatterns = [path("count/", consumers.CountConsumer.as_asgi())]

channel_names = {"mail": consumers.MailConsumer.as_asgi()}
